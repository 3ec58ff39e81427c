"""What training looks at: arrays of frames and labels, and which positions of them count.

A window is an index, never a copy: position `i` of a take stands for its frames `i - segment + 1`
to `i`, black pictures where they would begin before the take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Take:
    """One recording: its frames and, for each, the keys that a decision there should bring about."""

    name: str
    frames: NDArray[np.uint8]
    """(N, size, size, 3), RGB; a memory map where it comes from a recording."""
    labels: NDArray[np.bool_]
    """(N, keys)."""
    corrections: bool = False
    """Whether a model played and somebody else told what should have been pressed."""
    shown: NDArray[np.bool_] | None = None
    """(N,): where whoever is to be learned from was there to press; None is everywhere."""

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"Expected uint8 frames (N, S, S, 3), found {self.frames.dtype} {shape}.")
        if self.labels.shape[:1] != shape[:1] or self.labels.ndim != 2 or self.labels.dtype != np.bool_:
            raise ValueError(f"Expected bool labels ({shape[0]}, K), found {self.labels.shape}.")
        if self.shown is not None and self.shown.shape != shape[:1]:
            raise ValueError(f"Expected shown ({shape[0]},), found {self.shown.shape}.")

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Span:
    """Positions `start` to `stop` (not included) of sequence number `take`."""

    take: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def where_shown(takes: Sequence[Take], spans: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of the spans at which somebody was there to learn from, in their order."""
    found: list[Span] = []
    for span in spans:
        shown = takes[span.take].shown
        if shown is None:
            found.append(span)
            continue
        inside = np.concatenate([[False], shown[span.start : span.stop], [False]]).astype(np.int8)
        begins, ends = np.flatnonzero(np.diff(inside) == 1), np.flatnonzero(np.diff(inside) == -1)
        found += [
            Span(span.take, span.start + int(begin), span.start + int(end))
            for begin, end in zip(begins, ends, strict=True)
        ]
    return tuple(found)


@dataclass(frozen=True)
class Dataset:
    """Sequences with the positions to learn from and the positions to be judged on."""

    takes: tuple[Take, ...]
    train: tuple[Span, ...]
    validation: tuple[Span, ...]
    segment: int
    """Frames in a window."""
    step: int = 1
    """Only every so-manieth position of a span counts."""

    @property
    def frame_size(self) -> int:
        return int(self.takes[0].frames.shape[1])

    @property
    def key_count(self) -> int:
        return int(self.takes[0].labels.shape[1])

    def labels(self, spans: Sequence[Span]) -> NDArray[np.bool_]:
        """Labels (M, keys) of the counted positions of `spans`, in their order."""
        parts = [self.takes[s.take].labels[s.start : s.stop : self.step] for s in spans]
        return np.concatenate(parts) if parts else np.zeros((0, self.key_count), np.bool_)

    def previous(self, spans: Sequence[Span]) -> NDArray[np.bool_]:
        """The key state one frame before each label, (M, keys): what "nothing changes" would say."""
        parts = []
        for span in spans:
            labels = self.takes[span.take].labels
            before = np.maximum(np.arange(span.start, span.stop, self.step) - 1, 0)
            parts.append(labels[before])
        return np.concatenate(parts) if parts else np.zeros((0, self.key_count), np.bool_)
