"""Batches of stretches: consecutive frames that are encoded once and decided at every position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.imitation.augment import Augment, Draw
from agp_tui.imitation.dataset import Dataset, Span, Take

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


@dataclass(frozen=True)
class Batch:
    """`B` stretches of `L` labelled positions."""

    frames: Tensor
    """uint8 (B, segment - 1 + L, size, size, 3), on the device that learns."""
    labels: NDArray[np.float32]
    """(B, L, keys), 0 or 1."""
    weights: NDArray[np.float32]
    """(B, L); 0 where a position does not count."""
    blank: tuple[int, ...]
    """Of each stretch, how many of its frames are before the recording's beginning: black pictures."""
    draws: tuple[Draw, ...]
    """How each stretch is to be changed."""

    @property
    def positions(self) -> int:
        """Positions that count."""
        return int((self.weights > 0).sum())


def cut(spans: Sequence[Span], stretch: int, random: np.random.Generator | None = None) -> list[Span]:
    """The spans in stretches of at most `stretch`; with `random`, cut elsewhere each time and shuffled."""
    pieces = []
    for span in spans:
        first = span.start
        if random is not None and len(span) > stretch:
            first -= int(random.integers(0, stretch))
        for start in range(first, span.stop, stretch):
            piece = Span(span.take, max(start, span.start), min(start + stretch, span.stop))
            if len(piece):
                pieces.append(piece)
    if random is not None:
        pieces = [pieces[i] for i in random.permutation(len(pieces))]
    return pieces


def gather(
    dataset: Dataset,
    pieces: Sequence[Span],
    stretch: int,
    *,
    store: FrameStore | None = None,
    weights: dict[int, NDArray[np.float32]] | None = None,
    augment: Augment | None = None,
    random: np.random.Generator | None = None,
) -> Batch:
    """The frames and labels of stretches of at most `stretch` positions, padded at their ends.

    The frames come from `store`, or from the dataset. Frames before a recording's beginning are black
    pictures. Without `weights`, every position of the pieces counts 1.
    """
    before = dataset.segment - 1
    longest = min(stretch, max(len(piece) for piece in pieces))
    frames = (store or FrameStore(dataset.takes)).stretches(pieces, before, longest)
    labels = np.zeros((len(pieces), longest, dataset.key_count), np.float32)
    counts = np.zeros((len(pieces), longest), np.float32)
    blank: list[int] = []
    draws: list[Draw] = []
    for row, piece in enumerate(pieces):
        take = dataset.takes[piece.take]
        wanted = take.labels[piece.start : piece.stop]
        draw = augment.draw(random) if augment is not None and random is not None else Draw()
        if draw.flip and augment is not None and augment.mirror is not None:
            wanted = wanted[:, augment.mirror]
        draws.append(draw)
        blank.append(max(before - piece.start, 0))
        labels[row, : len(wanted)] = wanted
        here = weights[piece.take][piece.start : piece.stop] if weights is not None else 1.0
        counts[row, : len(wanted)] = here
    return Batch(frames, labels, counts, tuple(blank), tuple(draws))
