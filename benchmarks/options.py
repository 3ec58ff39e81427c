"""Options of the benchmarks; a field is a flag of its command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui import __version__
from agp_tui.bench.options import Threads
from agp_tui.config import AtariSettings
from agp_tui.config.types import Count, Fraction, Size, Whole, Words


@dataclass(frozen=True, kw_only=True)
class AppOptions:
    """Cost of the app."""

    fps: Annotated[int, Meta(ge=1, le=60)] = 60
    """Frames per second of the job that runs beside the app."""

    seconds: Annotated[float, Meta(gt=0)] = 8.0
    """Seconds per round: two rounds with the app open, two without."""

    load: Fraction = 0.0
    """Share of the time for which background processes keep each core busy during these rounds."""


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Lossless storage of frames."""

    frames: Count = 32
    """Frames per method, from several games."""


@dataclass(frozen=True, kw_only=True)
class AtariOptions:
    """Training rate of agents."""

    game: str = "ALE/Pong-v5"
    """The Atari game."""

    rounds: Count = 3
    """Turns per method, after one warm-up turn."""

    seconds: Annotated[float, Meta(gt=0)] = 10.0
    """Seconds per turn: CPU time, or wall time with a GPU."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Device of the training: one core, or a GPU with environments on all cores."""

    environments: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Parallel environments of agp-tui. Default: the algorithm's default."""

    batch_size: Annotated[int, Meta(ge=1, le=65536)] | None = None
    """Minibatch size of agp-tui. Default: the algorithm's default."""


@dataclass(frozen=True, kw_only=True)
class EqualFramesOptions:
    """Scores after the same number of frames."""

    game: str = "ALE/Pong-v5"
    """The Atari game."""

    ways: Words = ("sb3 PPO", "ppo", "pqn")
    """Algorithms to compare; sb3 PPO is the one of Stable-Baselines3."""

    decisions: Count = 400_000
    """Decisions per training, of four frames each."""

    seeds: Whole = (0,)
    """Random seeds; one training per algorithm and seed."""

    side_by_side: Count = 2
    """Number of trainings in parallel, each in one process with one thread."""

    kept: Path = Path("equal-frames.jsonl")
    """File with the results as JSON lines; entries that it holds are not run again."""


@dataclass(frozen=True, kw_only=True)
class BakeOffOptions:
    """Algorithms compared at equal CPU time."""

    algorithms: Words = ("ppo", "pqn", "dqn")
    """Algorithms to compare."""

    games: Words = ("ALE/Pong-v5", "ALE/Breakout-v5")
    """Atari games."""

    seeds: Count = 2
    """Runs per algorithm and game."""

    minutes: Annotated[float, Meta(gt=0)] = 15.0
    """CPU time per run, in minutes."""

    episodes: Count = 10
    """Episodes per evaluation."""

    kept: Path = Path("bakeoff.jsonl")
    """File with the results as JSON lines; runs that it holds are not run again."""

    side_by_side: Annotated[int, Meta(ge=1, le=256)] = 2
    """Runs in parallel."""


@dataclass(frozen=True, kw_only=True)
class LearnOptions:
    """Scores of agents after a given training time."""

    games: Words = ("ALE/Pong-v5",)
    """Atari games."""

    algorithms: Words = (AtariSettings().algorithm,)
    """Algorithms; chance is random play under the same protocol."""

    seeds: Whole = (0,)
    """Random seeds; one training per algorithm, game and seed."""

    minutes: Annotated[float, Meta(gt=0)] = 60.0
    """Minutes per training."""

    cores: Annotated[int, Meta(ge=1, le=256)] = 2
    """Cores per training; trainings run in parallel as far as there are cores."""

    expert_seconds: Annotated[int, Meta(ge=0)] = 0
    """Seconds of the scripted expert to record first, for pretraining."""

    episodes: Count = 30
    """Episodes of the final evaluation of each training."""

    kept: Path = Path("learning.jsonl")
    """File with the results as JSON lines; trainings that it holds are not run again."""


@dataclass(frozen=True, kw_only=True)
class CorrectionsOptions:
    """Effect of corrections (DAgger) compared with more demonstrations."""

    games: Words = ("ALE/Pong-v5",)
    """Atari games with a scripted expert."""

    seeds: Whole = (0, 1, 2)
    """Random seeds; one comparison per game and seed."""

    frame_size: Size = 64
    """Side of the frames that the model sees, in pixels."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of expert demonstrations for the initial model."""

    training: Annotated[float, Meta(gt=0)] = 1.5
    """Minutes of training of the initial model."""

    rounds: Count = 5
    """Rounds of 4 episodes each."""

    round_seconds: Annotated[float, Meta(gt=0)] = 240.0
    """Seconds of play per round, summed over its episodes."""

    round_training: Annotated[float, Meta(gt=0)] = 0.4
    """Minutes of training per round."""

    episodes: Count = 10
    """Episodes to evaluate each player."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """Evaluation episodes that last longer are truncated. Seconds."""

    kept: Path = Path("corrections.jsonl")
    """File with the results as JSON lines; comparisons that it holds are not run again."""


@dataclass(frozen=True, kw_only=True)
class PracticeOptions:
    """Improvement of a behaviour-cloned model by practice (DAgger)."""

    games: Words = ("ALE/Pong-v5", "ALE/Breakout-v5")
    """Atari games with a scripted expert."""

    seeds: Whole = (0,)
    """Random seeds; one model per game and seed."""

    network: Literal["small", "large"] = "small"
    """Size of the network."""

    frame_size: Size = 96
    """Side of the frames that the model sees, in pixels."""

    motion: bool = True
    """Add the motion channel to the input."""

    shift: Annotated[int, Meta(ge=0, le=64)] = 4
    """Maximum random shift of training windows, in pixels."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of expert demonstrations for the initial model."""

    training: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of training of the initial model."""

    rounds: Count = 3
    """Maximum number of rounds."""

    round_seconds: Annotated[float, Meta(gt=0)] = 960.0
    """Seconds of play per round, summed over its episodes."""

    round_training: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of training after the first round; more after later rounds."""

    patience: Count = 5
    """Stop after this many rounds without a better score."""

    steady_games: Annotated[int, Meta(ge=0)] = 0
    """Episodes per candidate of a key filter search at the end; 0 skips the search, which takes long."""

    episodes: Count = 24
    """Episodes to evaluate each player."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """Evaluation episodes that last longer are truncated. Seconds."""

    kept: Path = Path("practice.jsonl")
    """File with the results as JSON lines; entries that it holds are not run again."""


@dataclass(frozen=True, kw_only=True)
class ImitationOptions:
    """Models that learn from people-like demonstrations of several games."""

    games: Words = (
        "pyracerz", "carracing", "solarwolf", "trex", "brickout", "pong", "breakout", "freeway", "enduro",
    )  # fmt: skip
    """Games of the suite."""

    minutes: Words = ("1", "2", "5", "10")
    """Lengths of the demonstrations, in minutes."""

    seeds: Whole = (0,)
    """Random seeds; one training per seed, game and length."""

    frame_size: Size = 128
    """Side of the frames that the model sees, in pixels."""

    train_options: str = ""
    """Further flags of agp train, as --train-options="--shift 6 --flip"."""

    record_options: str = ""
    """Further flags of agp record for the demonstrations, as --record-options=--nudge."""

    label: str = __version__
    """Name of this version of agp-tui in the results; results of other versions are kept beside them."""

    drives: Count = 3
    """Games that each player plays, with the same seeds."""

    drive_seconds: Annotated[float, Meta(gt=0)] = 60.0
    """Duration of each, in seconds."""

    folder: Path = Path("imitation-suite")
    """Folder for demonstrations, scores of the demonstrator and models; what it holds is used again."""

    kept: Path = Path("imitation-suite.jsonl")
    """File with the results as JSON lines; entries that it holds are not run again."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Training rate of the imitation trainer."""

    network: Literal["small", "large"] = "small"
    """Size of the network."""

    frame_size: Size = 128
    """Side of its frames, in pixels."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """Number of frames that a decision sees."""

    batch: Count = 4
    """Chunks per step."""

    rounds: Count = 5
    """Steps per method, after one warm-up step."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds to measure the whole trainer, after a warm-up of the same length."""

    threads: Threads | None = None
    """Threads. Default: all cores."""


@dataclass(frozen=True, kw_only=True)
class AllOptions:
    """All benchmarks that take minutes at most."""

    kept: Path | None = None
    """Store all tables and figures in this file, as JSON."""
