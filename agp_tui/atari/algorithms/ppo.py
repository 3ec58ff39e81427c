"""Proximal policy optimisation (Schulman et al. 2017) with generalised advantage estimation."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.atari.algorithms.base import Actions, RolloutLearner
from agp_tui.atari.vector_env import FrameStacks

CLIP_COEF = 0.1
"""Bound of the change of an action's probability ratio in one iteration."""
ENTROPY_COEF = 0.01
VALUE_COEF = 0.5


@dataclass(frozen=True)
class _RolloutBatch:
    """Tensors of (steps,)."""

    actions: Tensor
    log_probs: Tensor
    returns: Tensor
    advantages: Tensor

    def at(self, indices: Tensor) -> "_RolloutBatch":
        """The minibatch of these steps."""
        return _RolloutBatch(*(getattr(self, one.name)[indices] for one in fields(self)))


class Ppo(RolloutLearner):
    """On-policy; samples its actions from the policy."""

    max_grad_norm = 0.5

    def act(self, stacks: FrameStacks) -> Actions:
        """Actions sampled from the policy."""
        with torch.no_grad():
            scores, values = self.forward(stacks)
        logits = functional.log_softmax(scores, 1).cpu().numpy()
        # Gumbel-max: the argmax of logits plus Gumbel noise is a sample of their softmax.
        actions = (logits + self.rng.gumbel(size=logits.shape)).argmax(1)
        self.rollout.add_observation(stacks, values.cpu().numpy())
        self.rollout.log_probs[self.rollout.position] = logits[np.arange(len(actions)), actions]
        return np.asarray(actions)

    def train_step(self, stacks: FrameStacks, progress: float) -> dict[str, float]:
        """`update_epochs` passes over the rollout."""
        self.set_learning_rate(1.0 - progress)
        rollout, returns = self.rollout, self.returns(stacks)
        advantages = returns - rollout.values
        arrays = (rollout.actions, rollout.log_probs, returns, advantages)
        steps = _RolloutBatch(*(self.tensor(array.ravel()) for array in arrays))
        metrics = []
        for _ in range(self.hyperparameters.update_epochs):
            for indices in self.minibatches(returns.size):
                metrics.append(self._update(rollout.stacks(indices), steps.at(self.tensor(indices))))
        rollout.reset()
        policy_loss, value_loss, entropy = torch.stack(metrics).mean(0).tolist()
        explained = 1.0 - float(np.var(advantages)) / max(float(np.var(returns)), 1e-8)
        return {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "explained_variance": explained,
        }

    def _update(self, stacks: Tensor, batch: _RolloutBatch) -> Tensor:
        """One update; returns policy loss, value loss and entropy.

        The loss is `-min(r A, clip(r, 1 - c, 1 + c) A) + VALUE_COEF * L_V - ENTROPY_COEF * H`, with the
        probability ratio r and normalised advantages A.
        """
        scores, values = self.forward(stacks)
        logits = functional.log_softmax(scores, 1)
        ratio = (logits.gather(1, batch.actions[:, None])[:, 0] - batch.log_probs).exp()
        advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
        clipped = ratio.clamp(1 - CLIP_COEF, 1 + CLIP_COEF) * advantages
        policy_loss = -torch.minimum(ratio * advantages, clipped).mean()
        value_loss = self.loss(values, batch.returns)
        entropy = -(logits.exp() * logits).sum(1).mean()
        self.optimizer_step(policy_loss + VALUE_COEF * value_loss - ENTROPY_COEF * entropy)
        return torch.stack([policy_loss, value_loss, entropy]).detach()
