"""Parallelised Q-learning (Gallici et al. 2024): Q(lambda) on rollouts, no replay, no target network.

What keeps it stable is the normalisation in the network and the number of consoles.
"""

from typing import Any

import numpy as np
import torch

from agp_tui.atari.algorithms.learner import Actions, Learner
from agp_tui.atari.consoles import Moved, Stacks
from agp_tui.atari.returns import lambda_returns
from agp_tui.atari.rollout import Rollout


class Pqn(Learner):
    """Takes the action that is worth most, but by chance another."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.rollout = Rollout(self.knobs.horizon, self.consoles, self.network.spec.stack)

    def act(self, stacks: Stacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            scores, values = self.forward(stacks)
        self.rollout.see(stacks, values.cpu().numpy())
        return self.explore(scores.argmax(1).cpu().numpy())

    def observe(self, actions: Actions, moved: Moved) -> None:
        """Keep it."""
        cut_values = self.values_where_cut(moved)
        self.rollout.add(actions, self.rewards(moved), self.ends(moved), moved, cut_values)

    @property
    def ready(self) -> bool:
        return self.rollout.full

    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """Several passes over the rollout, which is then forgotten."""
        self.set_learning_rate(1.0 - progress)
        seen, knobs = self.rollout, self.knobs
        returns = lambda_returns(
            seen.rewards, seen.following(self.values(stacks)), seen.over, seen.cut,
            discount=knobs.discount, decay=knobs.decay,
        ).ravel()  # fmt: skip
        losses, worth = [], []
        for _ in range(knobs.passes):
            for places in self.batches(len(returns)):
                scores, values = self.forward(seen.stacks(places))
                actions = self.tensor(seen.actions.ravel()[places])
                loss = self.loss(scores.gather(1, actions[:, None])[:, 0], self.tensor(returns[places]))
                self.descend(loss)
                losses.append(loss.item())
                worth.append(values.mean().item())
        seen.clear()
        return {"value_loss": float(np.mean(losses)), "value_mean": float(np.mean(worth))}
