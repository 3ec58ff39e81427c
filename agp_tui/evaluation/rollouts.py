"""Plays whole games on simulated time, in parallel processes, and sums up their scores."""

from collections.abc import Callable
from concurrent.futures import Future, as_completed
from dataclasses import dataclass

import numpy as np

from agp_tui.engine.clock import NS, Clock, SimulatedTime, Time
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import worker_pool
from agp_tui.errors import SettingError
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.base import Driver, DriverFactory, Game
from agp_tui.keys.state import NO_KEYS
from agp_tui.protocol.events import Progress

GameFactory = Callable[[int, Time], Game]
"""Makes a game from a seed and a clock. Several workers need a module-level function, or a partial of one."""


@dataclass(frozen=True, slots=True)
class EpisodeScore:
    """The result of one game."""

    score: float
    truncated: bool
    decisions: int


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Scores of whole games; `low`, `high`: 95 % bootstrap interval of the mean. NaN without games."""

    scores: tuple[float, ...]
    mean: float
    low: float
    high: float
    truncated: int
    """Games ended by the time limit; they count with the score they had."""
    decisions: int

    @classmethod
    def from_episodes(cls, episodes: list[EpisodeScore]) -> "ScoreSummary":
        """Sum up games, keeping their order."""
        scores = tuple(episode.score for episode in episodes)
        interval = bootstrap_interval(scores)
        return cls(
            scores=scores,
            mean=interval.value,
            low=interval.low,
            high=interval.high,
            truncated=sum(episode.truncated for episode in episodes),
            decisions=sum(episode.decisions for episode in episodes),
        )


def play_episodes(
    make_game: GameFactory,
    make_driver: DriverFactory,
    *,
    episodes: int,
    fps: float,
    max_seconds: float,
    seed: int = 0,
    workers: int = 1,
    job: Job | None = None,
) -> ScoreSummary:
    """Play whole games as fast as the machine allows, game `i` with the seed `seed + i`.

    Decisions take no simulated time: this measures how well a driver plays, not how fast. The result does
    not depend on `workers`, which are processes. A driver with a `reset` method (a policy's) is reset before
    each game. `job` reports each finished game with the mean score so far; if it is stopped, the games
    finished until then are summed up. Raises what the game and the driver raise.
    """
    seeds = range(seed, seed + episodes)
    finished: list[EpisodeScore] = []
    if workers == 1:
        for number in seeds:
            if job is not None and job.stopping:
                break
            finished.append(play_episode(make_game, make_driver, number, fps, max_seconds=max_seconds))
            _report_progress(job, finished, episodes)
        return ScoreSummary.from_episodes(finished)
    with worker_pool(workers) as pool:
        futures: list[Future[EpisodeScore]] = [
            pool.submit(play_episode, make_game, make_driver, number, fps, max_seconds=max_seconds)
            for number in seeds
        ]
        for future in as_completed(futures):
            if future.exception() is None:
                finished.append(future.result())
                _report_progress(job, finished, episodes)
            if job is not None and job.stopping:
                pool.shutdown(wait=True, cancel_futures=True)
                break
    return ScoreSummary.from_episodes([future.result() for future in futures if not future.cancelled()])


def _report_progress(job: Job | None, finished: list[EpisodeScore], episodes: int) -> None:
    if job is not None:
        mean = float(np.mean([episode.score for episode in finished]))
        metrics = {"score_mean": round(mean, 3)}
        job.emit(Progress(done=len(finished), total=episodes, unit="games", metrics=metrics))


def play_episode(
    make_game: GameFactory, make_driver: DriverFactory, seed: int, fps: float, *, max_seconds: float
) -> EpisodeScore:
    """Play one whole game, ended after `max_seconds` of play."""
    source = SimulatedTime()
    clock = Clock(fps, source)
    game = make_game(seed, source)
    try:
        driver = make_driver(game)
        if callable(reset := getattr(driver, "reset", None)):
            reset()
        return _play_to_end(game, driver, clock, max_seconds)
    finally:
        game.close()


def _play_to_end(game: Game, driver: Driver, clock: Clock, max_seconds: float) -> EpisodeScore:
    held = NO_KEYS
    max_decisions = max(1, round(max_seconds * NS / clock.period_ns))
    score = 0.0
    for slot in clock.slots():
        frame = game.grab()
        status = game.status()
        if status is None:
            raise SettingError(
                f"Expected a game that reports its score, found {game.name}, which does not.",
                "Use an Atari game to compare players.",
            )
        if status.finished_scores:
            return EpisodeScore(status.finished_scores[0], truncated=False, decisions=slot)
        score = status.score
        if slot >= max_decisions:
            break
        keys = driver.decide(frame)
        if keys != held:
            game.hold(keys)
            held = keys
    return EpisodeScore(score, truncated=True, decisions=max_decisions)
