"""How well somebody plays: whole games on simulated time, and the mean score with its interval."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, as_completed
from dataclasses import dataclass

import numpy as np

from agp_tui.engine.clock import NS, Clock, SimulatedTime, Time
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import worker_pool
from agp_tui.errors import SettingError
from agp_tui.games.base import Driver, DriverFactory, Game
from agp_tui.keys.state import NO_KEYS
from agp_tui.protocol.events import Progress

RESAMPLES = 10_000

GameFactory = Callable[[int, Time], Game]
"""A game from a seed and a clock. With more than one worker: a function of a module, or a partial of one."""


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Scores of whole games. `low` and `high` enclose the mean (95 %, bootstrap); NaN without a game."""

    scores: tuple[float, ...]
    mean: float
    low: float
    high: float
    capped: int
    """Games that were ended because they went on for too long; they count with the score they had."""
    decisions: int

    @classmethod
    def of(cls, games: list["EpisodeScore"]) -> "ScoreSummary":
        """The scores of these games, in their order."""
        scores = tuple(game.score for game in games)
        low, high = bootstrap_interval(scores)
        return cls(
            scores=scores,
            mean=float(np.mean(scores)) if scores else float("nan"),
            low=low,
            high=high,
            capped=sum(game.capped for game in games),
            decisions=sum(game.decisions for game in games),
        )


@dataclass(frozen=True, slots=True)
class EpisodeScore:
    """How one game ended."""

    score: float
    capped: bool
    decisions: int


def bootstrap_interval(scores: tuple[float, ...], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean: percentiles of the means of resamples (Efron 1979). NaN without scores."""
    if not scores:
        return float("nan"), float("nan")
    values = np.asarray(scores, np.float64)
    picks = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def play_episodes(
    make_game: GameFactory,
    make_driver: DriverFactory,
    *,
    episodes: int,
    fps: float,
    cap_seconds: float,
    seed: int = 0,
    workers: int = 1,
    job: Job | None = None,
) -> ScoreSummary:
    """Play whole games as fast as the machine allows, game `i` from the seed `seed + i`.

    Nobody's thinking takes time: this says how well somebody plays, not how fast. The result does not
    depend on `workers`, which are processes. A driver that has `reset` (a policy's) is reset before
    each game. The job is told of each game that ends, with the mean score so far. Ends early, with
    the games that are over, where the job is stopped. Raises what the game and the driver raise.
    """
    seeds = range(seed, seed + episodes)
    if workers == 1:
        games = []
        for number in seeds:
            if job is not None and job.stopping:
                break
            games.append(play_episode(make_game, make_driver, number, fps, cap_seconds=cap_seconds))
            _report_progress(job, [game.score for game in games], episodes)
        return ScoreSummary.of(games)
    with worker_pool(workers) as pool:
        futures = [
            pool.submit(play_episode, make_game, make_driver, number, fps, cap_seconds=cap_seconds)
            for number in seeds
        ]
        ended: list[float] = []
        for future in as_completed(futures):
            if future.exception() is None:
                ended.append(future.result().score)
                _report_progress(job, ended, episodes)
            if job is not None and job.stopping:
                pool.shutdown(wait=True, cancel_futures=True)
                break
    return ScoreSummary.of(list(_results(futures)))


def _report_progress(job: Job | None, ended: list[float], episodes: int) -> None:
    """Games that are over, and their mean score so far."""
    if job is not None:
        mean = {"score_mean": round(float(np.mean(ended)), 3)}
        job.emit(Progress(done=len(ended), total=episodes, unit="games", metrics=mean))


def _results(futures: list["Future[EpisodeScore]"]) -> Iterator[EpisodeScore]:
    for future in futures:
        if not future.cancelled():
            yield future.result()


def play_episode(
    make_game: GameFactory, make_driver: DriverFactory, seed: int, fps: float, *, cap_seconds: float
) -> EpisodeScore:
    """One whole game, its score and whether it was ended by `cap_seconds` of play."""
    source = SimulatedTime()
    clock = Clock(fps, source)
    game = make_game(seed, source)
    try:
        driver = make_driver(game)
        if callable(reset := getattr(driver, "reset", None)):
            reset()
        return _play_to_end(game, driver, clock, cap_seconds)
    finally:
        game.close()


def _play_to_end(game: Game, driver: Driver, clock: Clock, cap_seconds: float) -> EpisodeScore:
    held = NO_KEYS
    last = max(1, round(cap_seconds * NS / clock.period_ns))
    score = 0.0
    for slot in clock.slots():
        frame = game.grab()
        status = game.status()
        if status is None:
            raise SettingError(
                f"Expected a game that tells its score, found {game.name}, which does not.",
                "Use an Atari game to compare players.",
            )
        if status.finished_scores:
            return EpisodeScore(status.finished_scores[0], capped=False, decisions=slot)
        score = status.score
        if slot >= last:
            break
        keys = driver.decide(frame)
        if keys != held:
            game.hold(keys)
            held = keys
    return EpisodeScore(score, capped=True, decisions=last)
