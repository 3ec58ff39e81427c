"""RolloutBuffer buffer of PPO and PQN, and the ring of frames that it shares with the replay buffer."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.atari.vector_env import FrameStacks, StepResult


class FrameRing:
    """The last `length` frames of each environment; every frame is stored once and stacked when read.

    Frames live on the network's device, so that a frame that is sampled several times is copied there once.
    In a stack, frames from before the start of the episode are black.
    """

    def __init__(
        self, length: int, num_envs: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is the shape of one stack: (frames, height, width)."""
        self.length, self.num_envs = length, num_envs
        self._depth = shape[0]
        self._black = length * num_envs
        """Index of a black frame, after those of all steps."""
        # From numpy: its zeros take no memory before they are written.
        self._frames = torch.from_numpy(np.zeros((self._black + 1, *shape[1:]), np.uint8)).to(device)
        self._ages = np.zeros((length, num_envs), np.int64)
        """Number of earlier frames of the same episode, at most `frames - 1`."""

    def add(self, step: int, stacks: FrameStacks, episode_start: NDArray[np.bool_]) -> None:
        """Store the newest frame of each stack as step `step`."""
        index, before = step % self.length, (step - 1) % self.length
        self._write(index, stacks[:, -1])
        aged = np.minimum(self._ages[before] + 1, self._depth - 1)
        self._ages[index] = np.where(episode_start, 0, aged)

    def add_stacks(self, step: int, stacks: FrameStacks) -> None:
        """Store whole stacks, the newest frames as step `step`."""
        for back in reversed(range(self._depth)):
            self._write((step - back) % self.length, stacks[:, self._depth - 1 - back])
        self._ages[step % self.length] = self._depth - 1

    def stacks(self, steps: NDArray[np.int64], envs: NDArray[np.int64]) -> Tensor:
        """The stacks whose newest frames are of these steps, uint8 (batch, frames, height, width)."""
        back = np.arange(self._depth - 1, -1, -1)
        indices = (steps[:, None] - back) % self.length * self.num_envs + envs[:, None]
        before_start = back > self._ages[steps % self.length, envs][:, None]
        indices = np.where(before_start, self._black, indices)
        frames = self._frames.index_select(0, torch.from_numpy(indices.ravel()).to(self._frames.device))
        return frames.view(*indices.shape, *frames.shape[1:])

    def _write(self, index: int, frames: NDArray[np.uint8]) -> None:
        first = index * self.num_envs
        self._frames[first : first + self.num_envs] = torch.from_numpy(frames)


class RolloutBuffer:
    """`num_steps` transitions of each environment. Arrays are of shape (num_steps, num_envs)."""

    def __init__(
        self, num_steps: int, num_envs: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is the shape of one stack: (frames, height, width); frames are stored on `device`."""
        self.num_steps, self.num_envs = num_steps, num_envs
        self._offset = shape[0] - 1
        self._frames = FrameRing(num_steps + self._offset, num_envs, shape, device)
        self._episode_start: NDArray[np.bool_] = np.zeros(num_envs, np.bool_)
        self.actions = np.zeros((num_steps, num_envs), np.int64)
        self.log_probs = np.zeros((num_steps, num_envs), np.float32)
        """Of the actions."""
        self.values = np.zeros((num_steps, num_envs), np.float32)
        """Of the states before each step."""
        self.rewards = np.zeros((num_steps, num_envs), np.float32)
        self.terminated = np.zeros((num_steps, num_envs), np.bool_)
        self.truncated = np.zeros((num_steps, num_envs), np.bool_)
        self._truncation_values = np.zeros((num_steps, num_envs), np.float32)
        self.position = 0
        """Number of steps stored."""

    @property
    def full(self) -> bool:
        return self.position == self.num_steps

    def add_observation(self, stacks: FrameStacks, values: NDArray[np.float32]) -> None:
        """Store the observations before the next step, and their values."""
        if self.position == 0:
            self._frames.add_stacks(self._offset, stacks)
        else:
            self._frames.add(self._offset + self.position, stacks, self._episode_start)
        self.values[self.position] = values

    def add_step(
        self,
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        result: StepResult,
        truncation_values: NDArray[np.float32],
    ) -> None:
        """Store the actions and their results; `terminated` counts lost lives if the algorithm does."""
        at = self.position
        self.actions[at], self.rewards[at], self.terminated[at] = actions, rewards, terminated
        self.truncated[at], self._truncation_values[at] = result.truncated, truncation_values
        self._episode_start = result.terminated | result.truncated
        self.position += 1

    def next_values(self, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of the states after each step; `last` (num_envs,) are those after the newest step."""
        return np.where(
            self.truncated, self._truncation_values, np.concatenate([self.values[1:], last[None]])
        )

    def stacks(self, indices: NDArray[np.int64]) -> Tensor:
        """Observations before the steps `step * num_envs + env`, uint8 (batch, frames, height, width)."""
        steps, envs = np.divmod(indices, self.num_envs)
        return self._frames.stacks(steps + self._offset, envs)

    def reset(self) -> None:
        """Start a new rollout."""
        self.position = 0
