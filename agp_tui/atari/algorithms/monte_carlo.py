"""Every-visit Monte Carlo control, epsilon-greedy (Sutton and Barto 2018, 5.4): returns of whole episodes."""

from typing import Any

import numpy as np
import torch

from agp_tui.atari.algorithms.base import Actions, Learner, mean
from agp_tui.atari.returns import monte_carlo_returns
from agp_tui.atari.vector_env import FrameStacks, StepResult


class MonteCarlo(Learner):
    """Learns from one environment, between episodes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._frames: list[np.ndarray] = []
        self._actions: list[int] = []
        self._rewards: list[float] = []
        self._episode_ended = False

    def act(self, stacks: FrameStacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            # For a single observation, casting the weights to bfloat16 costs more than it saves.
            greedy = self.forward(stacks, bf16=False)[0].argmax(1).cpu().numpy()
        self._add_frame(stacks)
        return self.explore(greedy)

    def restore_observation(self, stacks: FrameStacks) -> None:
        """Store it as `act` did."""
        self._add_frame(stacks)

    def _add_frame(self, stacks: FrameStacks) -> None:
        """Store the newest frame; at the start of an episode the whole stack."""
        self._frames.extend(stacks[0, -1:] if self._frames else stacks[0])

    def observe(self, actions: Actions, result: StepResult) -> None:
        """Add the step to the episode."""
        self._actions.append(int(actions[0]))
        self._rewards.append(float(self.shape_rewards(result)[0]))
        self._episode_ended = bool(result.terminated[0] or result.truncated[0])

    @property
    def ready(self) -> bool:
        return self._episode_ended

    def train_step(self, stacks: FrameStacks, progress: float) -> dict[str, float]:
        """One pass over the episode, which is then dropped."""
        returns = monte_carlo_returns(np.array(self._rewards, np.float32), self.hyperparameters.discount)
        frames, actions = np.stack(self._frames), np.array(self._actions)
        depth = self.network.spec.frames
        losses = []
        for indices in self.minibatches(len(actions)):
            q_values, _ = self.forward(frames[indices[:, None] + np.arange(depth)])
            chosen = q_values.gather(1, self.tensor(actions[indices])[:, None])[:, 0]
            loss = self.loss(chosen, self.tensor(returns[indices]))
            self.optimizer_step(loss)
            losses.append(loss.detach())
        self._frames, self._actions, self._rewards, self._episode_ended = [], [], [], False
        return {"value_loss": mean(losses), "return_mean": float(returns.mean())}

    def state(self) -> dict[str, Any]:
        """With the unfinished episode; its frames come back when the environment replays its actions."""
        return {**super().state(), "actions": list(self._actions), "rewards": list(self._rewards)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._frames, self._actions, self._rewards = [], list(state["actions"]), list(state["rewards"])
