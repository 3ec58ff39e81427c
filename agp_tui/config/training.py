"""Settings of imitation learning: training, export, practice (DAgger)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.types import Count, Fraction, Size, Words


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Training: behavior cloning of the recordings of a game."""

    model: Literal["small", "large"] = "small"
    """Size of the network: small (about 0.8 M encoder parameters) or large (1.8 M)."""

    name: str | None = None
    """Name of the exported model. Default: the name of the game."""

    recordings: Words = ()
    """Recordings to train on, as paths or time stamps. Default: all recordings of the game."""

    frame_size: Size | None = None
    """Side of the square frames of the model, in pixels. Default: as recorded; 128 for Atari games."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """Frames in the window of a decision (context length)."""

    motion: bool = False
    """Add the brightness difference from the previous frame as an input channel."""

    step: Annotated[int, Meta(ge=1)] = 1
    """Use every `step`-th position of the recordings."""

    lead: Annotated[int, Meta(ge=0, le=10)] = 1
    """Offset of the labels: predict the keys held this many frames after the newest one. At 0 that frame may
    already show their effect."""

    epochs: Count = 30
    """Stop after this many passes over the data."""

    minutes: Annotated[float, Meta(gt=0)] | None = None
    """Stop after this many minutes."""

    patience: Count = 6
    """Early stopping: stop after this many validations without a better score."""

    validation: Annotated[float, Meta(gt=0.0, lt=0.9)] = 0.15
    """Share of the recordings held out for validation; with few recordings, share of blocks of frames."""

    batch: Count = 4
    """Batch size: chunks of consecutive frames per optimizer step."""

    stretch: Annotated[int, Meta(ge=8, le=512)] = 64
    """Chunk length: labelled frames in a chunk."""

    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] = 1e-3
    """Peak learning rate (linear warm-up, cosine decay)."""

    ema_decay: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.99
    """Decay of the exponential moving average of the weights, which is what is exported; 0: no average."""

    weight_decay: Annotated[float, Meta(ge=0.0)] = 1e-4
    """Weight decay of AdamW."""

    balance_cap: Annotated[float, Meta(ge=1.0)] = 10.0
    """Class weights: largest weight of a rare key combination (inverse frequency) in the loss."""

    change_weight: Annotated[float, Meta(ge=1.0)] = 3.0
    """Factor of the loss at frames where the keys change."""

    shift: Annotated[int, Meta(ge=0, le=64)] | None = None
    """Augmentation: largest shift of whole windows, in pixels. Default: 5 % of `frame_size` if most of the
    picture changes (a moving camera), else 0, as positions in the picture determine the keys."""

    jitter: Fraction = 0.1
    """Augmentation: largest relative change of brightness and contrast of whole windows."""

    flip: bool = False
    """Augmentation: mirror half of the windows and swap left and right. For symmetric games only."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of training; auto uses the faster one, by measurement."""

    threads: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Number of CPU threads. Default: one or all cores, whichever is faster by measurement."""

    learning_curve: bool = False
    """After the training, estimate by short trainings on a quarter, half and all of the recordings what more
    minutes would bring. `agp models diagnose` does so later."""

    seed: int = 0
    """Random seed of training."""

    resume: str | None = None
    """Resume this run instead of starting one."""

    from_model: str | None = None
    """Start from the weights of this model."""

    corrections: bool = False
    """Continue training the model of `from_model` with the corrections it received: takeovers, and those of
    a teacher. Its own recordings stay in the training data and its validation set is unchanged; the models
    before and after are compared."""

    correction_weight: Annotated[float, Meta(ge=1.0, le=100.0)] = 3.0
    """Factor of the loss at frames of corrections."""

    compare_games: Count = 10
    """Number of games for the comparison before and after `corrections`, if the game has a score."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Export: convert a checkpoint to a model that plays (.tflite)."""

    name: str | None = None
    """Name of the model. Default: the name of the game."""

    quantize: Literal["none", "fp16", "int8"] = "none"
    """Quantization of the weights; its cost in F1 is measured and printed."""


@dataclass(frozen=True, kw_only=True)
class PracticeSettings:
    """Practice (DAgger): a model plays, a teacher corrects it, it trains on the corrections."""

    teacher: str = "expert"
    """Teacher: expert (a scripted demonstrator) or an Atari agent (a checkpoint, a run, a saved name)."""

    rounds: Count = 6
    """Number of rounds of play and training."""

    round_seconds: Annotated[float, Meta(gt=0)] = 300.0
    """Seconds of play per round, shared by its games."""

    minutes_per_round: Annotated[float, Meta(gt=0)] = 0.5
    """Minutes of training after the first round; later rounds train longer in proportion to the data."""

    patience: Count = 3
    """Early stopping: stop after this many rounds without a better mean score."""

    games: Count = 4
    """Games per round; the best model is the one with the best mean score of a round."""

    sticky: Fraction = 0.25
    """Probability that the emulator repeats its previous action (sticky actions)."""

    name: str | None = None
    """Name of the new model. Default: MODEL-practised."""
