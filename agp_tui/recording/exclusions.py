"""`frames.exclusions.json` of a recording: the stretches that training does not learn from.

It lies beside the other files, so that versions that do not know it read the recording as before. Times are
those of the timeline, so a stretch stays where it is when frames before it are lost or cut off.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.files import write_atomically
from agp_tui.protocol.untrusted_json import JsonError, decode_json

FILE_NAME = "frames.exclusions.json"
SCHEMA = 1
MAX_BYTES = 1 << 20
"""A larger file is refused."""


class TimeRange(msgspec.Struct, frozen=True, order=True):
    """From `start_ns` to before `stop_ns`, on the clock of the timeline."""

    start_ns: int
    stop_ns: int

    def shifted(self, by_ns: int) -> "TimeRange":
        """The same stretch, `by_ns` later."""
        return TimeRange(self.start_ns + by_ns, self.stop_ns + by_ns)


TimeRanges = tuple[TimeRange, ...]


class _File(msgspec.Struct, frozen=True):
    schema: int
    excluded: TimeRanges


_decoder = msgspec.json.Decoder(_File)


def read_exclusions(folder: Path) -> TimeRanges:
    """The excluded stretches of a recording, in order; none without the file. Raises `RecordingError`."""
    path = folder / FILE_NAME
    hint = f"agp recordings exclude {folder} --clear removes it, and with it what was excluded."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecordingError(f"Expected a small file {path}, found more than {MAX_BYTES} bytes.", hint)
        found = decode_json(path.read_bytes(), _decoder)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RecordingError(f"Expected to read {path}: {error.strerror}.") from error
    except JsonError as error:
        raise RecordingError(
            f"Expected {path} to list the stretches to leave out of training: {error}.", hint
        ) from error
    if found.schema > SCHEMA:
        raise RecordingError(
            f"Expected exclusions of schema {SCHEMA} or older in {path}, found schema {found.schema}.",
            "They were made by a newer version of agp-tui: update agp-tui.",
        )
    if any(
        not -(1 << 63) <= time < 1 << 63 for one in found.excluded for time in (one.start_ns, one.stop_ns)
    ):
        raise RecordingError(f"Expected times in 64 bits in {path}, found a larger one.", hint)
    return united(found.excluded)


def write_exclusions(folder: Path, ranges: Iterable[TimeRange]) -> None:
    """Replace the excluded stretches atomically; without any, remove the file. Raises `RecordingError`."""
    path, excluded = folder / FILE_NAME, united(ranges)
    try:
        if not excluded:
            path.unlink(missing_ok=True)
            return
        write_atomically(path, msgspec.json.encode(_File(SCHEMA, excluded)) + b"\n")
        path.chmod(0o600)
    except OSError as error:
        raise RecordingError(
            f"Expected to write {path}: {error.strerror}.", "Nothing was changed: make room, and try again."
        ) from error


def united(ranges: Iterable[TimeRange]) -> TimeRanges:
    """The ranges in order, without empty ones; those that overlap or touch become one."""
    found: list[TimeRange] = []
    for one in sorted(ranges):
        if one.stop_ns <= one.start_ns:
            continue
        if found and one.start_ns <= found[-1].stop_ns:
            found[-1] = TimeRange(found[-1].start_ns, max(found[-1].stop_ns, one.stop_ns))
        else:
            found.append(one)
    return tuple(found)


def without(ranges: Iterable[TimeRange], removed: TimeRange) -> TimeRanges:
    """The parts of the ranges outside `removed`."""
    return united(
        part
        for one in ranges
        for part in (
            TimeRange(one.start_ns, min(one.stop_ns, removed.start_ns)),
            TimeRange(max(one.start_ns, removed.stop_ns), one.stop_ns),
        )
    )


def within(ranges: Iterable[TimeRange], kept: TimeRange) -> TimeRanges:
    """The parts of the ranges inside `kept`."""
    return united(
        TimeRange(max(one.start_ns, kept.start_ns), min(one.stop_ns, kept.stop_ns)) for one in ranges
    )


def excluded_frames(ranges: Iterable[TimeRange], times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Shape (N,): whether each frame, grabbed at `times_ns` (N,), lies in one of the ranges."""
    excluded = np.zeros(len(times_ns), np.bool_)
    for one in ranges:
        excluded |= (times_ns >= one.start_ns) & (times_ns < one.stop_ns)
    return excluded


def runs_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of true values of a mask (N,): first index and the one after the last."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in steps.reshape(-1, 2)]


class ExclusionEditor:
    """Changes the exclusions of a recording; each change is on disk when the call returns."""

    def __init__(self, folder: Path) -> None:
        """Raises `RecordingError` if the exclusions of the recording cannot be read."""
        self._folder = folder
        self.ranges = read_exclusions(folder)
        self._before: list[TimeRanges] = []

    def exclude(self, stretch: TimeRange) -> None:
        """Leave a stretch out of training. Raises `RecordingError`, and changes nothing then."""
        self._change((*self.ranges, stretch))

    def include(self, stretch: TimeRange) -> None:
        """Learn from a stretch again. Raises `RecordingError`, and changes nothing then."""
        self._change(without(self.ranges, stretch))

    def undo(self) -> bool:
        """Take back the newest change; False if there is none. Raises `RecordingError`."""
        if not self._before:
            return False
        write_exclusions(self._folder, self._before[-1])
        self.ranges = self._before.pop()
        return True

    @property
    def seconds(self) -> float:
        """Length of the excluded stretches in all."""
        return sum(one.stop_ns - one.start_ns for one in self.ranges) / 1e9

    def _change(self, ranges: Iterable[TimeRange]) -> None:
        changed = united(ranges)
        if changed != self.ranges:
            write_exclusions(self._folder, changed)
            self._before.append(self.ranges)
            self.ranges = changed
