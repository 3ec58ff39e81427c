"""Double Q-learning (van Hasselt et al. 2016) from a replay memory, with returns of several steps."""

import copy
from typing import Any

import torch

from agp_tui.atari.algorithms.base import Actions, Learner, mean
from agp_tui.atari.replay_buffer import Replay
from agp_tui.atari.vector_env import Moved, Stacks

CAPACITY = 200_000
"""Steps that are remembered: 1.4 GB of frames of 84x84."""
FIRST = 10_000
"""Steps before the first learning."""
SPAN = 3
"""Steps of the returns."""
STEPS_PER_UPDATE = 4
TARGET_UPDATES = 500
"""The target network is made the same as the other after so many updates."""


class Dqn(Learner):
    """Takes the action that is worth most, but by chance another."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.memory = Replay(CAPACITY // self.team.size, self.consoles, self.network.spec.stack, self.device)
        self.target = copy.deepcopy(self.network)
        self._owed = 0.0

    def act(self, stacks: Stacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            best = self.forward(stacks)[0].argmax(1).cpu().numpy()
        self.memory.see(stacks)
        return self.explore(best)

    def observe(self, actions: Actions, moved: Moved) -> None:
        """Remember it."""
        self.memory.add(actions, self.rewards(moved), self.ends(moved), moved)
        if self.memory.steps * self.consoles >= FIRST // self.team.size:
            self._owed += self.consoles / STEPS_PER_UPDATE

    @property
    def ready(self) -> bool:
        return self._owed >= 1.0

    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """As many updates as are due."""
        self.set_learning_rate(1.0 - progress)
        losses, worth = [], []
        while self._owed >= 1.0:
            self._owed -= 1.0
            sample = self.memory.sample(self.drawing, self.batch_size, SPAN, self.knobs.discount)
            with torch.no_grad():
                chosen = self.forward(sample.later)[0].argmax(1)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                    later = self.target(sample.later)[0].gather(1, chosen[:, None])[:, 0]
                aims = self.tensor(sample.returns) + self.tensor(sample.worth) * later
            scores, values = self.forward(sample.stacks)
            loss = self.loss(scores.gather(1, self.tensor(sample.actions)[:, None])[:, 0], aims)
            self.descend(loss)
            losses.append(loss.detach())
            worth.append(values.detach().mean())
            if self.updates % TARGET_UPDATES == 0:
                self.target.load_state_dict(self.network.state_dict())
        return {"value_loss": mean(losses), "value_mean": mean(worth)}

    def state(self) -> dict[str, Any]:
        """The memory is not in it: a run that goes on fills it anew."""
        return {**super().state(), "target": self.target.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.target.load_state_dict(state["target"])
