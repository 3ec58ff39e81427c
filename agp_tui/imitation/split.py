"""Which positions are learnt from and which are kept for judging.

Split by whole recordings, or, where they are few, by blocks of consecutive frames with a gap of one
window on both sides. Never by shuffled windows: 19 of a window's 20 frames would be in its neighbours.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Span, Take, where_shown

BLOCK_WINDOWS = 5
"""A block for validation is about so many windows long where the recording allows."""
MOST_BLOCKS = 5
"""Of one recording."""


def split(
    takes: Sequence[Take], share: float, segment: int, seed: int
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Spans to train on and spans to validate on, about `share` of the positions.

    Corrections are only trained on, as long as there is anything else. Raises `RecordingError`
    where there are too few frames for both.
    """
    random = np.random.default_rng([seed, 0x5B117])
    chosen = _by_recording(takes, share, random)
    if chosen:
        train = [Span(i, 0, len(s)) for i, s in enumerate(takes) if i not in chosen]
        validation = [Span(i, 0, len(takes[i])) for i in sorted(chosen)]
    else:
        train, validation = _by_blocks(takes, share, segment, random)
    learned, judged = where_shown(takes, train), where_shown(takes, validation)
    if not learned or not judged:
        raise RecordingError(
            "Expected somebody to learn from both in the part to train on and in the part to validate on.",
            "Add a recording of your own play: agp record",
        )
    return learned, judged


def split_fixed(
    training: Sequence[Take], validation: Sequence[Take]
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Everything of `training`, then everything of `validation`, as spans over both in this order."""
    train = [Span(i, 0, len(s)) for i, s in enumerate(training)]
    held_out = [Span(len(training) + i, 0, len(s)) for i, s in enumerate(validation)]
    takes = (*training, *validation)
    return where_shown(takes, train), where_shown(takes, held_out)


def _candidates(takes: Sequence[Take]) -> list[int]:
    plain = [i for i, take in enumerate(takes) if not take.corrections]
    return plain or list(range(len(takes)))


def _by_recording(takes: Sequence[Take], share: float, random: np.random.Generator) -> set[int]:
    """Recordings that together hold about `share` of the candidates' frames; none where they cannot."""
    candidates = _candidates(takes)
    wanted = share * sum(len(takes[i]) for i in candidates)
    chosen: set[int] = set()
    size = 0
    for i in random.permutation(candidates):
        if size + len(takes[i]) <= 1.5 * wanted and takes[i].labels.any():
            chosen.add(int(i))
            size += len(takes[i])
        if size >= wanted:
            break
    return chosen if size >= 0.5 * wanted else set()


def _by_blocks(
    takes: Sequence[Take], share: float, segment: int, random: np.random.Generator
) -> tuple[list[Span], list[Span]]:
    candidates = _candidates(takes)
    train: list[Span] = []
    validation: list[Span] = []
    for i, take in enumerate(takes):
        blocks = _blocks(len(take), share, segment, random) if i in candidates else []
        begin = 0
        for start, stop in blocks:
            validation.append(Span(i, start, stop))
            train.append(Span(i, begin, start - segment))
            begin = stop + segment
        train.append(Span(i, begin, len(take)))
    train = [span for span in train if span.stop > span.start]
    if not validation or not train:
        longest = max(len(take) for take in takes)
        raise RecordingError(
            f"Expected at least {_least(segment)} frames in a recording to train on one part and validate "
            f"on another, found {longest}.",
            "Record for longer, make another recording, or train with a smaller --segment.",
        )
    return train, validation


def _least(segment: int) -> int:
    """A window for validation, a gap on both sides, and a window to train on."""
    return 4 * segment


def _blocks(length: int, share: float, segment: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Validation blocks of one recording, in order, one in each of its equal parts."""
    if length < _least(segment):
        return []
    count = int(np.clip(length * share / (BLOCK_WINDOWS * segment), 1, MOST_BLOCKS))
    edges = np.linspace(0, length, count + 1).astype(int)
    blocks = []
    for begin, end in pairwise(edges.tolist()):
        size = min(max(round((end - begin) * share), segment), end - begin - 3 * segment)
        start = int(random.integers(begin, end - size + 1))
        blocks.append((start, start + size))
    return blocks
