"""`timeline.jsonl` of a recording: one line for each frame, key edge and change of the score or of who plays.

The file only ever grows, each line goes to the system at once, and a torn last line is left out
on reading. The key state of a frame is what was held strictly before its grab.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.files import LineFile
from agp_tui.games.base import GameStatus, Pixels
from agp_tui.keys.state import KeyEdge, Keys, Who
from agp_tui.protocol.untrusted_json import JsonError, decode_json

FILE_NAME = "timeline.jsonl"


class _Line(
    msgspec.Struct, frozen=True, tag_field="kind", tag=lambda name: name.removesuffix("Line").lower()
):
    """One line. All times are on the monotonic clock, in ns."""


class FrameLine(_Line, frozen=True):
    """Frame `index` was grabbed between two moments.

    `crc` is the CRC-32 of its RGB bytes: decoders hide damage instead of telling it (FFmpeg shows
    the picture before it again), so a frame is only believed when this fits.
    """

    index: int
    before_ns: int
    after_ns: int
    crc: int


class EdgeLine(_Line, frozen=True):
    """A key went down or up."""

    time_ns: int
    key: str
    down: bool
    who: Who


class HeldLine(_Line, frozen=True):
    """The keys held when the recording began or ended."""

    at: Literal["start", "end"]
    keys: tuple[str, ...]
    who: Who


class ScoreLine(_Line, frozen=True):
    """The state of play changed. `ended`: final scores of games that ended since the last such line."""

    time_ns: int
    score: float
    lives: int
    episode: int
    ended: tuple[float, ...] = ()


class DriverLine(_Line, frozen=True):
    """From now on it is `who` that plays. Without such a line, one plays from beginning to end."""

    time_ns: int
    who: Who


Line = FrameLine | EdgeLine | HeldLine | ScoreLine | DriverLine

_decoder = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """What the game said of its state of play from `time_ns` on."""

    time_ns: int
    status: GameStatus


class TimelineWriter:
    """Appends lines; each is with the system when the call returns, so that a crash loses none."""

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)

    def write(self, line: Line) -> None:
        """Raises `OSError` from the disk; the lines before it stay whole."""
        self._file.write(msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """May be called twice."""
        self._file.close()


@dataclass(frozen=True)
class Timeline:
    """A timeline as read: frames as arrays of shape (M,), int64 (times in ns); edges in order of time."""

    before_ns: NDArray[np.int64]
    after_ns: NDArray[np.int64]
    crcs: NDArray[np.int64]
    edges: tuple[KeyEdge, ...]
    held_start: dict[Who, Keys]
    held_end: dict[Who, Keys] | None
    """Nothing where the recording was broken off."""
    scores: tuple[ScoreChange, ...]
    drivers: tuple[tuple[int, Who], ...] = ()
    """Since when (ns) who plays; empty where one plays all the time."""

    def driven_by(self, who: Who) -> NDArray[np.bool_]:
        """Shape (M,): the frames at which `who` plays; all of them where nothing tells of drivers."""
        if not self.drivers:
            return np.ones(len(self.before_ns), np.bool_)
        since = np.array([time_ns for time_ns, _ in self.drivers], np.int64)
        turns = np.searchsorted(since, self.before_ns, side="right") - 1
        mine = np.array([driver == who for _, driver in self.drivers], np.bool_)
        driven: NDArray[np.bool_] = mine[turns] & (turns >= 0)
        return driven

    @property
    def players(self) -> tuple[Who, ...]:
        """Everybody who held or pressed a key."""
        return tuple(sorted({*self.held_start, *(edge.who for edge in self.edges)}))

    def key_states(self, keys: tuple[str, ...], who: Who) -> NDArray[np.bool_]:
        """Shape (M + 1, K): what `who` holds at each frame, and in the last row after all edges."""
        column = {key: number for number, key in enumerate(keys)}
        mine = [edge for edge in self.edges if edge.who == who and edge.key in column]
        after = np.zeros((len(mine) + 1, len(keys)), np.bool_)
        after[0] = [key in self.held_start.get(who, ()) for key in keys]
        for number, edge in enumerate(mine, start=1):
            after[number] = after[number - 1]
            after[number, column[edge.key]] = edge.down
        times = np.array([edge.time_ns for edge in mine], np.int64)
        passed = np.searchsorted(times, self.before_ns, side="left")
        states: NDArray[np.bool_] = after[np.append(passed, len(mine))]
        return states


def read_lines(path: Path, *, skip_damaged: bool = False) -> Iterator[Line]:
    """The lines of a file but a torn last one. Raises `RecordingError` at one that is damaged."""
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith(b"\n"):
                    return
                try:
                    yield decode_json(text, _decoder)
                except JsonError as error:
                    if skip_damaged:
                        continue
                    raise RecordingError(
                        f"Expected line {number} of {path} to be one of a timeline: {error}.",
                        f"agp recordings repair {path.parent} keeps what is sound.",
                    ) from error
    except OSError as error:
        raise RecordingError(
            f"Expected a readable {FILE_NAME} in {path.parent}: {error.strerror}.",
            "The recording is not complete: copy it again, or delete it.",
        ) from error


def parse(lines: Iterable[Line]) -> Timeline:
    """Lines put in order: edges by time (they may be heard late), scores with all that ended before."""
    before, after, crcs = [], [], []
    edges: list[KeyEdge] = []
    start: dict[Who, Keys] = {}
    end: dict[Who, Keys] | None = None
    scores: list[ScoreChange] = []
    ended: tuple[float, ...] = ()
    drivers: list[tuple[int, Who]] = []
    for line in lines:
        match line:
            case FrameLine():
                before.append(line.before_ns)
                after.append(line.after_ns)
                crcs.append(line.crc)
            case EdgeLine():
                edges.append(KeyEdge(line.time_ns, line.key, line.down, line.who))
            case HeldLine(at="start"):
                start[line.who] = frozenset(line.keys)
            case HeldLine():
                end = (end or {}) | {line.who: frozenset(line.keys)}
            case ScoreLine():
                ended += line.ended
                scores.append(
                    ScoreChange(line.time_ns, GameStatus(line.score, line.lives, line.episode, ended))
                )
            case DriverLine():
                drivers.append((line.time_ns, line.who))
    edges.sort(key=lambda edge: edge.time_ns)
    try:
        frames = np.array(before, np.int64), np.array(after, np.int64), np.array(crcs, np.int64)
        np.array([edge.time_ns for edge in edges] + [time_ns for time_ns, _ in drivers], np.int64)
    except OverflowError as error:
        raise RecordingError("Expected numbers of a timeline in 64 bits, found a larger one.") from error
    drivers.sort(key=lambda driver: driver[0])
    return Timeline(*frames, tuple(edges), start, end, tuple(scores), tuple(drivers))


def stamps_ms(before_ns: NDArray[np.int64]) -> list[int]:
    """The time stamp in the video of each frame: ms since the first, each later than the one before.

    The writer and the readers both use this, so that frames and lines find each other.
    """
    stamps: list[int] = []
    for time_ns in before_ns.tolist():
        stamps.append(next_stamp(stamps[-1] if stamps else None, time_ns - int(before_ns[0])))
    return stamps


def next_stamp(last: int | None, since_first_ns: int) -> int:
    """The time stamp of one frame, in ms: its own time, or just after the last one's."""
    own = round(since_first_ns / 1e6)
    return own if last is None else max(own, last + 1)


def crc_of(pixels: Pixels) -> int:
    """The checksum of a frame in its line."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)
