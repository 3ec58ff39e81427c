"""Proximal policy optimisation (Schulman et al. 2017): several small steps of a policy for each rollout."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.atari.algorithms.base import Actions, RolloutLearner
from agp_tui.atari.vector_env import Stacks

CLIP = 0.1
"""How far the probability of an action may move in one learning."""
ENTROPY_WEIGHT = 0.01
VALUE_WEIGHT = 0.5


@dataclass(frozen=True)
class _Steps:
    """Tensors of (steps,)."""

    actions: Tensor
    likelihoods: Tensor
    returns: Tensor
    gained: Tensor
    """How much better they were than expected."""

    def at(self, places: Tensor) -> "_Steps":
        """The steps at these places."""
        return _Steps(*(getattr(self, part.name)[places] for part in fields(self)))


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
        arrays = (seen.actions, seen.likelihoods, returns, gained)
        steps = _Steps(*(self.tensor(array.ravel()) for array in arrays))
        figures = []
        for _ in range(self.knobs.passes):
            for places in self.batches(seen.steps * seen.consoles):
                figures.append(self._learn(seen.stacks(places), steps.at(self.tensor(places))))
        seen.clear()
        policy_loss, value_loss, entropy = torch.stack(figures).mean(0).tolist()
        explained = 1.0 - float(np.var(gained)) / max(float(np.var(returns)), 1e-8)
        return {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "explained_variance": explained,
        }

    def _learn(self, stacks: Tensor, steps: _Steps) -> Tensor:
        """Learn from steps before which the consoles showed `stacks`; the two losses and the entropy."""
        scores, values = self.forward(stacks)
        logits = functional.log_softmax(scores, 1)
        ratio = (logits.gather(1, steps.actions[:, None])[:, 0] - steps.likelihoods).exp()
        better = (steps.gained - steps.gained.mean()) / (steps.gained.std() + 1e-8)
        policy_loss = -torch.minimum(ratio * better, ratio.clamp(1 - CLIP, 1 + CLIP) * better).mean()
        value_loss = self.loss(values, steps.returns)
        entropy = -(logits.exp() * logits).sum(1).mean()
        self.descend(policy_loss + VALUE_WEIGHT * value_loss - ENTROPY_WEIGHT * entropy)
        return torch.stack([policy_loss, value_loss, entropy]).detach()
