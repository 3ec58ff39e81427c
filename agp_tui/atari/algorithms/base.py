"""Base classes of the algorithms: optimizer, losses, reward shaping, exploration, minibatches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from agp_tui.atari.exploration import decay_epsilon, epsilon_greedy
from agp_tui.atari.hyperparameters import Hyperparameters
from agp_tui.atari.networks import AgentNetwork
from agp_tui.atari.process_group import ProcessGroup
from agp_tui.atari.returns import lambda_returns
from agp_tui.atari.rollout_buffer import RolloutBuffer
from agp_tui.atari.vector_env import FrameStacks, StepResult

Actions = NDArray[np.int64]
"""One action for each environment: shape (num_envs,), int64."""

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "huber": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
}


def make_optimizer(network: nn.Module, name: str, learning_rate: float) -> torch.optim.Optimizer:
    """The named optimizer, with the constants that are common in reinforcement learning."""
    parameters = network.parameters()
    match name:
        case "adam":
            return torch.optim.Adam(parameters, learning_rate, eps=1e-5, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, learning_rate, eps=1e-5, fused=True)
        case "radam":
            return torch.optim.RAdam(parameters, learning_rate)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, learning_rate, alpha=0.95, eps=1e-5)
        case "sgd":
            return torch.optim.SGD(parameters, learning_rate, momentum=0.9)
    raise ValueError(f"Expected a known optimizer, found {name!r}.")


def mean(values: Sequence[Tensor]) -> float:
    """Mean of scalars on the device, with a single synchronisation."""
    return torch.stack(list(values)).mean().item()


class Learner(ABC):
    """A policy that acts in a vector environment and learns from it.

    All randomness comes from `rng`, so its state is enough for an exact resume.
    """

    max_grad_norm = 10.0

    def __init__(
        self,
        network: AgentNetwork,
        hyperparameters: Hyperparameters,
        num_envs: int,
        group: ProcessGroup,
        *,
        bf16: bool,
        seed: int,
    ) -> None:
        self.network, self.hyperparameters = network, hyperparameters
        self.num_envs, self.group, self.bf16 = num_envs, group, bf16
        self.device = next(network.parameters()).device
        self.optimizer = make_optimizer(network, hyperparameters.optimizer, hyperparameters.learning_rate)
        self.loss = LOSSES[hyperparameters.loss_function]
        self.rng = np.random.default_rng([seed, group.rank])
        self.epsilon = hyperparameters.epsilon
        self.updates = 0
        """Optimizer steps so far."""

    @abstractmethod
    def act(self, stacks: FrameStacks) -> Actions:
        """An action for each environment, given its observations."""

    @abstractmethod
    def observe(self, actions: Actions, result: StepResult) -> None:
        """Store the result of the actions."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether there is enough data for `train_step`."""

    @abstractmethod
    def train_step(self, stacks: FrameStacks, progress: float) -> dict[str, float]:
        """Learn from the stored data; returns metrics.

        `stacks` are the current observations, `progress` the elapsed share of the training, 0 to 1.
        """

    def restore_observation(self, stacks: FrameStacks) -> None:  # noqa: B027
        """Called with the observations before each action that is replayed on a resume."""

    def state(self) -> dict[str, Any]:
        """Plain data and tensors for `restore`, taken between iterations; without stored observations."""
        return {
            "weights": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "drawing": dict(self.rng.bit_generator.state),
            "epsilon": self.epsilon,
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.network.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = state["drawing"]
        self.epsilon, self.updates = float(state["epsilon"]), int(state["updates"])

    def shape_rewards(self, result: StepResult) -> NDArray[np.float32]:
        """The rewards to learn from: clipped, minus the step penalty if the score did not change."""
        rewards = np.clip(result.rewards, -1.0, 1.0) if self.hyperparameters.clip_rewards else result.rewards
        if self.hyperparameters.step_penalty:
            rewards = rewards - np.float32(self.hyperparameters.step_penalty) * (result.rewards == 0)
        return rewards.astype(np.float32)

    def terminations(self, result: StepResult) -> NDArray[np.bool_]:
        """The steps after which the value is 0."""
        lost_life = self.hyperparameters.terminal_on_life_loss
        return result.terminated | result.lost_life if lost_life else result.terminated

    def decay_epsilon(self, episodes: int) -> None:
        """Decay epsilon for the episodes that ended."""
        self.epsilon = decay_epsilon(self.epsilon, self.hyperparameters, episodes)

    def explore(self, greedy: Actions) -> Actions:
        """Epsilon-greedy actions."""
        return epsilon_greedy(greedy, self.epsilon, self.network.spec.actions, self.rng)

    def forward(self, stacks: FrameStacks | Tensor, *, bf16: bool | None = None) -> tuple[Tensor, Tensor]:
        """The network's action scores (N, actions) and state values (N,); `bf16` None: as configured."""
        inputs = torch.as_tensor(stacks, device=self.device)
        enabled = self.bf16 if bf16 is None else bf16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            scores, values = self.network(inputs)
        return scores, values

    def values(self, stacks: FrameStacks) -> NDArray[np.float32]:
        """State values, (N,)."""
        with torch.no_grad():
            return np.asarray(self.forward(stacks)[1].cpu().numpy())

    def truncation_values(self, result: StepResult) -> NDArray[np.float32]:
        """Values of the last states of truncated episodes, (num_envs,); 0 elsewhere."""
        values = np.zeros(self.num_envs, np.float32)
        if result.truncated.any():
            values[result.truncated] = self.values(result.stacks[result.truncated])
        return values

    @property
    def batch_size(self) -> int:
        """This process's share of a minibatch: updates are of equal size whatever the number of processes."""
        return max(1, self.hyperparameters.batch_size // self.group.size)

    def minibatches(self, count: int) -> Iterator[NDArray[np.int64]]:
        """The indices 0 to `count - 1` in minibatches."""
        order = self.rng.permutation(count) if self.hyperparameters.shuffle else np.arange(count)
        for start in range(0, count, self.batch_size):
            yield order[start : start + self.batch_size]

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """The array on the learner's device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def optimizer_step(self, loss: Tensor) -> None:
        """One optimizer step with the clipped mean gradient of the process group."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        parameters = list(self.network.parameters())
        self.group.average_gradients(one.grad for one in parameters if one.grad is not None)
        nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
        self.optimizer.step()
        self.updates += 1

    def set_learning_rate(self, factor: float) -> None:
        """Set the learning rate to `factor` times the configured one."""
        for param_group in self.optimizer.param_groups:
            param_group["lr"] = self.hyperparameters.learning_rate * factor


class RolloutLearner(Learner):
    """Base of the algorithms that learn from rollouts of `num_steps` steps."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rollout = RolloutBuffer(
            self.hyperparameters.num_steps, self.num_envs, self.network.spec.stack, self.device
        )

    def observe(self, actions: Actions, result: StepResult) -> None:
        """Add the step to the rollout."""
        values = self.truncation_values(result)
        self.rollout.add_step(actions, self.shape_rewards(result), self.terminations(result), result, values)

    @property
    def ready(self) -> bool:
        return self.rollout.full

    def returns(self, stacks: FrameStacks) -> NDArray[np.float32]:
        """Lambda returns of the rollout, (num_steps, num_envs); `stacks` are the observations after it."""
        rollout = self.rollout
        return lambda_returns(
            rollout.rewards,
            rollout.next_values(self.values(stacks)),
            rollout.terminated,
            rollout.truncated,
            discount=self.hyperparameters.discount,
            gae_lambda=self.hyperparameters.gae_lambda,
        )
