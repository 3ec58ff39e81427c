"""Datasets: recordings as clips of frames and key labels, and the ranges for training and validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import AgpError, RecordingError
from agp_tui.imitation.frame_cache import decoded_frames
from agp_tui.recording.quality_stats import picture_warnings, stands_still
from agp_tui.recording.store import Recording

if TYPE_CHECKING:
    from agp_tui.imitation.checkpoint import Checkpoint


@dataclass(frozen=True)
class Clip:
    """One recording: frames and, for each, the keys to predict at that position."""

    name: str
    """Path of the recording."""
    frames: NDArray[np.uint8]
    """(N, size, size, 3), RGB; a memory map if it comes from a recording."""
    labels: NDArray[np.bool_]
    """(N, keys)."""
    is_correction: bool = False
    """Whether a model played and somebody else provided the labels."""
    labelled: NDArray[np.bool_] | None = None
    """(N,): positions whose labels are valid and not excluded; None if all are."""

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"Expected uint8 frames (N, S, S, 3), found {self.frames.dtype} {shape}.")
        if self.labels.shape[:1] != shape[:1] or self.labels.ndim != 2 or self.labels.dtype != np.bool_:
            raise ValueError(f"Expected bool labels ({shape[0]}, K), found {self.labels.shape}.")
        if self.labelled is not None and self.labelled.shape != shape[:1]:
            raise ValueError(f"Expected labelled ({shape[0]},), found {self.labelled.shape}.")

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class IndexRange:
    """Positions `start` to `stop` (exclusive) of the clip with index `clip`."""

    clip: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def labelled_ranges(clips: Sequence[Clip], ranges: Sequence[IndexRange]) -> tuple[IndexRange, ...]:
    """The parts of `ranges` with valid labels, in order."""
    found: list[IndexRange] = []
    for r in ranges:
        labelled = clips[r.clip].labelled
        if labelled is None:
            found.append(r)
            continue
        inside = np.concatenate([[False], labelled[r.start : r.stop], [False]]).astype(np.int8)
        begins, ends = np.flatnonzero(np.diff(inside) == 1), np.flatnonzero(np.diff(inside) == -1)
        found += [
            IndexRange(r.clip, r.start + int(begin), r.start + int(end))
            for begin, end in zip(begins, ends, strict=True)
        ]
    return tuple(found)


@dataclass(frozen=True)
class Dataset:
    """Clips with the positions to train on and the positions to validate on."""

    clips: tuple[Clip, ...]
    train: tuple[IndexRange, ...]
    validation: tuple[IndexRange, ...]
    segment: int
    """Frames in the window of a decision."""
    step: int = 1
    """Use every `step`-th position of a range."""

    @property
    def key_count(self) -> int:
        return int(self.clips[0].labels.shape[1])

    def labels(self, ranges: Sequence[IndexRange]) -> NDArray[np.bool_]:
        """Labels (M, keys) of the counted positions of `ranges`, in order."""
        parts = [self.clips[r.clip].labels[r.start : r.stop : self.step] for r in ranges]
        return np.concatenate(parts) if parts else np.zeros((0, self.key_count), np.bool_)

    def previous(self, ranges: Sequence[IndexRange]) -> NDArray[np.bool_]:
        """The key state one frame before each label, (M, keys): the predictions of the baseline `repeat`."""
        parts = []
        for r in ranges:
            before = np.maximum(np.arange(r.start, r.stop, self.step) - 1, 0)
            parts.append(self.clips[r.clip].labels[before])
        return np.concatenate(parts) if parts else np.zeros((0, self.key_count), np.bool_)


def open_clips(
    paths: Sequence[Path],
    *,
    game: str,
    keys: tuple[str, ...],
    fps: int,
    frame_size: int,
    lead: int,
    segment: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Clip, ...]:
    """Open recordings as clips; frames are decoded once into a cache beside each recording.

    `lead` is the offset of the labels in frames; windows of `segment` frames do not reach across the seams
    of joined recordings. `progress(done, total)` counts frames. Raises
    `RecordingError` if recordings are incompatible with each other or with the arguments, or incomplete.
    """
    recordings = [Recording.open(path) for path in paths]
    check_compatible(recordings, game=game, keys=keys, fps=fps)
    check_complete(recordings)
    total, done = sum(len(recording) for recording in recordings), 0
    clips = []
    for recording in recordings:
        start = done
        frames = decoded_frames(recording, frame_size, lambda n, start=start: progress(start + n, total))  # type: ignore[misc]
        clips.append(clip_of(recording, frames, keys, lead, segment))
        done += len(recording)
    return tuple(clips)


def clip_of(
    recording: Recording, frames: NDArray[np.uint8], keys: tuple[str, ...], lead: int, segment: int
) -> Clip:
    """A clip of these frames with the labels of a recording, in the order of `keys`.

    Raises `RecordingError` if the exclusions of the recording cannot be read.
    """
    columns = [recording.meta.keys.index(key) for key in keys]
    labels = np.ascontiguousarray(recording.labels(lead)[:, columns])
    is_correction = recording.meta.source != recording.meta.labels
    return Clip(str(recording.path), frames, labels, is_correction, recording.labelled(lead, segment))


def open_clips_for(model: "Checkpoint", paths: Sequence[Path]) -> tuple[Clip, ...]:
    """Open recordings as training data of a model. Raises `RecordingError` if one is incompatible."""
    return open_clips(
        paths,
        game=model.game,
        keys=model.keys,
        fps=model.fps,
        frame_size=model.spec.frame_size,
        lead=model.lead,
        segment=model.spec.segment,
    )


def held_out_dataset(source: "Checkpoint") -> Dataset | None:
    """The validation set of this checkpoint; None if its recordings are gone or changed."""
    try:
        ranges = [IndexRange(*map(int, numbers)) for numbers in source.data["validation"]]
        names = source.data["takes"]
        wanted = sorted({r.clip for r in ranges})
        clips = open_clips_for(source, [Path(names[i]) for i in wanted])
    except (AgpError, KeyError, IndexError, TypeError, ValueError):
        return None
    ranges = [IndexRange(wanted.index(r.clip), r.start, r.stop) for r in ranges]
    if not ranges or any(r.stop > len(clips[r.clip]) for r in ranges):
        return None
    return Dataset(clips, (), tuple(ranges), source.spec.segment)


def check_compatible(recordings: Sequence[Recording], *, game: str, keys: tuple[str, ...], fps: int) -> None:
    """Raise `RecordingError` unless all recordings have this game, these keys and this frame rate."""
    if not recordings:
        raise RecordingError(
            f"Expected recordings of {game}, found none.", f"Make one: agp record --game {game}"
        )
    first = recordings[0]
    for recording in recordings:
        meta, first_meta = recording.meta, first.meta
        facts = (
            ("game", meta.game, first_meta.game, game),
            ("keys", _sorted_names(meta.keys), _sorted_names(first_meta.keys), _sorted_names(keys)),
            ("frames a second", meta.fps, first_meta.fps, fps),
        )
        for what, found, other, expected in facts:
            if found != other:
                raise RecordingError(
                    f"Expected recordings with the same {what}, found {found} in {recording.path} "
                    f"and {other} in {first.path}.",
                    "Train on those that belong together: agp train --recordings A,B",
                )
            if found != expected:
                raise RecordingError(
                    f"Expected recordings with the {what} {expected}, found {found} in {recording.path}.",
                    "Record again with these settings, or set them to what was recorded.",
                )


def check_complete(recordings: Sequence[Recording]) -> None:
    """Raise `RecordingError` for a finished recording that has fewer frames than when it was finished."""
    for recording in recordings:
        expected = recording.meta.frames
        if expected is not None and len(recording) < expected:
            raise RecordingError(
                f"Expected {expected} frames in {recording.path}, found {len(recording)} that can be read.",
                f"Copy it again, or keep what is sound: agp recordings repair {recording.path}",
            )


def moving_recordings(paths: Sequence[Path], note: Callable[[str, str], None]) -> tuple[Path, ...]:
    """The recordings whose picture changes.

    `note(text, level)` is called for each of the others, for long standstills and for what is
    excluded. Raises `RecordingError` if no picture changes in any of them, or if one cannot be read.
    """
    moving = []
    for path in paths:
        recording = Recording.open(path)
        if not stands_still(recording):
            moving.append(path)
            name = f"{path.parent.name}/{path.name}"
            for warning in picture_warnings(recording):
                note(f"{name}: {warning}", "warning")
            if excluded := int(recording.excluded().sum()):
                note(f"{name}: {excluded / recording.meta.fps:.1f} s are excluded from training.", "info")
        elif len(paths) > 1:
            note(f"All frames of {path} are alike: the game stood still. It is left out.", "warning")
    if not moving:
        raise RecordingError(
            f"Expected pictures of a game that moves, found all frames alike in "
            f"{', '.join(map(str, paths[:3]))}.",
            "The game was paused, or the region does not show it: look at it with agp recordings replay, "
            "and record again.",
        )
    return tuple(moving)


def check_trainable(
    clips: Sequence[Clip], segment: int, lead: int, warn: Callable[[str], None] = lambda _text: None
) -> tuple[Clip, ...]:
    """The clips that are long enough for a window; `warn` is called for each of the others.

    Raises `RecordingError` if there is none, or if no key is ever pressed.
    """
    needed = segment + lead
    long_enough = tuple(clip for clip in clips if len(clip) >= needed)
    for clip in clips:
        if len(clip) >= needed:
            continue
        problem = (
            f"Expected at least {needed} frames for a window of {segment}, found {len(clip)} in {clip.name}."
        )
        if not long_enough:
            raise RecordingError(problem, "Record for longer, or train with a smaller --segment.")
        warn(f"{problem} It is left out.")
    if not any(clip.labelled is None or clip.labelled.any() for clip in long_enough):
        names = ", ".join(clip.name for clip in long_enough[:3])
        raise RecordingError(
            f"Expected frames to learn from, found that all are excluded in {names}.",
            "agp recordings exclude R shows what is excluded; with --clear all of it counts again.",
        )
    if not any(clip.labels.any() for clip in long_enough):
        names = ", ".join(clip.name for clip in long_enough[:3])
        raise RecordingError(
            f"Expected keys held at some frames, found that no key is ever pressed in {names}.",
            "Play while recording, and check with agp doctor that keys are seen.",
        )
    return long_enough


def _sorted_names(keys: tuple[str, ...]) -> str:
    return ",".join(sorted(keys))
