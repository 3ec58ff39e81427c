"""Events of a job, as JSON lines: on stdout with `--json`, and in `events.jsonl` of a long job.

The field names and `type` tags are a public interface: other programs read them. A field that equals its
default is left out.
"""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agp_tui.errors import AgpError, Interrupted
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.untrusted_json import JsonError, decode_json

INTERRUPTED = Interrupted.exit_code

Latency = dict[str, Percentiles]
"""Percentiles by stage; the stage `total` is the whole way from grab to key."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the reports in `agp_tui.protocol.results`."""


R = TypeVar("R", bound=Result)

if TYPE_CHECKING:
    Report = Result | Mapping[str, Any] | None
else:
    # JSON does not say which struct it is.
    Report = Any


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag=str.lower,
):
    """Base of the events; `type` in JSON is the tag. `at` is the wall clock, seconds since 1970."""

    at: float = msgspec.field(default_factory=lambda: round(time.time(), 3))


class Started(Event, frozen=True):
    """The first event of a job."""

    job: str
    """Name of the job: `record`, `play`, `train`, `practice`, `demo`, `atari`, ..."""
    settings: dict[str, Any] = {}
    """The settings in force, from whatever source."""
    run: str | None = None
    """Id of the run of a long job."""


class Stage(Event, frozen=True):
    """Stage `number` of `of` begins; the first is 1."""

    name: str
    number: int = 1
    of: int = 1


class Progress(Event, frozen=True):
    """Progress within a stage."""

    done: float
    """Units finished."""
    total: float
    """Units in all."""
    unit: str
    """What is counted: `frames`, `games`, `steps`, ..."""
    rate: float | None = None
    """Units a second."""
    seconds_left: float | None = None
    metrics: dict[str, float] = {}
    """Figures of the moment by name, such as `loss`."""


class Live(Event, frozen=True):
    """State of a live job, at most ten times a second; dropped if nobody reads."""

    seconds: float
    """Since the beginning."""
    fps: float
    """Frames a second over the last seconds."""
    fps_asked: float
    """Frames a second that were requested."""
    frames: int
    """Frames captured so far."""
    missed: int
    """Frame slots without a frame so far."""
    held: list[str] = []
    """Keys held now."""
    shares: dict[str, float] = {}
    """By key: share of the time so far at which it was held, 0 to 1."""
    probabilities: dict[str, float] = {}
    """By key: the model's output, 0 to 1."""
    thresholds: dict[str, float] = {}
    """By key: the probability from which it is pressed."""
    jitter_ms: Percentiles | None = None
    latency_ms: Latency = {}
    deadline_misses: int | None = None
    """Decisions that came late so far."""
    decisions: int | None = None
    """Decisions made so far."""
    score: float | None = None
    """Score of the current game."""
    lives: int | None = None
    value: float | None = None
    """The agent's estimate of the value of the state (expected return)."""
    thumbnail: bytes = b""
    """A small RGB picture: `height * width * 3` bytes, base64 in JSON."""
    thumbnail_size: tuple[int, int] | None = None
    """Height and width of the thumbnail in pixels."""
    bytes: int | None = None
    """Bytes written so far."""
    shown: tuple[int, int, int, int] | None = None
    """The part of the display in the thumbnail: x, y, width, height in pixels."""
    frame: int | None = None
    """Replay: the frame shown, from 0."""
    total: int | None = None
    """Replay: frames of the recording."""
    paused: bool = False
    speed: float | None = None
    """Replay, or a watched game: 1 is real time."""
    driver: str | None = None
    """Who plays now if a person and a model share the keys: `human` or `agent`."""
    advised: list[str] | None = None
    """Keys that a second policy beside the player (a shadow model, a teacher) would hold."""
    agreement: dict[str, float] = {}
    """By key that either of the two has held: share of those frames at which both did, 0 to 1."""
    nudge: list[str] = []
    """Keys that a nudge holds now; they are not the player's."""
    excluded: float = 0.0
    """Record, replay: seconds of the recording that training does not learn from."""
    excluded_frames: list[tuple[int, int]] = []
    """Replay: these stretches, each as its first frame and the one after its last."""


class EpisodeFinished(Event, frozen=True, tag="try"):
    """An agent finished an episode during its training."""

    number: int
    """Of the episode, from 1."""
    score: float
    high_score: float
    """Best score so far."""
    average: float
    """Mean score of the last 100 episodes."""
    frames: int
    """Length of this episode in frames of the console."""
    seconds: float
    """Training time so far."""
    epsilon: float
    """Share of random actions, 0 to 1."""
    loss: float | None = None


class Evaluated(Event, frozen=True):
    """An agent was evaluated on whole games, apart from its training."""

    steps: int
    """Decisions trained so far."""
    frames: int
    """Frames of the console trained so far."""
    seconds: float
    """Training time so far."""
    games: int
    score_mean: float
    score_low: float
    """Lower end of the 95 % interval of the mean."""
    score_high: float
    """Upper end of it."""
    score_median: float
    human_normalised: float | None = None
    """The mean score where 0 is random play and 1 a person."""
    best: bool = False
    """Whether it is the best evaluation so far."""


class Note(Event, frozen=True):
    """A sentence for people. `level` is `info` or `warning`."""

    text: str
    level: str = "info"


class Table(Event, frozen=True):
    """A table for people and programs: each row has one cell per column."""

    title: str
    columns: list[str]
    rows: list[list[str | float | int | None]]


class Finished(Event, frozen=True):
    """The last event of a job that ended with a result. Fields that do not apply are left out."""

    job: str
    recording: str | None = None
    """Folder of the recording that was made or read."""
    recordings: list[str] | None = None
    model: str | None = None
    """Folder of the model that was made or used."""
    run: str | None = None
    """Id of the run of a long job."""
    checkpoint: str | None = None
    """Path of the best checkpoint."""
    frames: int | None = None
    seconds: float | None = None
    fps: float | None = None
    missed: int | None = None
    """Frame slots without a frame."""
    jitter_ms: Percentiles | None = None
    latency_ms: Percentiles | None = None
    """Of whole decisions."""
    stages_ms: Latency | None = None
    deadline_misses: int | None = None
    """Decisions that came late."""
    decisions: int | None = None
    steps: int | None = None
    steps_per_second: float | None = None
    scores: list[float] | None = None
    """Final score of each game."""
    score_mean: float | None = None
    bytes: int | None = None
    metrics: dict[str, float] | None = None
    stopped: bool = False
    """Whether somebody stopped the job before it was complete."""
    report: "Report" = None
    """Figures of this job only: one of the structs of `agp_tui.protocol.results`, plain data once decoded."""

    def result(self, kind: type[R]) -> R | None:
        """The report as `kind`; None if there is none, or one of another kind."""
        if isinstance(self.report, kind):
            return self.report
        try:
            return None if self.report is None else msgspec.convert(self.report, kind)
        except msgspec.ValidationError:
            return None


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
        """`stopped`, or for runs of versions that did not write it, whether the exit code says so."""
        return self.stopped or self.exit_code == INTERRUPTED

    def as_error(self) -> AgpError:
        """The error to raise if the failed command was a step of something else."""
        return AgpError(self.error, self.hint, setting=self.setting)


AnyEvent = Started | Stage | Progress | Live | EpisodeFinished | Evaluated | Note | Table | Finished | Failed

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode_event(event: Event) -> bytes:
    """One line of JSON, newline included."""
    return _encoder.encode(event) + b"\n"


def decode_event(line: bytes) -> AnyEvent:
    """The event of one line. Raises `AgpError` if it is not one."""
    try:
        return decode_json(line, _decoder)
    except JsonError as error:
        raise AgpError(f"Expected an event as one line of JSON, found {line[:80]!r}: {error}.") from error


def read_events(lines: Iterator[bytes]) -> Iterator[AnyEvent]:
    """The events of a stream; an incomplete last line (without a newline) is left out."""
    for line in lines:
        if line.endswith(b"\n") and line.strip():
            yield decode_event(line)
