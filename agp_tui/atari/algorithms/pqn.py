"""Parallelised Q-learning (Gallici et al. 2024): Q(lambda) on rollouts, no replay, no target network.

What keeps it stable is the normalisation in the network and the number of consoles.
"""

import numpy as np
import torch

from agp_tui.atari.algorithms.learner import Actions
from agp_tui.atari.algorithms.on_rollouts import RolloutLearner
from agp_tui.atari.consoles import Stacks


class Pqn(RolloutLearner):
    """Takes the action that is worth most, but by chance another."""

    def act(self, stacks: Stacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            scores, values = self.forward(stacks)
        self.rollout.see(stacks, values.cpu().numpy())
        return self.explore(scores.argmax(1).cpu().numpy())

    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """Several passes over the rollout, which is then forgotten."""
        self.set_learning_rate(1.0 - progress)
        seen, returns = self.rollout, self.returns(stacks).ravel()
        losses, worth = [], []
        for _ in range(self.knobs.passes):
            for places in self.batches(len(returns)):
                scores, values = self.forward(seen.stacks(places))
                actions = self.tensor(seen.actions.ravel()[places])
                loss = self.loss(scores.gather(1, actions[:, None])[:, 0], self.tensor(returns[places]))
                self.descend(loss)
                losses.append(loss.item())
                worth.append(values.mean().item())
        seen.clear()
        return {"value_loss": float(np.mean(losses)), "value_mean": float(np.mean(worth))}
