"""Typed reports of the jobs and commands: `Finished.report` as JSON.

A writer passes one of these structs as `report`; a reader calls `Finished.result(kind)`. Fields have
defaults, so that a report of another version can be read.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from agp_tui.protocol.events import Latency, Result
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.summaries import (
    AgentRunSummary,
    AtariGameSummary,
    DisplaySummary,
    Finding,
    ModelSummary,
    RecordingSummary,
    RunSummary,
)


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """Keys held together, and no others; no keys is a combination too."""

    keys: tuple[str, ...] = ()
    frames: int | UnsetType = UNSET
    share: float = 0.0
    """Of all frames, 0 to 1."""


# --- imitation learning -----------------------------------------------------------------------------


class F1Result(msgspec.Struct, frozen=True):
    """Mean F1 over the keys that were pressed, 0 to 1; `change_f1` at frames where the keys change."""

    f1: float = 0.0
    change_f1: float = 0.0


class KeyResult(msgspec.Struct, frozen=True, kw_only=True):
    """Validation metrics of one key; None if undefined, because it was never pressed or never predicted."""

    key: str
    base_rate: float = 0.0
    """Share of the frames at which it was pressed, 0 to 1."""
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    threshold: float = 0.5
    repeat_f1: float | None = None
    """F1 of the baseline that repeats the keys of the frame before."""
    majority_f1: float | None = None
    """F1 of the baseline that always predicts the most frequent combination."""


class ValidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of a model on held-out frames, beside the two baselines."""

    positions: int = 0
    """Held-out frames."""
    changes: int = 0
    """Held-out frames at which the keys change."""
    keys: tuple[KeyResult, ...] = ()
    model: F1Result = F1Result()
    repeat: F1Result = F1Result()
    majority: F1Result = F1Result()
    loss: float = 0.0
    """Binary cross-entropy."""
    shifted_loss: float | None = None
    """Binary cross-entropy on the same frames shifted by a tenth of their size."""
    base_rate_loss: float | None = None
    """Binary cross-entropy of a baseline that always predicts how often each key is held."""
    verdict: str = ""
    """How good the model is, as a sentence."""

    @property
    def beats_baselines(self) -> bool:
        """Whether the model has a better F1 than the most frequent keys.

        `repeat` is no baseline here: it knows the true keys of the frame before, which no player does.
        """
        return any(key.base_rate > 0 for key in self.keys) and self.model.f1 > self.majority.f1


class LatencyResult(Result, frozen=True, kw_only=True):
    """Decision latency of a model on this machine, in milliseconds (`agp models measure`, `agp train`)."""

    decisions: int = 0
    latency_ms: Percentiles = Percentiles(0.0, 0.0, 0.0)
    """Of whole decisions: encode and decide, without the grab and the press."""
    stages_ms: Latency = {}
    budget_ms: float = 0.0
    """Time for one decision at `fps`."""
    fps: float = 0.0
    fps_max: int = 0
    """Highest rate, 1 to 60, whose budget holds p99 times `margin`; 0 if not even 1 does."""
    fits: bool = False
    """Whether `fps` can be kept with the margin."""
    margin: float = 1.0


class ComparisonResult(msgspec.Struct, frozen=True, kw_only=True):
    """A model before and after it was trained on corrections."""

    by: str
    """`play` or `agreement`."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    improved: bool = False


class RareSituation(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster of frames with few examples and a large loss, and the frame that shows it."""

    picture: str
    """Path of the frame as PNG."""
    recording: str
    """Path of its recording."""
    frame: int
    """Index of the frame in the recording."""
    seconds: float = 0.0
    """Its time in the recording."""
    keys: tuple[str, ...] = ()
    """Keys that the player held there."""
    predicted: tuple[str, ...] = ()
    """Keys that the model would hold there."""
    examples: int = 0
    """Frames of the cluster that were trained on."""
    held_out: int = 0
    """Frames of the cluster that were held out."""
    visits: int = 0
    """Separate times at which the situation occurs."""
    loss: float = 0.0
    """Mean binary cross-entropy of its frames."""
    relative_loss: float = 0.0
    """Mean of the losses as multiples of the mean loss."""
    frame_share: float = 0.0
    """Of all frames, 0 to 1."""
    loss_share: float = 0.0
    """Of the whole loss, 0 to 1."""


class LearningCurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out losses of trainings on the same number of minutes."""

    minutes: float
    loss: float
    """Mean over the trainings."""
    losses: tuple[float, ...] = ()


class LossForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out loss of a training on this many minutes, with its 95 % interval."""

    minutes: float = 0.0
    loss: float = 0.0
    low: float = 0.0
    high: float = 0.0


class LearningCurveResult(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out loss by minutes of recordings, and what twice as many would bring."""

    points: tuple[LearningCurvePoint, ...] = ()
    fitted: LossForecast = LossForecast()
    """Of the power law, for all minutes."""
    forecast: LossForecast = LossForecast()
    """For twice as many."""
    outlook: Literal["helps", "little", "unclear"] = "unclear"
    """What twice as many minutes would bring."""
    statement: str = ""
    """The same as a sentence."""
    epochs: int = 0
    """Of each training, in passes over all minutes."""
    model_loss: float | None = None
    """Held-out loss of the model itself."""
    too_short: bool = False
    """Whether the trainings were too short, by comparison with the loss of the model itself."""


class TrainingResult(Result, frozen=True, kw_only=True):
    """Report of `agp train`."""

    why: str = ""
    """Why it ended: `epochs`, `minutes`, `patience` or `stopped`."""
    epochs: int = 0
    validation: dict[str, Any] = {}
    """`ValidationResult` as plain data; empty if nothing was held out."""
    preflight: LatencyResult | None = None
    """None if no model was exported or measured."""
    compared: ComparisonResult | UnsetType = UNSET
    """After corrections."""
    rare_situations: tuple[RareSituation, ...] = ()
    """In the recordings, the one with the largest excess loss first."""
    learning_curve: LearningCurveResult | UnsetType = UNSET
    """If it was requested."""

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped the training."""
        return self.why == "stopped"

    @property
    def metrics(self) -> ValidationResult | None:
        """`validation` as a struct; None if nothing was held out."""
        try:
            return msgspec.convert(self.validation, ValidationResult) if self.validation else None
        except msgspec.ValidationError:
            return None


class DiagnosisResult(Result, frozen=True, kw_only=True):
    """Report of `agp models diagnose`; the fields are also in the report of `agp train`."""

    rare_situations: tuple[RareSituation, ...] = ()
    """In the recordings, the one with the largest excess loss first."""
    learning_curve: LearningCurveResult | UnsetType = UNSET
    """If it was requested."""


class PracticeResult(Result, frozen=True, kw_only=True):
    """Report of `agp practice`."""

    best_round: int = 0
    games: list[list[float]] = []
    """Scores of the games of each round."""
    mean_of: int = 1
    """The last round was played by the mean of the weights of this many networks."""


class PlayerScores(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of whole games of one player; the mean with its 95 % interval, None without a game."""

    scores: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    capped: int = 0
    """Games that were ended after a time limit."""
    decisions: int = 0


class DemoResult(
    Result,
    frozen=True,
    kw_only=True,
    rename={"practised": "clone after practice", "plain": "plain clone"},
):
    """Report of `agp demo`: the scores of each player, by the name that the tables give it."""

    expert: PlayerScores = PlayerScores()
    practised: PlayerScores = PlayerScores()
    plain: PlayerScores = PlayerScores()
    random: PlayerScores = PlayerScores()


class SteadyResult(Result, frozen=True, kw_only=True, omit_defaults=True):
    """Report of `agp models steady`: the key filter that was chosen, and the figures without and with it."""

    steadiness: dict[str, Any]
    """The key filter as it is stored in the manifest."""
    by: str
    """`play` or `frames`."""
    tried: str
    """The best filter, as text."""
    helps: bool
    before: dict[str, float]
    after: dict[str, float]
    gain_low: float | None = None
    """Of the gain in score: lower end of the 95 % interval."""
    gain_high: float | None = None


class RecordingUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a training uses a recording."""

    path: str
    frames: int
    seconds: float
    fps: int
    who: str
    """Whose keys are the labels."""
    corrections: bool
    used: bool
    why: str = ""
    """Why it is not used."""
    excluded: int = 0
    """Frames that training does not learn from."""


class HeldOutRange(msgspec.Struct, frozen=True, kw_only=True):
    """Frames `start` to `stop` (exclusive) of a recording, held out for validation."""

    recording: str
    start: int
    stop: int
    whole: bool
    """Whether it is the whole recording."""


class DatasetResult(Result, frozen=True, kw_only=True):
    """Report of `agp train --look`."""

    recordings: tuple[RecordingUse, ...] = ()
    frames: int = 0
    """Of the recordings used."""
    keys: dict[str, float] = {}
    """By key: share of the frames at which it is held, 0 to 1."""
    combinations: tuple[Combination, ...] = ()
    """The most frequent first."""
    train_frames: int = 0
    validation_frames: int = 0
    validation: tuple[HeldOutRange, ...] = ()
    warnings: tuple[str, ...] = ()


# --- recordings -------------------------------------------------------------------------------------


class ExcludedStretch(msgspec.Struct, frozen=True, kw_only=True):
    """Frames `start` to `stop` (exclusive) that training leaves out; seconds from the first frame."""

    start: int
    stop: int
    start_seconds: float
    stop_seconds: float


class RecordResult(Result, frozen=True, kw_only=True, omit_defaults=True):
    """Report of `agp record`; of a recording that was discarded only `because`."""

    because: str = ""
    """Why it ended, as text."""
    profile: dict[str, str] | None = None
    """Settings (`games.NAME.region`) that make this the profile of the game, if it has none with a region."""
    shares: dict[str, float] | None = None
    """By key: share of the frames at which it is held, 0 to 1."""
    combinations: tuple[Combination, ...] | None = None
    """The most frequent first."""
    warnings: tuple[str, ...] | None = None
    nudges: int = 0
    """How often a nudge held a key."""
    nudge_seconds: float = 0.0
    """For how long, in all."""
    excluded: tuple[ExcludedStretch, ...] = ()
    """What training does not learn from, in order."""


class RecordingsResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings list`."""

    recordings: list[RecordingSummary] = []


class RecordingInfoResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings info`."""

    facts: dict[str, str | float | int | None] = {}
    """By label."""
    presses: dict[str, int] = {}
    """By key: how often it goes down."""
    shares: dict[str, float] = {}
    """By key: share of the frames at which it is held, 0 to 1."""
    combinations: tuple[Combination, ...] = ()
    """The most frequent first."""
    warnings: tuple[str, ...] = ()
    nudges: int = 0
    """How often a nudge held a key."""
    nudge_seconds: float = 0.0
    """For how long, in all."""
    excluded: tuple[ExcludedStretch, ...] = ()
    """What training does not learn from, in order."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive frames `start` to `stop` (exclusive) at which two players differ."""

    start: int
    stop: int
    size: int
    """Keys that differ, summed over the frames."""
    keys: tuple[str, ...]
    """Keys that differ, the most frequent first."""


class DisagreementsResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings disagreements`."""

    players: tuple[str, ...] = ()
    agreement: dict[str, float] = {}
    """By key that either held: share of those frames at which both did, 0 to 1."""
    moments: tuple[Moment, ...] = ()
    """The largest first."""


class CheckResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings check`."""

    problems: list[str] = []
    repairable: bool = False
    """Whether `agp recordings repair` helps."""


class CutRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was made by cutting or joining others."""

    path: str
    frames: int
    seconds: float
    excluded: float = 0.0
    """Seconds that training does not learn from."""


class CutResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings trim`, `split` and `merge`."""

    recordings: tuple[CutRecording, ...] = ()
    """The new ones, in order."""
    sources: tuple[str, ...] = ()
    """The recordings they were made from."""
    replaced: tuple[str, ...] = ()
    """Those of the sources that were deleted afterwards."""


class ExclusionsResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings exclude`: all stretches that training does not learn from, in order."""

    excluded: tuple[ExcludedStretch, ...] = ()
    frames: int = 0
    """Excluded frames."""
    seconds: float = 0.0
    """Excluded, in all."""


class ImportResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings import`."""

    recording: str = ""
    left_out: int = 0
    """Frames or key states at the end without a partner."""


class RecordingExportResult(Result, frozen=True, kw_only=True):
    """Report of `agp recordings export`."""

    file: str = ""
    format: str = ""


# --- play and models --------------------------------------------------------------------------------


class PlayResult(Result, frozen=True, kw_only=True, omit_defaults=True):
    """Report of `agp play`."""

    capped: int
    """Games that were ended after a time limit."""
    dry_run: bool
    panic: bool
    """Whether the panic key ended it."""
    overruns: int
    """Decisions that came after their deadline."""
    hangs: int
    """Times that the model did not answer."""
    takeovers: int | None = None
    """Interventions by a person; None if they were not possible."""
    score: float | None = None
    """At the end, of a game that has one."""


class ModelsResult(Result, frozen=True, kw_only=True):
    """Report of `agp models list`."""

    models: list[ModelSummary] = []


class ModelInfoResult(Result, frozen=True, kw_only=True):
    """Report of `agp models info`: the manifest, or what can be read from a model made elsewhere."""

    facts: dict[str, Any] = {}


# --- agents -----------------------------------------------------------------------------------------


class EvaluationResult(Result, frozen=True, kw_only=True):
    """Evaluation of an agent on whole games (`agp atari eval`, the best agent of `agp atari train`)."""

    game: str = ""
    protocol: str = ""
    epsilon: float = 0.0
    """Share of random actions, 0 to 1."""
    games: int = 0
    scores: tuple[float, ...] = ()
    score_mean: float = 0.0
    score_low: float = 0.0
    """Lower end of the 95 % interval of the mean."""
    score_high: float = 0.0
    score_median: float = 0.0
    human_normalised: float | None = None
    """The mean where 0 is random play and 1 a person."""
    cut: int = 0
    """Games that the frame limit truncated."""
    frames_mean: float = 0.0
    """Mean length of a game in frames of the console."""
    seconds: float = 0.0


class AtariGamesResult(Result, frozen=True, kw_only=True):
    """Report of `agp atari list`."""

    games: list[AtariGameSummary] = []
    scores_of: str = ""
    """The table that the scores are from."""


class AgentRunsResult(Result, frozen=True, kw_only=True):
    """Report of `agp atari runs`."""

    runs: list[AgentRunSummary] = []


class WatchResult(Result, frozen=True, kw_only=True):
    """Report of `agp atari watch`: the score of the game at the end."""

    score: float = 0.0


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video of one game."""

    path: str
    score: float
    seconds: float
    cut: bool
    """Whether the frame limit truncated the game."""


class VideoResult(Result, frozen=True, kw_only=True):
    """Report of `agp atari video`."""

    videos: list[Video] = []


# --- the rest ---------------------------------------------------------------------------------------


class RunsResult(Result, frozen=True, kw_only=True):
    """Report of `agp runs list`."""

    runs: list[RunSummary] = []


class DoctorResult(Result, frozen=True, kw_only=True):
    """Report of `agp doctor`."""

    findings: list[Finding] = []


class DisplaysResult(Result, frozen=True, kw_only=True):
    """Report of `agp screen list`."""

    displays: list[DisplaySummary] = []


class ScreenWatchResult(Result, frozen=True, kw_only=True):
    """Report of `agp screen watch`."""

    display: str = ""


class PickResult(Result, frozen=True, kw_only=True):
    """Report of `agp screen pick`: the click, x and y in pixels of the display."""

    center: tuple[int, int]
    display: str = ""


class ConfigResult(Result, frozen=True, kw_only=True):
    """Report of `agp config show`; `settings` as `agp_tui.config.form_fields.list_settings` gives them."""

    settings: list[dict[str, Any]] = []
    file: str | None = None
    error: dict[str, str | None] | UnsetType = UNSET
    """What is wrong with the file, if it could not be read."""


class ConfigSetResult(Result, frozen=True, kw_only=True):
    """Report of `agp config set`."""

    file: str
    set: dict[str, str]


class ConfigUnsetResult(Result, frozen=True, kw_only=True):
    """Report of `agp config unset`."""

    file: str
    unset: list[str]
