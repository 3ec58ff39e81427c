"""Where the frames that are learned from wait: beside the network if they fit there."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from agp_tui.imitation.takes import Span, Take

SHARE = 0.5
"""Of a graphics card's free memory, for frames; the rest is for learning."""
AT_ONCE = 1024
"""Frames sent in one go."""


class FrameStore:
    """The frames of takes, as stretches on `device`.

    A graphics card learns faster than frames can be gathered and sent to it, so each take is sent once,
    when it is first asked for, where all of them fit. Otherwise each batch is sent by itself, from memory
    that the card reads while it learns from the one before.
    """

    def __init__(self, takes: Sequence[Take], device: str = "cpu") -> None:
        self._takes, self.device = takes, device
        self._there: dict[int, Tensor] = {}
        self._fits = device != "cpu" and sum(take.frames.nbytes for take in takes) < SHARE * _free(device)

    def stretches(self, pieces: Sequence[Span], before: int, longest: int) -> Tensor:
        """The frames of `pieces`, each with the `before` frames ahead of it.

        uint8 (B, before + longest, S, S, 3): black pictures where a recording has not begun yet or a
        piece is over.
        """
        shape = (len(pieces), before + longest, *self._takes[0].frames.shape[1:])
        if self._fits:
            found = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        else:
            found = torch.zeros(shape, dtype=torch.uint8, pin_memory=self.device != "cpu")
            array = found.numpy()
        for row, piece in enumerate(pieces):
            wanted = slice(max(piece.start - before, 0), piece.stop)
            offset = max(before - piece.start, 0)
            place = slice(offset, offset + wanted.stop - wanted.start)
            if self._fits:
                found[row, place] = self._sent(piece.take)[wanted]
            else:
                array[row, place] = self._takes[piece.take].frames[wanted]
        return found.to(self.device, non_blocking=True)

    def _sent(self, number: int) -> Tensor:
        if number not in self._there:
            frames = self._takes[number].frames
            there = torch.empty(frames.shape, dtype=torch.uint8, device=self.device)
            for start in range(0, len(frames), AT_ONCE):
                there[start : start + AT_ONCE] = torch.from_numpy(np.array(frames[start : start + AT_ONCE]))
            self._there[number] = there
        return self._there[number]


def _free(device: str) -> int:
    return int(torch.cuda.mem_get_info(device)[0])
