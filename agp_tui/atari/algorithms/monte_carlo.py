"""Every-visit Monte Carlo control, epsilon-greedy (Sutton and Barto 2018, 5.4): play a game to its end, then
learn what each of its steps led to.
"""

from typing import Any

import numpy as np
import torch

from agp_tui.atari.algorithms.base import Actions, Learner, mean
from agp_tui.atari.returns import monte_carlo_returns
from agp_tui.atari.vector_env import Moved, Stacks


class MonteCarlo(Learner):
    """Plays one game at a time; the weights change between games only."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._frames: list[np.ndarray] = []
        self._actions: list[int] = []
        self._rewards: list[float] = []
        self._over = False

    def act(self, stacks: Stacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            # Turning all weights into shorter numbers takes longer than one picture saves by it.
            best = self.forward(stacks, half=False)[0].argmax(1).cpu().numpy()
        self.remember(stacks)
        return self.explore(best)

    def remember(self, stacks: Stacks) -> None:
        """Keep what the console showed before an action."""
        self._frames.extend(stacks[0, -1:] if self._frames else stacks[0])

    def observe(self, actions: Actions, moved: Moved) -> None:
        """Keep it."""
        self._actions.append(int(actions[0]))
        self._rewards.append(float(self.rewards(moved)[0]))
        self._over = bool(moved.over[0] or moved.cut[0])

    @property
    def ready(self) -> bool:
        return self._over

    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """One pass over the game that is over, which is then forgotten."""
        returns = monte_carlo_returns(np.array(self._rewards, np.float32), self.knobs.discount)
        frames, actions = np.stack(self._frames), np.array(self._actions)
        depth = self.network.spec.frames
        losses = []
        for places in self.batches(len(actions)):
            seen = frames[places[:, None] + np.arange(depth)]
            scores, _ = self.forward(seen)
            chosen = scores.gather(1, self.tensor(actions[places])[:, None])[:, 0]
            loss = self.loss(chosen, self.tensor(returns[places]))
            self.descend(loss)
            losses.append(loss.detach())
        self._frames, self._actions, self._rewards, self._over = [], [], [], False
        return {"value_loss": mean(losses), "return_mean": float(returns.mean())}

    def state(self) -> dict[str, Any]:
        """The game that is going on is in it; its frames come back with the console."""
        return {**super().state(), "actions": list(self._actions), "rewards": list(self._rewards)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._frames, self._actions, self._rewards = [], list(state["actions"]), list(state["rewards"])
