"""ReplayBuffer buffer: the last transitions of all environments, sampled uniformly, with n-step returns."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.atari.returns import n_step_returns
from agp_tui.atari.rollout_buffer import FrameRing
from agp_tui.atari.vector_env import FrameStacks, StepResult


@dataclass(frozen=True)
class ReplayBatch:
    """Sampled transitions of n steps; arrays of (batch,), stacks uint8 (batch, frames, height, width)."""

    stacks: Tensor
    actions: NDArray[np.int64]
    returns: NDArray[np.float32]
    discounts: NDArray[np.float32]
    """Factor of the value of `next_stacks`; 0 if the episode terminated before."""
    next_stacks: Tensor


class ReplayBuffer:
    """`capacity` transitions, in one ring for each environment."""

    def __init__(
        self, capacity: int, num_envs: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is the shape of one stack: (frames, height, width); frames are stored on `device`."""
        self.length, self.num_envs, self._depth = capacity // num_envs, num_envs, shape[0]
        self._frames = FrameRing(self.length, num_envs, shape, device)
        self._actions = np.zeros((self.length, num_envs), np.int64)
        self._rewards = np.zeros((self.length, num_envs), np.float32)
        self._terminated = np.zeros((self.length, num_envs), np.bool_)
        self._truncated = np.zeros((self.length, num_envs), np.bool_)
        self._episode_start: NDArray[np.bool_] = np.ones(num_envs, np.bool_)
        self.steps = 0
        """Of each environment, so far."""

    def add_observation(self, stacks: FrameStacks) -> None:
        """Store the observations before the next step."""
        self._frames.add(self.steps, stacks, self._episode_start)

    def add_step(
        self,
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        result: StepResult,
    ) -> None:
        """Store the actions and their results; `terminated` counts lost lives if the algorithm does."""
        at = self.steps % self.length
        self._actions[at], self._rewards[at] = actions, rewards
        self._terminated[at], self._truncated[at] = terminated, result.truncated
        self._episode_start = result.terminated | result.truncated
        self.steps += 1

    def sample(self, rng: np.random.Generator, batch_size: int, n_steps: int, discount: float) -> ReplayBatch:
        """Uniformly sampled transitions with returns of up to `n_steps` steps.

        Transitions with a truncation within `n_steps` are left out: the observation after it is not stored.
        """
        oldest = max(0, self.steps - self.length) + self._depth
        starts = rng.integers(oldest, self.steps - n_steps, batch_size)
        envs = rng.integers(0, self.num_envs, batch_size)
        rows = (starts + np.arange(n_steps)[:, None]) % self.length
        terminated, truncated = self._terminated[rows, envs], self._truncated[rows, envs]
        if (invalid := truncated.any(0)).any():
            valid = np.flatnonzero(~invalid)
            redrawn = valid[rng.integers(0, len(valid), batch_size)]
            starts, envs, rows = starts[redrawn], envs[redrawn], rows[:, redrawn]
            terminated, truncated = terminated[:, redrawn], truncated[:, redrawn]
        returns, discounts, num_steps = n_step_returns(
            self._rewards[rows, envs], terminated, truncated, discount=discount
        )
        return ReplayBatch(
            self._frames.stacks(starts, envs),
            self._actions[starts % self.length, envs],
            returns,
            discounts,
            self._frames.stacks(starts + num_steps, envs),
        )
