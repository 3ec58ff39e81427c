"""Double DQN (van Hasselt et al. 2016) with a uniform replay buffer and n-step returns."""

import copy
from typing import Any

import torch

from agp_tui.atari.algorithms.base import Actions, Learner, mean
from agp_tui.atari.replay_buffer import ReplayBuffer
from agp_tui.atari.vector_env import FrameStacks, StepResult

BUFFER_SIZE = 200_000
"""Transitions: 1.4 GB of frames of 84x84."""
LEARNING_STARTS = 10_000
"""Steps before the first update."""
N_STEPS = 3
"""Steps of the returns."""
TRAIN_FREQUENCY = 4
"""Steps for each update."""
TARGET_UPDATE_INTERVAL = 500
"""Updates between copies of the network to the target network."""


class Dqn(Learner):
    """Off-policy, epsilon-greedy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capacity = BUFFER_SIZE // self.group.size
        self.replay = ReplayBuffer(capacity, self.num_envs, self.network.spec.stack, self.device)
        self.target = copy.deepcopy(self.network)
        self._updates_due = 0.0

    def act(self, stacks: FrameStacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            greedy = self.forward(stacks)[0].argmax(1).cpu().numpy()
        self.replay.add_observation(stacks)
        return self.explore(greedy)

    def observe(self, actions: Actions, result: StepResult) -> None:
        """Add the step to the replay buffer."""
        self.replay.add_step(actions, self.shape_rewards(result), self.terminations(result), result)
        if self.replay.steps * self.num_envs >= LEARNING_STARTS // self.group.size:
            self._updates_due += self.num_envs / TRAIN_FREQUENCY

    @property
    def ready(self) -> bool:
        return self._updates_due >= 1.0

    def train_step(self, stacks: FrameStacks, progress: float) -> dict[str, float]:
        """All updates that are due: regression to `R + discount**n * Q_target(s', argmax_a Q(s', a))`."""
        self.set_learning_rate(1.0 - progress)
        losses, q_mean = [], []
        while self._updates_due >= 1.0:
            self._updates_due -= 1.0
            batch = self.replay.sample(self.rng, self.batch_size, N_STEPS, self.hyperparameters.discount)
            with torch.no_grad():
                next_actions = self.forward(batch.next_stacks)[0].argmax(1)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                    next_q = self.target(batch.next_stacks)[0].gather(1, next_actions[:, None])[:, 0]
                targets = self.tensor(batch.returns) + self.tensor(batch.discounts) * next_q
            q_values, values = self.forward(batch.stacks)
            loss = self.loss(q_values.gather(1, self.tensor(batch.actions)[:, None])[:, 0], targets)
            self.optimizer_step(loss)
            losses.append(loss.detach())
            q_mean.append(values.detach().mean())
            if self.updates % TARGET_UPDATE_INTERVAL == 0:
                self.target.load_state_dict(self.network.state_dict())
        return {"value_loss": mean(losses), "value_mean": mean(q_mean)}

    def state(self) -> dict[str, Any]:
        """Without the replay buffer: a resumed training fills it again."""
        return {**super().state(), "target": self.target.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.target.load_state_dict(state["target"])
