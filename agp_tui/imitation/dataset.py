"""Recordings as arrays to learn from, checked to belong together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import AgpError, RecordingError
from agp_tui.imitation.frame_cache import decoded_frames
from agp_tui.recording.store import Recording

if TYPE_CHECKING:
    from agp_tui.imitation.checkpoint import Checkpoint


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


def open_takes(
    paths: Sequence[Path],
    *,
    game: str,
    keys: tuple[str, ...],
    fps: int,
    frame_size: int,
    lead: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Take, ...]:
    """Recordings as takes, decoded once into a cache beside each. `progress(done, total)` in frames.

    Raises `RecordingError` where they do not belong together or to what is asked for, or are not whole.
    """
    recordings = [Recording.open(path) for path in paths]
    check_same(recordings, game=game, keys=keys, fps=fps)
    check_whole(recordings)
    total, done = sum(len(recording) for recording in recordings), 0
    takes = []
    for recording in recordings:
        begun = done
        frames = decoded_frames(recording, frame_size, lambda n, begun=begun: progress(begun + n, total))  # type: ignore[misc]
        columns = [recording.meta.keys.index(key) for key in keys]
        labels = recording.labels(lead)[:, columns]
        corrections = recording.meta.source != recording.meta.labels
        shown = recording.labelled()
        takes.append(Take(str(recording.path), frames, np.ascontiguousarray(labels), corrections, shown))
        done += len(recording)
    return tuple(takes)


def takes_for(model: "Checkpoint", paths: Sequence[Path]) -> tuple[Take, ...]:
    """Recordings as takes that this model can learn from. Raises `RecordingError` where one does not fit."""
    return open_takes(
        paths,
        game=model.game,
        keys=model.keys,
        fps=model.fps,
        frame_size=model.spec.frame_size,
        lead=model.lead,
    )


def held_out(source: "Checkpoint") -> Dataset | None:
    """What was held out when this checkpoint was trained; None where those recordings are gone."""
    try:
        spans = [Span(*map(int, numbers)) for numbers in source.data["validation"]]
        names = source.data["takes"]
        wanted = sorted({span.take for span in spans})
        takes = open_takes(
            [Path(names[i]) for i in wanted],
            game=source.game,
            keys=source.keys,
            fps=source.fps,
            frame_size=source.spec.frame_size,
            lead=source.lead,
        )
    except (AgpError, KeyError, IndexError, TypeError, ValueError):
        return None
    spans = [Span(wanted.index(span.take), span.start, span.stop) for span in spans]
    if not spans or any(span.stop > len(takes[span.take]) for span in spans):
        return None
    return Dataset(takes, (), tuple(spans), source.spec.segment)


def check_same(recordings: Sequence[Recording], *, game: str, keys: tuple[str, ...], fps: int) -> None:
    """Raise `RecordingError` unless all are of this game, of these keys and at this many frames a second."""
    if not recordings:
        raise RecordingError(
            f"Expected recordings of {game}, found none.", f"Make one: agp record --game {game}"
        )
    first = recordings[0]
    for recording in recordings:
        here, there = recording.meta, first.meta
        facts = (
            ("game", here.game, there.game, game),
            ("keys", _names(here.keys), _names(there.keys), _names(keys)),
            ("frames a second", here.fps, there.fps, fps),
        )
        for what, found, other, asked in facts:
            if found != other:
                raise RecordingError(
                    f"Expected recordings with the same {what}, found {found} in {recording.path} "
                    f"and {other} in {first.path}.",
                    "Train on those that belong together: agp train --recordings A,B",
                )
            if found != asked:
                raise RecordingError(
                    f"Expected recordings with the {what} {asked}, found {found} in {recording.path}.",
                    "Record again with these settings, or set them to what was recorded.",
                )


def check_whole(recordings: Sequence[Recording]) -> None:
    """Raise `RecordingError` for one that was finished and is shorter now: it was damaged since, or cut."""
    for recording in recordings:
        told = recording.meta.frames
        if told is not None and len(recording) < told:
            raise RecordingError(
                f"Expected {told} frames in {recording.path}, found {len(recording)} that can be read.",
                f"Copy it again, or keep what is sound: agp recordings repair {recording.path}",
            )


def check_learnable(
    takes: Sequence[Take], segment: int, lead: int, warn: Callable[[str], None] = lambda _text: None
) -> tuple[Take, ...]:
    """The takes that are long enough for a window.

    Raises `RecordingError` where none is, or where no key is ever pressed.
    """
    needed = segment + lead
    long_enough = tuple(take for take in takes if len(take) >= needed)
    for take in takes:
        if len(take) >= needed:
            continue
        problem = (
            f"Expected at least {needed} frames for a window of {segment}, found {len(take)} in {take.name}."
        )
        if not long_enough:
            raise RecordingError(problem, "Record for longer, or train with a smaller --segment.")
        warn(f"{problem} It is left out.")
    if not any(take.labels.any() for take in long_enough):
        names = ", ".join(take.name for take in long_enough[:3])
        raise RecordingError(
            f"Expected keys held at some frames, found that no key is ever pressed in {names}.",
            "Play while recording, and check with agp doctor that keys are seen.",
        )
    return long_enough


def _names(keys: tuple[str, ...]) -> str:
    """Keys for comparing and for people: their order does not matter here."""
    return ",".join(sorted(keys))
