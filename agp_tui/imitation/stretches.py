"""Batches of stretches: consecutive frames that are encoded once and decided at every position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.imitation.augment import Augment, Draw
from agp_tui.imitation.frame_store import FrameStore
from agp_tui.imitation.takes import Dataset, Span


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
