"""What consoles showed and what came of it, step by step; each frame is kept once and stacked when read."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.atari.vector_env import Moved, Stacks


class Frames:
    """The last `length` steps of several consoles, as single frames, overwritten from the oldest on.

    They are kept where the network is, so that what is learned from several times is sent there once.
    A stack is read as the console showed it: frames from before a game's beginning are black.
    """

    def __init__(
        self, length: int, consoles: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is that of one stack: (frames, height, width)."""
        self.length, self.consoles = length, consoles
        self._depth = shape[0]
        self._black = length * consoles
        """The place of a black picture, after those of all steps."""
        # From numpy: its zeros take no memory before they are written.
        self._pictures = torch.from_numpy(np.zeros((self._black + 1, *shape[1:]), np.uint8)).to(device)
        self._ages = np.zeros((length, consoles), np.int64)
        """How many frames of its game came before a frame, up to the depth of a stack."""

    def put(self, step: int, stacks: Stacks, began: NDArray[np.bool_]) -> None:
        """Keep the newest frame of each stack as step `step`; `began`: it is the first of a game."""
        place, before = step % self.length, (step - 1) % self.length
        self._keep(place, stacks[:, -1])
        aged = np.minimum(self._ages[before] + 1, self._depth - 1)
        self._ages[place] = np.where(began, 0, aged)

    def put_first(self, step: int, stacks: Stacks) -> None:
        """Begin with whole stacks, as steps up to `step`."""
        for back in reversed(range(self._depth)):
            self._keep((step - back) % self.length, stacks[:, self._depth - 1 - back])
        self._ages[step % self.length] = self._depth - 1

    def stacks(self, steps: NDArray[np.int64], consoles: NDArray[np.int64]) -> Tensor:
        """The stacks that ended with these steps, uint8 (batch, frames, height, width)."""
        back = np.arange(self._depth - 1, -1, -1)
        places = (steps[:, None] - back) % self.length * self.consoles + consoles[:, None]
        too_old = back > self._ages[steps % self.length, consoles][:, None]
        places = np.where(too_old, self._black, places)
        found = self._pictures.index_select(0, torch.from_numpy(places.ravel()).to(self._pictures.device))
        return found.view(*places.shape, *found.shape[1:])

    def _keep(self, place: int, pictures: NDArray[np.uint8]) -> None:
        first = place * self.consoles
        self._pictures[first : first + self.consoles] = torch.from_numpy(pictures)


class Rollout:
    """So many steps of several consoles: what on-policy algorithms learn from, then forget.

    Arrays are of shape (steps, consoles).
    """

    def __init__(
        self, steps: int, consoles: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is that of one stack: (frames, height, width); the frames are kept on `device`."""
        self.steps, self.consoles = steps, consoles
        self._offset = shape[0] - 1
        self._frames = Frames(steps + self._offset, consoles, shape, device)
        self._began: NDArray[np.bool_] = np.zeros(consoles, np.bool_)
        self.actions = np.zeros((steps, consoles), np.int64)
        self.likelihoods = np.zeros((steps, consoles), np.float32)
        """Log-probabilities of the actions."""
        self.values = np.zeros((steps, consoles), np.float32)
        """Of the states before each step."""
        self.rewards = np.zeros((steps, consoles), np.float32)
        self.over = np.zeros((steps, consoles), np.bool_)
        self.cut = np.zeros((steps, consoles), np.bool_)
        self._cut_values = np.zeros((steps, consoles), np.float32)
        self.filled = 0

    @property
    def full(self) -> bool:
        return self.filled == self.steps

    def see(self, stacks: Stacks, values: NDArray[np.float32]) -> None:
        """What the consoles show before the next step, and what that is worth."""
        if self.filled == 0:
            self._frames.put_first(self._offset, stacks)
        else:
            self._frames.put(self._offset + self.filled, stacks, self._began)
        self.values[self.filled] = values

    def add(
        self,
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        over: NDArray[np.bool_],
        moved: Moved,
        cut_values: NDArray[np.float32],
    ) -> None:
        """What was done and what came of it; `over` is what counts as an end."""
        at = self.filled
        self.actions[at], self.rewards[at], self.over[at] = actions, rewards, over
        self.cut[at], self._cut_values[at] = moved.cut, cut_values
        self._began = moved.over | moved.cut
        self.filled += 1

    def following(self, last: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of the states after each step, (steps, consoles); `last` are those after the newest."""
        return np.where(self.cut, self._cut_values, np.concatenate([self.values[1:], last[None]]))

    def stacks(self, places: NDArray[np.int64]) -> Tensor:
        """The stacks before steps, given as `step * consoles + console`."""
        steps, consoles = np.divmod(places, self.consoles)
        return self._frames.stacks(steps + self._offset, consoles)

    def clear(self) -> None:
        """Forget it all."""
        self.filled = 0
