"""Train/validation split: by whole recordings, by blocks of frames, or by corrections added later.

With few recordings, blocks of consecutive frames are held out with a gap of one window on both sides.
Shuffled windows would leak: neighbouring windows share 19 of 20 frames. A model that continues training on
corrections keeps its validation set.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Clip, Dataset, IndexRange, labelled_ranges

if TYPE_CHECKING:
    from agp_tui.imitation.checkpoint import Checkpoint

BLOCK_WINDOWS = 5
"""Approximate length of a validation block in windows, if the recording is long enough."""
MAX_BLOCKS = 5
"""Per recording."""
HELD_OUT_CORRECTIONS = 0.2
"""The newest share of the corrections, held out to compare models if the game has no score."""

Split = tuple[tuple[IndexRange, ...], tuple[IndexRange, ...]]
"""Training ranges and validation ranges."""


def split(clips: Sequence[Clip], share: float, segment: int, seed: int) -> Split:
    """Split so that about `share` of the positions is for validation.

    Corrections are used for training only, if there are other recordings. Raises `RecordingError` if there
    are too few frames for both parts.
    """
    rng = np.random.default_rng([seed, 0x5B117])
    chosen = _sample_clips(clips, share, rng)
    if chosen:
        train = [IndexRange(i, 0, len(clip)) for i, clip in enumerate(clips) if i not in chosen]
        validation = [IndexRange(i, 0, len(clips[i])) for i in sorted(chosen)]
    else:
        train, validation = _split_blocks(clips, share, segment, rng)
    labelled = labelled_ranges(clips, train), labelled_ranges(clips, validation)
    if not labelled[0] or not labelled[1]:
        raise RecordingError(
            "Expected labelled frames both in the training part and in the validation part.",
            "Add a recording of your own play (agp record), or exclude less (agp recordings exclude R).",
        )
    return labelled


def _candidates(clips: Sequence[Clip]) -> list[int]:
    """Indices of the clips that validation frames may come from."""
    demonstrations = [i for i, clip in enumerate(clips) if not clip.is_correction]
    return demonstrations or list(range(len(clips)))


def _sample_clips(clips: Sequence[Clip], share: float, rng: np.random.Generator) -> set[int]:
    """Random clips with about `share` of the candidates' frames; empty if that is not possible."""
    candidates = _candidates(clips)
    wanted = share * sum(len(clips[i]) for i in candidates)
    chosen: set[int] = set()
    size = 0
    for i in rng.permutation(candidates):
        clip = clips[i]
        labelled = clip.labels if clip.labelled is None else clip.labels[clip.labelled]
        if size + len(clip) <= 1.5 * wanted and labelled.any():
            chosen.add(int(i))
            size += len(clip)
        if size >= wanted:
            break
    return chosen if size >= 0.5 * wanted else set()


def _split_blocks(
    clips: Sequence[Clip], share: float, segment: int, rng: np.random.Generator
) -> tuple[list[IndexRange], list[IndexRange]]:
    candidates = _candidates(clips)
    train: list[IndexRange] = []
    validation: list[IndexRange] = []
    for i, clip in enumerate(clips):
        blocks = _sample_blocks(len(clip), share, segment, rng) if i in candidates else []
        validation += [IndexRange(i, start, stop) for start, stop in blocks]
        train += _ranges_outside(i, len(clip), blocks, segment)
    if not validation or not train:
        longest = max(len(clip) for clip in clips)
        raise RecordingError(
            f"Expected at least {_min_length(segment)} frames in a recording to train on one part and "
            f"validate on another, found {longest}.",
            "Record for longer, make another recording, or train with a smaller --segment.",
        )
    return train, validation


def _ranges_outside(
    clip: int, length: int, blocks: Sequence[tuple[int, int]], segment: int
) -> list[IndexRange]:
    """The parts of a clip of which no window shares a frame with a window of `blocks`, which are in order."""
    begins = [0, *(stop + segment for _, stop in blocks)]
    ends = [*(start - segment for start, _ in blocks), length]
    return [IndexRange(clip, begin, end) for begin, end in zip(begins, ends, strict=True) if end > begin]


def _min_length(segment: int) -> int:
    """A window for validation, a gap on both sides, and a window for training."""
    return 4 * segment


def _sample_blocks(
    length: int, share: float, segment: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Validation blocks of one recording, in order: one at a random place in each of equal parts."""
    if length < _min_length(segment):
        return []
    count = int(np.clip(length * share / (BLOCK_WINDOWS * segment), 1, MAX_BLOCKS))
    edges = np.linspace(0, length, count + 1).astype(int)
    blocks = []
    for begin, end in pairwise(edges.tolist()):
        size = min(max(round((end - begin) * share), segment), end - begin - 3 * segment)
        start = int(rng.integers(begin, end - size + 1))
        blocks.append((start, start + size))
    return blocks


def not_yet_trained_on(source: "Checkpoint", corrections: Sequence[Path]) -> tuple[Path, ...]:
    """The corrections that are not in the training data of `source`. Raises `RecordingError` if all are."""
    known = {Path(name) for name in source.data.get("takes", ())}
    new = tuple(path for path in corrections if path not in known)
    if not new:
        raise RecordingError(
            f"Expected corrections that the model has not learned from, found only the {len(corrections)} "
            "that it has.",
            "Take over from it while it plays, and let it learn from that.",
        )
    return new


def dataset_with_corrections(
    source: "Checkpoint",
    open_own: Callable[[Sequence[Path]], tuple[Clip, ...]],
    corrections: tuple[Clip, ...],
    *,
    hold_out: bool,
    warn: Callable[[str], None],
) -> Dataset:
    """The training data of `source` extended by `corrections`, with the same validation set.

    With `hold_out` the newest corrections are not trained on; they are the validation set if nothing is left
    of the original one. `open_own` opens recordings of `source`, some of which may have been deleted.
    """
    segment = source.spec.segment
    own = own_dataset(source, open_own, warn=warn, without=corrections)
    clips = (*own.clips, *corrections)
    learned, held_out = split_newest(clips, len(own.clips), segment)
    if not hold_out:
        learned, held_out = _labelled_from(clips, len(own.clips)), ()
    return replace(own, clips=clips, train=(*own.train, *learned), validation=own.validation or held_out)


def own_dataset(
    source: "Checkpoint",
    open_own: Callable[[Sequence[Path]], tuple[Clip, ...]],
    *,
    warn: Callable[[str], None],
    without: Sequence[Clip] = (),
) -> Dataset:
    """The training data and the validation set of `source`; recordings that are gone are left out.

    `open_own` opens recordings of `source`. Those of `without` are left out too.
    """
    segment = source.spec.segment
    names = [Path(name) for name in source.data.get("takes", ())]
    added = {Path(clip.name) for clip in without}
    present = [number for number, path in enumerate(names) if path.is_dir() and path not in added]
    if gone := len([path for path in names if not path.is_dir()]):
        warn(f"Of the model's own {len(names)} recordings {gone} are gone and are left out.")
    clips = open_own([names[number] for number in present]) if present else ()
    index = {number: position for position, number in enumerate(present)}
    validation = [
        IndexRange(index[clip], start, stop)
        for clip, start, stop in source.data.get("validation", ())
        if clip in index and stop <= len(clips[index[clip]])
    ]
    train: list[IndexRange] = []
    for i, clip in enumerate(clips):
        blocks = sorted((r.start, r.stop) for r in validation if r.clip == i)
        train += _ranges_outside(i, len(clip), blocks, segment)
    return Dataset(
        clips,
        labelled_ranges(clips, train),
        tuple(validation),
        segment=segment,
        step=int(source.data.get("step", 1)),
    )


def split_newest(clips: Sequence[Clip], first: int, segment: int) -> Split:
    """Split the labelled frames of the clips from index `first` on, the newest part for validation.

    A gap of one window separates the parts.
    """
    labelled = _labelled_from(clips, first)
    left = round(sum(map(len, labelled)) * (1 - HELD_OUT_CORRECTIONS))
    train: list[IndexRange] = []
    held_out: list[IndexRange] = []
    for r in labelled:
        middle = min(r.stop, r.start + left)
        left -= middle - r.start
        if middle > r.start:
            train.append(IndexRange(r.clip, r.start, middle))
        begin = middle + segment if middle > r.start else middle
        if r.stop > begin:
            held_out.append(IndexRange(r.clip, begin, r.stop))
    return tuple(train), tuple(held_out)


def _labelled_from(clips: Sequence[Clip], first: int) -> tuple[IndexRange, ...]:
    return labelled_ranges(clips, [IndexRange(i, 0, len(clips[i])) for i in range(first, len(clips))])
