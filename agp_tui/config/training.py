"""The settings of models that learn from recordings: training, export, practice."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.types import Count, Fraction, Size, Words


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Training: recordings of a game become a policy."""

    model: Literal["small", "large"] = "small"
    """Size of the network: small (about 0.8 M encoder parameters) or large (1.8 M)."""

    name: str | None = None
    """Name of the exported model; the game's name where none is given."""

    recordings: Words = ()
    """Train on these recordings only, by their paths or stamps; all of the game's otherwise."""

    frame_size: Size | None = None
    """Side of the square frames that the model sees; the recordings' own, or 128 for Atari games."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """How many frames a decision sees."""

    motion: bool = False
    """Show the network beside each frame how its brightness differs from the one before."""

    step: Annotated[int, Meta(ge=1)] = 1
    """Frames between the beginnings of two windows."""

    lead: Annotated[int, Meta(ge=0, le=10)] = 1
    """How many frames after the newest one the predicted keys are held; at 0 it may show them already."""

    epochs: Count = 30
    """Stop after so many passes over the data."""

    minutes: Annotated[float, Meta(gt=0)] | None = None
    """Stop after so many minutes."""

    patience: Count = 6
    """Stop after so many validations without a better one."""

    validation: Annotated[float, Meta(gt=0.0, lt=0.9)] = 0.15
    """Share of the recordings, or of blocks of them where they are few, kept for validation."""

    batch: Count = 4
    """Stretches of consecutive frames in one step."""

    stretch: Annotated[int, Meta(ge=8, le=512)] = 64
    """Labelled frames in one stretch."""

    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] = 1e-3
    """Peak of the schedule (linear warm-up, cosine decay)."""

    weight_decay: Annotated[float, Meta(ge=0.0)] = 1e-4
    """Of AdamW."""

    balance_cap: Annotated[float, Meta(ge=1.0)] = 10.0
    """Rare key combinations count more, by their inverse frequency, up to this much."""

    change_weight: Annotated[float, Meta(ge=1.0)] = 3.0
    """How much more a frame counts at which the keys change."""

    shift: Annotated[int, Meta(ge=0, le=64)] = 0
    """Augmentation: shift whole windows by up to so many pixels. Off by default: where things are on
    the screen decides what to press, and short trainings were worse with it."""

    jitter: Fraction = 0.1
    """Augmentation: change brightness and contrast of whole windows by up to this share."""

    flip: bool = False
    """Augmentation: mirror half of the windows and swap left with right. Only for mirror-true games."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of training; auto measures both for a moment and takes the faster one."""

    threads: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Threads that learn; one and all cores are measured for a moment and the faster taken otherwise."""

    seed: int = 0
    """Where the randomness of training starts."""

    resume: str | None = None
    """Go on with this run instead of starting one."""

    from_model: str | None = None
    """Start from the checkpoint of this model instead of from nothing."""

    corrections: bool = False
    """Go on with the model of `from_model` and all that it was shown: takeovers, and a teacher's
    corrections. Its own recordings stay in the mix and its validation set as it is; before and after are
    compared."""

    correction_weight: Annotated[float, Meta(ge=1.0, le=100.0)] = 3.0
    """How much more than others a frame of `corrections` counts."""

    compare_games: Count = 10
    """Games by which `corrections` compares before and after, where the game has a score."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Export: a checkpoint becomes a model that plays."""

    name: str | None = None
    """Name of the model; the game's name where none is given."""

    quantize: Literal["none", "fp16", "int8"] = "none"
    """Smaller weights; what they cost in F1 is measured and printed."""


@dataclass(frozen=True, kw_only=True)
class PracticeSettings:
    """Practice: a model plays, a teacher corrects it, it learns from the corrections."""

    teacher: str = "expert"
    """Who corrects: expert, a scripted demonstrator, or an Atari agent (a checkpoint, a run, a kept name)."""

    rounds: Count = 6
    """Rounds of play and training."""

    round_seconds: Annotated[float, Meta(gt=0)] = 300.0
    """Seconds of play in each round, shared by its games."""

    minutes_per_round: Annotated[float, Meta(gt=0)] = 0.5
    """Minutes of training after the first round's play; more as corrections add to what is learned from."""

    patience: Count = 3
    """Stop after so many rounds that did not play better than the best one before."""

    games: Count = 4
    """Games in each round; a round's mean score is what the best model is chosen by."""

    sticky: Fraction = 0.25
    """Probability that the console repeats its last action instead of taking the model's, as is usual
    where scores are told."""

    name: str | None = None
    """Name of the model that comes of it; MODEL-practised where none is given."""
