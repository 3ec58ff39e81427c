"""Parallelised Q-network, PQN (Gallici et al. 2024): Q(lambda) on rollouts, no replay, no target network.

Layer normalisation in the network and many environments keep it stable.
"""

import torch

from agp_tui.atari.algorithms.base import Actions, RolloutLearner, mean
from agp_tui.atari.vector_env import FrameStacks


class Pqn(RolloutLearner):
    """Epsilon-greedy Q-learning from rollouts."""

    def act(self, stacks: FrameStacks) -> Actions:
        """Epsilon-greedy."""
        with torch.no_grad():
            q_values, values = self.forward(stacks)
        self.rollout.add_observation(stacks, values.cpu().numpy())
        return self.explore(q_values.argmax(1).cpu().numpy())

    def train_step(self, stacks: FrameStacks, progress: float) -> dict[str, float]:
        """`update_epochs` passes over the rollout: regression of `Q(s, a)` to the lambda returns."""
        self.set_learning_rate(1.0 - progress)
        rollout, returns = self.rollout, self.tensor(self.returns(stacks).ravel())
        actions = self.tensor(rollout.actions.ravel())
        losses, q_mean = [], []
        for _ in range(self.hyperparameters.update_epochs):
            for indices in self.minibatches(len(returns)):
                q_values, values = self.forward(rollout.stacks(indices))
                at = self.tensor(indices)
                loss = self.loss(q_values.gather(1, actions[at, None])[:, 0], returns[at])
                self.optimizer_step(loss)
                losses.append(loss.detach())
                q_mean.append(values.detach().mean())
        rollout.reset()
        return {"value_loss": mean(losses), "value_mean": mean(q_mean)}
