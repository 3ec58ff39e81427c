"""`timeline.jsonl` of a recording: one line per frame, key edge, change of score and change of player.

The file only grows, each line reaches the operating system at once, and a torn last line is ignored
on reading. The key state of a frame holds the keys held strictly before its grab.
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
    """Frame `index` was grabbed between two times.

    `crc` is the CRC-32 of its RGB bytes. It detects damage that decoders hide (FFmpeg repeats the frame
    before).
    """

    index: int
    before_ns: int
    after_ns: int
    crc: int


class EdgeLine(_Line, frozen=True, omit_defaults=True):
    """A key went down or up.

    An edge of a nudge has `nudge`, and as `who` a player that does not label the recording: versions
    without nudges read such a recording as one with a second player.
    """

    time_ns: int
    key: str
    down: bool
    who: Who
    nudge: bool = False

    @classmethod
    def of(cls, edge: KeyEdge, labels: Who) -> "EdgeLine":
        """The line of an edge in a recording with these `labels`."""
        if edge.who != "nudge":
            return cls(edge.time_ns, edge.key, edge.down, edge.who)
        alias: Who = "agent" if labels == "expert" else "expert"
        return cls(edge.time_ns, edge.key, edge.down, alias, nudge=True)

    @property
    def edge(self) -> KeyEdge:
        """The edge of this line."""
        return KeyEdge(self.time_ns, self.key, self.down, "nudge" if self.nudge else self.who)


class HeldLine(_Line, frozen=True):
    """The keys held when the recording began or ended."""

    at: Literal["start", "end"]
    keys: tuple[str, ...]
    who: Who


class ScoreLine(_Line, frozen=True):
    """The status of the game changed. `ended`: final scores of episodes ended since the last such line."""

    time_ns: int
    score: float
    lives: int
    episode: int
    ended: tuple[float, ...] = ()


class DriverLine(_Line, frozen=True):
    """`who` plays from now on. Without such lines, one player plays throughout."""

    time_ns: int
    who: Who


Line = FrameLine | EdgeLine | HeldLine | ScoreLine | DriverLine

_decoder = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """The status of the game from `time_ns` on."""

    time_ns: int
    status: GameStatus


class TimelineWriter:
    """Appends lines; each reaches the operating system before the call returns, so a crash loses none."""

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)

    def write(self, line: Line) -> None:
        """Append a line. Raises `OSError` from the disk; the lines before stay intact."""
        self._file.write(msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """May be called twice."""
        self._file.close()


@dataclass(frozen=True)
class Timeline:
    """A stored timeline: frames as arrays of shape (M,), int64 (times in ns); edges in order of time."""

    before_ns: NDArray[np.int64]
    after_ns: NDArray[np.int64]
    crcs: NDArray[np.int64]
    edges: tuple[KeyEdge, ...]
    held_start: dict[Who, Keys]
    held_end: dict[Who, Keys] | None
    """None for an interrupted recording."""
    scores: tuple[ScoreChange, ...]
    drivers: tuple[tuple[int, Who], ...] = ()
    """Changes of the player: time (ns) and player. Empty with a single player."""

    def driven_by(self, who: Who) -> NDArray[np.bool_]:
        """Shape (M,): the frames at which `who` plays; all of them without changes of the player."""
        if not self.drivers:
            return np.ones(len(self.before_ns), np.bool_)
        since = np.array([time_ns for time_ns, _ in self.drivers], np.int64)
        turns = np.searchsorted(since, self.before_ns, side="right") - 1
        mine = np.array([driver == who for _, driver in self.drivers], np.bool_)
        driven: NDArray[np.bool_] = mine[turns] & (turns >= 0)
        return driven

    @property
    def players(self) -> tuple[Who, ...]:
        """All who held or pressed a key, without nudges."""
        return tuple(sorted({*self.held_start, *(edge.who for edge in self.edges)} - {"nudge"}))

    def key_states(self, keys: tuple[str, ...], who: Who) -> NDArray[np.bool_]:
        """Shape (M + 1, K): the keys that `who` holds at each frame, and in the last row after all edges."""
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
    """The lines of a file without a torn last one. Raises `RecordingError` at a damaged line."""
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
                        f"agp recordings repair {path.parent} keeps the intact frames.",
                    ) from error
    except OSError as error:
        raise RecordingError(
            f"Expected a readable {FILE_NAME} in {path.parent}: {error.strerror}.",
            "The recording is not complete: copy it again, or delete it.",
        ) from error


def parse(lines: Iterable[Line]) -> Timeline:
    """Collect lines: edges sorted by time (they may arrive late), scores with all episodes ended before."""
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
                edges.append(line.edge)
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
    """The video timestamp of each frame: ms since the first one, strictly increasing.

    The writer and the readers both use it, to match frames and lines.
    """
    stamps: list[int] = []
    for time_ns in before_ns.tolist():
        stamps.append(next_stamp(stamps[-1] if stamps else None, time_ns - int(before_ns[0])))
    return stamps


def next_stamp(last: int | None, since_first_ns: int) -> int:
    """The timestamp of a frame in ms: its own time, or 1 ms after the last one."""
    own = round(since_first_ns / 1e6)
    return own if last is None else max(own, last + 1)


def crc_of(pixels: Pixels) -> int:
    """The checksum of a frame."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)
