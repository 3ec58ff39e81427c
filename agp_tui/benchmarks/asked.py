"""What each benchmark can be asked; a field is a flag of its command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config import AtariSettings
from agp_tui.config.types import Count, Fraction, Size, Whole, Words

Threads = Annotated[int, Meta(ge=1, le=64)]


@dataclass(frozen=True, kw_only=True)
class CaptureAsked:
    """Grabbing a region of a screen."""

    display: str | None = None
    """X display to grab, such as :0. Where none is given or found, a private one (Xvfb) is started."""

    size: Size = 256
    """Side of the square region in the middle of the screen."""

    frames: Count = 100
    """Frames grabbed each way."""


@dataclass(frozen=True, kw_only=True)
class PaceAsked:
    """Keeping a steady rate."""

    fps: Annotated[int, Meta(ge=1, le=240)] = 60
    """Frames a second."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds of frames each way."""

    work_ms: Annotated[float, Meta(ge=0)] = 4.0
    """Work in each frame, milliseconds of one processor; grabbing and storing one takes about 4."""

    load: Fraction = 0.0
    """Share of the time for which other processes keep each core busy meanwhile."""


@dataclass(frozen=True, kw_only=True)
class AppAsked:
    """What the app costs."""

    fps: Annotated[int, Meta(ge=1, le=60)] = 60
    """Frames a second of the job that runs beside the app."""

    seconds: Annotated[float, Meta(gt=0)] = 8.0
    """Seconds of each of its rounds: two with the app open, two without."""

    load: Fraction = 0.0
    """Share of the time for which other processes keep each core busy during these rounds."""


@dataclass(frozen=True, kw_only=True)
class StoringAsked:
    """Storing frames."""

    frames: Count = 32
    """Pictures stored each way, of several games."""


@dataclass(frozen=True, kw_only=True)
class DecisionsAsked:
    """Deciding from the newest frame."""

    network: Literal["small", "large"] = "small"
    """Size of the freshly made network, where no model is named."""

    frame_size: Size = 256
    """Side of its frames."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """How many frames a decision sees."""

    motion: bool = False
    """Its network sees motion beside the frames."""

    threads: Threads = 1
    """Threads of one inference."""

    decisions: Count = 60
    """Decisions each way."""

    turn: Count = 10
    """Decisions of one way before it is the other's turn."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds of a game in a window, each way, at each of 10, 30 and 60 frames a second."""

    display: str | None = None
    """X display for that game, such as :0. Where none is given or found, a private one (Xvfb) is started."""


@dataclass(frozen=True, kw_only=True)
class AtariBenchAsked:
    """Training agents, against Stable-Baselines3 and against a plain loop."""

    game: str = "ALE/Pong-v5"
    """The Atari game."""

    rounds: Count = 3
    """Turns of each way, after one that warms up."""

    seconds: Annotated[float, Meta(gt=0)] = 10.0
    """Seconds of each turn: of processor time, or with a graphics card by the clock."""

    device: Literal["cpu", "cuda"] = "cpu"
    """What learns: one core, or a graphics card that all cores play for."""

    environments: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Consoles of our ways; the algorithm's own number where none is given."""

    batch_size: Annotated[int, Meta(ge=1, le=65536)] | None = None
    """Steps in a batch of our ways; the algorithm's own number where none is given."""


@dataclass(frozen=True, kw_only=True)
class EqualFramesAsked:
    """What agents score after equally many frames, beside Stable-Baselines3."""

    game: str = "ALE/Pong-v5"
    """The Atari game."""

    ways: Words = ("sb3 PPO", "ppo", "pqn")
    """Which of our algorithms, and whether theirs: sb3 PPO."""

    decisions: Count = 400_000
    """Decisions of each training, of four frames."""

    seeds: Whole = (0,)
    """A training each way with each of these seeds."""

    side_by_side: Count = 2
    """How many run at once, in one process with one thread each."""

    kept: Path = Path("equal-frames.jsonl")
    """Results, a line each; what is there already is not run again."""


@dataclass(frozen=True, kw_only=True)
class BakeOffAsked:
    """Algorithms against each other at equal processor time."""

    algorithms: Words = ("ppo", "pqn", "dqn")
    """Who takes part."""

    games: Words = ("ALE/Pong-v5", "ALE/Breakout-v5")
    """On which games."""

    seeds: Count = 2
    """Runs of each algorithm on each game."""

    minutes: Annotated[float, Meta(gt=0)] = 15.0
    """Processor time of each run."""

    episodes: Count = 10
    """Whole games in each of its evaluations."""

    kept: Path = Path("bakeoff.jsonl")
    """Results, a line each; runs that are there already are not run again."""

    side_by_side: Annotated[int, Meta(ge=1, le=256)] = 2
    """Runs at the same time."""


@dataclass(frozen=True, kw_only=True)
class LearningAsked:
    """How good agents become in a stated time."""

    games: Words = ("ALE/Pong-v5",)
    """On which games."""

    algorithms: Words = (AtariSettings().algorithm,)
    """Who learns; chance is random play under the same protocol."""

    seeds: Whole = (0,)
    """A training of each algorithm on each game with each of these seeds."""

    minutes: Annotated[float, Meta(gt=0)] = 60.0
    """Of each training."""

    cores: Annotated[int, Meta(ge=1, le=256)] = 2
    """Cores of each training; as many trainings run side by side as there are cores for."""

    expert_seconds: Annotated[int, Meta(ge=0)] = 0
    """Record so much play of the game's scripted expert first, and start from it."""

    episodes: Count = 30
    """Whole games by which the best agent of each training is judged at its end."""

    kept: Path = Path("learning.jsonl")
    """Results, a line each; trainings that are there already are not run again."""


@dataclass(frozen=True, kw_only=True)
class CorrectionsAsked:
    """What corrections are worth, beside as much more of the expert's own play."""

    games: Words = ("ALE/Pong-v5",)
    """On which games; they need a scripted expert."""

    seeds: Whole = (0, 1, 2)
    """A comparison on each game with each of these seeds."""

    frame_size: Size = 64
    """Pixels of the square that a clone sees."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of the expert's play that a clone begins with."""

    training: Annotated[float, Meta(gt=0)] = 1.5
    """Minutes of training of that clone."""

    rounds: Count = 5
    """Rounds, of 4 games each, that it goes on for."""

    round_seconds: Annotated[float, Meta(gt=0)] = 240.0
    """Seconds of play in each round, of all its games together."""

    round_training: Annotated[float, Meta(gt=0)] = 0.4
    """Minutes of training after each round."""

    episodes: Count = 10
    """Whole games by which each player is judged."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """One of these that is still running after so many seconds of play counts with the score it has."""

    kept: Path = Path("corrections.jsonl")
    """Results, a line each; comparisons that are there already are not run again."""


@dataclass(frozen=True, kw_only=True)
class PracticeBenchAsked:
    """How far a clone comes by practice."""

    games: Words = ("ALE/Pong-v5", "ALE/Breakout-v5")
    """On which games; they need a scripted expert."""

    seeds: Whole = (0,)
    """A clone on each game with each of these seeds."""

    network: Literal["small", "large"] = "small"
    """Size of a clone's network."""

    frame_size: Size = 96
    """Pixels of the square that a clone sees."""

    motion: bool = True
    """Show clones motion as well."""

    shift: Annotated[int, Meta(ge=0, le=64)] = 4
    """Shift whole windows by up to so many pixels in training."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of the expert's play that a clone begins with."""

    training: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of training of that clone."""

    rounds: Count = 3
    """Rounds of practice at most."""

    round_seconds: Annotated[float, Meta(gt=0)] = 960.0
    """Seconds of play in each round, of all its games together."""

    round_training: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of training after the first round, more after later ones."""

    patience: Count = 5
    """Practice ends after so many rounds that did not play better than the best one before."""

    steady_games: Annotated[int, Meta(ge=0)] = 0
    """Try steadier hands as well, by so many whole games each; 0: not at all. It takes long."""

    episodes: Count = 24
    """Whole games by which each player is judged."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """One of these that is still running after so many seconds of play counts with the score it has."""

    kept: Path = Path("practice.jsonl")
    """Results, a line each; what is there already is not run again."""


@dataclass(frozen=True, kw_only=True)
class TrainingAsked:
    """Learning from stretches of frames."""

    network: Literal["small", "large"] = "small"
    """Size of the network."""

    frame_size: Size = 128
    """Side of its frames."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """How many frames a decision sees."""

    batch: Count = 4
    """Stretches in a step."""

    rounds: Count = 5
    """Steps each way, after one that warms up."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds that the trainer itself learns for, after as many that warm it up."""

    threads: Threads | None = None
    """Threads of the arithmetic; all cores where none are given."""
