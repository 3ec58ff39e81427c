"""Proximal policy optimisation (Schulman et al. 2017): several small steps of a policy for each rollout."""

import numpy as np
import torch
from torch.nn import functional

from agp_tui.atari.algorithms.learner import Actions
from agp_tui.atari.algorithms.on_rollouts import RolloutLearner
from agp_tui.atari.consoles import Stacks

CLIP = 0.1
"""How far the probability of an action may move in one learning."""
ENTROPY_WEIGHT = 0.01
VALUE_WEIGHT = 0.5


class Ppo(RolloutLearner):
    """Draws its actions from its policy."""

    max_gradient = 0.5

    def act(self, stacks: Stacks) -> Actions:
        """Drawn by the policy's probabilities."""
        with torch.no_grad():
            scores, values = self.forward(stacks)
        logits = functional.log_softmax(scores, 1).cpu().numpy()
        # The largest of logits with Gumbel noise on them is a draw from their softmax.
        actions = (logits + self.drawing.gumbel(size=logits.shape)).argmax(1)
        self.rollout.see(stacks, values.cpu().numpy())
        self.rollout.likelihoods[self.rollout.filled] = logits[np.arange(len(actions)), actions]
        return np.asarray(actions)

    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """Several passes over the rollout, which is then forgotten."""
        self.set_learning_rate(1.0 - progress)
        seen, returns = self.rollout, self.returns(stacks)
        gained = returns - seen.values
        totals = np.zeros(4)
        for _ in range(self.knobs.passes):
            for places in self.batches(seen.steps * seen.consoles):
                totals += self._learn(places, returns.ravel(), gained.ravel())
        seen.clear()
        policy_loss, value_loss, entropy = (totals[:3] / totals[3]).tolist()
        explained = 1.0 - float(np.var(gained)) / max(float(np.var(returns)), 1e-8)
        return {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "explained_variance": explained,
        }

    def _learn(self, places: Actions, returns: np.ndarray, gained: np.ndarray) -> np.ndarray:
        """One step; the two losses, the entropy and 1."""
        seen = self.rollout
        scores, values = self.forward(seen.stacks(places))
        logits = functional.log_softmax(scores, 1)
        actions = self.tensor(seen.actions.ravel()[places])
        ratio = (
            logits.gather(1, actions[:, None])[:, 0] - self.tensor(seen.likelihoods.ravel()[places])
        ).exp()
        better = self.tensor(gained[places])
        better = (better - better.mean()) / (better.std() + 1e-8)
        policy_loss = -torch.minimum(ratio * better, ratio.clamp(1 - CLIP, 1 + CLIP) * better).mean()
        value_loss = self.loss(values, self.tensor(returns[places]))
        entropy = -(logits.exp() * logits).sum(1).mean()
        self.descend(policy_loss + VALUE_WEIGHT * value_loss - ENTROPY_WEIGHT * entropy)
        return np.array([policy_loss.item(), value_loss.item(), entropy.item(), 1.0])
