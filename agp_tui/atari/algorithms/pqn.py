"""Parallelised Q-learning (Gallici et al. 2024): Q(lambda) on rollouts, no replay, no target network.

What keeps it stable is the normalisation in the network and the number of consoles.
"""

import torch

from agp_tui.atari.algorithms.base import Actions, RolloutLearner, mean
from agp_tui.atari.vector_env import Stacks


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
        seen, returns = self.rollout, self.tensor(self.returns(stacks).ravel())
        actions = self.tensor(seen.actions.ravel())
        losses, worth = [], []
        for _ in range(self.knobs.passes):
            for places in self.batches(len(returns)):
                scores, values = self.forward(seen.stacks(places))
                at = self.tensor(places)
                loss = self.loss(scores.gather(1, actions[at, None])[:, 0], returns[at])
                self.descend(loss)
                losses.append(loss.detach())
                worth.append(values.detach().mean())
        seen.clear()
        return {"value_loss": mean(losses), "value_mean": mean(worth)}
