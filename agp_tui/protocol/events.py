"""What a job tells while it runs, and what it can be told: one JSON object a line.

Every job writes these to its stdout under `--json`, and long jobs to `events.jsonl` as well.
The field names are an interface: other programs read them. A field that has nothing to say
is left out.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from agp_tui.config.types import HoldMode, KeyAction
from agp_tui.errors import AgpError, Interrupted
from agp_tui.protocol.decoding import BadJson, decoded
from agp_tui.protocol.percentiles import Percentiles

INTERRUPTED = Interrupted.exit_code

Latency = dict[str, Percentiles]
"""Percentiles by stage; the stage `total` is the whole way from grab to key."""


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag=str.lower,
):
    """Anything that happened. `at` is the wall clock, seconds since 1970."""

    at: float = msgspec.field(default_factory=lambda: round(time.time(), 3))


class Started(Event, frozen=True):
    """A job begins. `settings` are the ones in force, whatever they came from."""

    job: str
    settings: dict[str, Any] = {}
    run: str | None = None


class Stage(Event, frozen=True):
    """A job that has several parts begins one: `number` of `of`."""

    name: str
    number: int = 1
    of: int = 1


class Progress(Event, frozen=True):
    """How far a long part is: `done` of `total` `unit`s, `rate` a second, `seconds_left`."""

    done: float
    total: float
    unit: str
    rate: float | None = None
    seconds_left: float | None = None
    metrics: dict[str, float] = {}


class Live(Event, frozen=True):
    """A live job's state, ten times a second at most; dropped where nobody reads.

    `held` are the keys held now, `shares` how much of the time so far each was held (0 to 1).
    `thumbnail` is a small RGB picture, `height * width * 3` bytes as base64; `shown` is the part of
    the display that it shows (X, Y, width, height). A replay is at `frame` of `total`, `speed` times as
    fast as it was recorded.
    """

    seconds: float
    fps: float
    fps_asked: float
    frames: int
    missed: int
    held: list[str] = []
    shares: dict[str, float] = {}
    probabilities: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    """By key: pressed from this probability on."""
    jitter_ms: Percentiles | None = None
    latency_ms: Latency = {}
    deadline_misses: int | None = None
    decisions: int | None = None
    score: float | None = None
    lives: int | None = None
    value: float | None = None
    """What an agent thinks that the state is worth."""
    thumbnail: bytes = b""
    thumbnail_size: tuple[int, int] | None = None
    bytes: int | None = None
    shown: tuple[int, int, int, int] | None = None
    frame: int | None = None
    total: int | None = None
    paused: bool = False
    speed: float | None = None
    driver: str | None = None
    """Who plays now, where a person and a model share the keys: `human` or `agent`."""
    advised: list[str] | None = None
    """What somebody beside the player would hold: a model that watches, a teacher."""
    agreement: dict[str, float] = {}
    """By key that one of the two has held: share of those frames at which both did."""


class Try(Event, frozen=True):
    """A game that an agent played to its end while it trained.

    `number` counts from 1, `high_score` is the best so far, `average` the mean of the last 100; `frames`
    are those of this game, `seconds` the time of the training.
    """

    number: int
    score: float
    high_score: float
    average: float
    frames: int
    seconds: float
    epsilon: float
    loss: float | None = None


class Evaluated(Event, frozen=True):
    """An agent was judged by whole games apart from its training, after so many `steps` (decisions)."""

    steps: int
    frames: int
    seconds: float
    games: int
    score_mean: float
    score_low: float
    score_high: float
    score_median: float
    human_normalised: float | None = None
    best: bool = False
    """Whether it is the best so far."""


class Note(Event, frozen=True):
    """A sentence for people. `level` is `info` or `warning`."""

    text: str
    level: str = "info"


class Table(Event, frozen=True):
    """Rows for people and programs: each row has one cell for every column."""

    title: str
    columns: list[str]
    rows: list[list[str | float | int | None]]


class Finished(Event, frozen=True):
    """A job's result. Only the fields that the job has something to say about are there."""

    job: str
    recording: str | None = None
    recordings: list[str] | None = None
    model: str | None = None
    run: str | None = None
    checkpoint: str | None = None
    frames: int | None = None
    seconds: float | None = None
    fps: float | None = None
    missed: int | None = None
    jitter_ms: Percentiles | None = None
    latency_ms: Percentiles | None = None
    stages_ms: Latency | None = None
    deadline_misses: int | None = None
    decisions: int | None = None
    steps: int | None = None
    steps_per_second: float | None = None
    scores: list[float] | None = None
    score_mean: float | None = None
    bytes: int | None = None
    metrics: dict[str, float] | None = None
    stopped: bool = False
    """Whether somebody asked for the end before the job had come to it."""
    report: dict[str, Any] | None = None
    """Figures of one job only, documented at the job."""


class Failed(Event, frozen=True):
    """The last event of a job that ended without a result.

    `error` says what was expected and found, `hint` what to do; `exit_code` is 1 (failed), 2 (bad input)
    or 130 (interrupted).
    """

    error: str
    hint: str = ""
    exit_code: int = 1
    setting: str | None = None
    """The setting at fault: the key of a flag (`fps`), or `section.key` in a settings file (`game.fps`)."""
    stopped: bool = False
    """Whether somebody stopped the job."""

    @classmethod
    def of(cls, error: AgpError, exit_code: int | None = None) -> "Failed":
        """The event for an error; `exit_code` replaces the error's own."""
        code = error.exit_code if exit_code is None else exit_code
        return cls(
            error=error.message,
            hint=error.hint,
            exit_code=code,
            setting=error.setting,
            stopped=error.stopped or code == INTERRUPTED,
        )

    @property
    def was_stopped(self) -> bool:
        """`stopped`, which runs of earlier versions do not have: there the exit code tells."""
        return self.stopped or self.exit_code == INTERRUPTED

    def as_error(self) -> AgpError:
        """The error to raise where the failed command was a step of something else."""
        return AgpError(self.error, self.hint, setting=self.setting)


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Anything a live job can be told, one JSON object a line on its stdin."""


class Stop(Command, frozen=True):
    """Finish: close the files, release the keys, report."""


class Pause(Command, frozen=True):
    """Release every key and wait."""


class Resume(Command, frozen=True):
    """Go on after a pause."""


class Panic(Command, frozen=True):
    """Release every key and stop at once."""


class Step(Command, frozen=True):
    """Show the frame so many later, paused; a replay also earlier ones, where it is negative."""

    frames: int = 1


class Seek(Command, frozen=True):
    """A replay: go on from this frame."""

    frame: int


class Speed(Command, frozen=True):
    """A replay, or a game that is watched: so many times as fast as it was."""

    factor: float


class Key(Command, frozen=True):
    """A person at a terminal pressed, repeats or released a key (our name for it).

    `time_ns` is on the machine's monotonic clock; now where it is left out.
    """

    key: str
    stroke: KeyAction = "press"
    time_ns: int | None = None


class LetGo(Command, frozen=True):
    """The person at the terminal holds no key any more."""

    time_ns: int | None = None


class Holding(Command, frozen=True):
    """How keys typed at a terminal are held from now on: see `[terminal] holding` of the settings."""

    way: HoldMode


AnyEvent = Started | Stage | Progress | Live | Try | Evaluated | Note | Table | Finished | Failed
AnyCommand = Stop | Pause | Resume | Panic | Step | Seek | Speed | Key | LetGo | Holding

_encoder = msgspec.json.Encoder()
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_commands: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def encode(message: Event | Command) -> bytes:
    """One line of JSON, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_event(line: bytes) -> AnyEvent:
    """The event of one line. Raises `AgpError` where it is none."""
    try:
        return decoded(line, _events)
    except BadJson as error:
        raise AgpError(f"Expected an event as one line of JSON, found {line[:80]!r}: {error}.") from error


def decode_command(line: bytes) -> AnyCommand:
    """The command of one line. Raises `AgpError` where it is none."""
    try:
        return decoded(line, _commands)
    except BadJson as error:
        raise AgpError(
            f"Expected a command as one line of JSON, found {line[:80]!r}: {error}.",
            'Send one of {"type": "stop"}, "pause", "resume", "panic".',
        ) from error


def read_events(lines: Iterator[bytes]) -> Iterator[AnyEvent]:
    """The events of a stream; a torn last line (no newline yet) is left out."""
    for line in lines:
        if line.endswith(b"\n") and line.strip():
            yield decode_event(line)
