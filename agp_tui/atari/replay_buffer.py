"""A replay memory: the last steps of several consoles, each frame once, drawn from at random."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.atari.returns import n_step_returns
from agp_tui.atari.rollout_buffer import Frames
from agp_tui.atari.vector_env import Moved, Stacks


@dataclass(frozen=True)
class Sample:
    """Arrays of (batch,): what was done, what came of it in n steps, and what is seen after them."""

    stacks: Tensor
    actions: NDArray[np.int64]
    returns: NDArray[np.float32]
    worth: NDArray[np.float32]
    """What the value of `later` counts for: the discount, or 0 where the game was over before."""
    later: Tensor


class Replay:
    """So many steps, in rings of one for each console."""

    def __init__(
        self, capacity: int, consoles: int, shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        """`shape` is that of one stack: (frames, height, width); the frames are kept on `device`."""
        self.length, self.consoles, self._depth = capacity // consoles, consoles, shape[0]
        self._frames = Frames(self.length, consoles, shape, device)
        self._actions = np.zeros((self.length, consoles), np.int64)
        self._rewards = np.zeros((self.length, consoles), np.float32)
        self._over = np.zeros((self.length, consoles), np.bool_)
        self._cut = np.zeros((self.length, consoles), np.bool_)
        self._began: NDArray[np.bool_] = np.ones(consoles, np.bool_)
        self.steps = 0
        """Of each console, so far."""

    def see(self, stacks: Stacks) -> None:
        """What the consoles show before the next step."""
        self._frames.put(self.steps, stacks, self._began)

    def add(
        self, actions: NDArray[np.int64], rewards: NDArray[np.float32], over: NDArray[np.bool_], moved: Moved
    ) -> None:
        """What was done and what came of it; `over` is what counts as an end."""
        at = self.steps % self.length
        self._actions[at], self._rewards[at], self._over[at], self._cut[at] = (
            actions,
            rewards,
            over,
            moved.cut,
        )
        self._began = moved.over | moved.cut
        self.steps += 1

    def sample(self, drawing: np.random.Generator, batch: int, span: int, discount: float) -> Sample:
        """Steps drawn evenly, with returns of up to `span` steps.

        Steps whose game was cut within the span are not drawn: what came after is not remembered.
        """
        oldest = max(0, self.steps - self.length) + self._depth
        starts = drawing.integers(oldest, self.steps - span, batch)
        consoles = drawing.integers(0, self.consoles, batch)
        places = (starts + np.arange(span)[:, None]) % self.length
        over, cut = self._over[places, consoles], self._cut[places, consoles]
        if (bad := cut.any(0)).any():
            keep = np.flatnonzero(~bad)
            again = keep[drawing.integers(0, len(keep), batch)]
            starts, consoles, places = starts[again], consoles[again], places[:, again]
            over, cut = over[:, again], cut[:, again]
        rewards = self._rewards[places, consoles]
        returns, worth, spans = n_step_returns(rewards, over, cut, discount=discount)
        return Sample(
            self._frames.stacks(starts, consoles),
            self._actions[starts % self.length, consoles],
            returns,
            worth,
            self._frames.stacks(starts + spans, consoles),
        )
