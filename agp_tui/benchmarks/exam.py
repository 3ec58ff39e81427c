"""How benchmarks judge models of Atari games: by whole games from the same seeds, under one protocol."""

import os

from agp_tui.autoplay.scores import MakeDriver, MakeGame, bootstrap_interval, play_games
from agp_tui.engine.job import Job

FPS, FRAME_SIZE, SEGMENT, STICKY = 30, 64, 4, 0.25
"""As in the demo."""
SEED = 500_000


def exam(
    make_game: MakeGame, driver: MakeDriver, episodes: int, game_seconds: float, job: Job
) -> tuple[float, ...]:
    """Scores of one player; a game is broken off after so many seconds of play."""
    return play_games(
        make_game,
        driver,
        episodes=episodes,
        fps=FPS,
        cap_seconds=game_seconds,
        seed=SEED,
        workers=min(os.cpu_count() or 1, episodes),
        job=job.quietly(),
    ).scores


def mean_of(scores: tuple[float, ...]) -> float:
    """Of at least one score."""
    return sum(scores) / len(scores)


def told(scores: tuple[float, ...]) -> str:
    """The mean and its 95 % interval."""
    low, high = bootstrap_interval(scores)
    return f"{mean_of(scores):.1f} ({low:.1f} to {high:.1f})"
