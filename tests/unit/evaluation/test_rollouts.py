"""Tests of rollouts of whole Atari games, and of the bootstrap interval of the mean score."""

import functools

import numpy as np
import pytest
from support.fakes import EventLog, FakeGame, ScriptedPolicy

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Time
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.evaluation.rollouts import ScoreSummary, play_episode, play_episodes
from agp_tui.evaluation.statistics import Interval, bootstrap_interval
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, Game
from agp_tui.games.experts import RandomDriver
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.events import Progress

pytest.importorskip("ale_py")

KEYS = ("up", "down")


def make_pong(seed: int, source: Time) -> Game:
    return AtariGame("ALE/Pong-v5", GameSettings(keys=KEYS, fps=15, seed=seed), source)


def idle_driver(_game: Game) -> Driver:
    return PolicyDriver(ScriptedPolicy(KEYS, [[0.0, 0.0]], fps=15))


def random_driver(seed: int, _game: Game) -> Driver:
    return RandomDriver(KEYS, seed)


@pytest.mark.nightly
def test_results_do_not_depend_on_the_number_of_workers() -> None:
    play = functools.partial(
        play_episodes, make_pong, functools.partial(random_driver, 5), episodes=3, fps=15
    )
    alone = play(max_seconds=600, workers=1)
    shared = play(max_seconds=600, workers=2)
    assert alone == shared
    assert len(alone.scores) == 3 and alone.truncated == 0
    assert alone.mean == pytest.approx(np.mean(alone.scores))
    assert -21 <= alone.low <= alone.mean <= alone.high <= -10
    assert alone.decisions > 500


def test_truncated_game_counts_with_its_score() -> None:
    scores = play_episodes(make_pong, idle_driver, episodes=2, fps=15, max_seconds=20)
    assert scores.truncated == 2
    assert scores.decisions == 2 * 20 * 15
    assert all(-12 <= score <= -3 for score in scores.scores)


def test_games_differ_by_seed() -> None:
    """The random keys are the same in all games."""
    games = [
        play_episode(make_pong, functools.partial(random_driver, 5), seed, 15, max_seconds=600)
        for seed in (1, 2, 1)
    ]
    assert games[0] == games[2] != games[1]


def test_each_finished_game_is_reported_with_the_mean_so_far() -> None:
    event_log = EventLog()
    scores = play_episodes(
        make_pong, idle_driver, episodes=3, fps=15, max_seconds=20, job=Job(event_log), workers=2
    )
    progress = [event for event in event_log.events if isinstance(event, Progress)]
    assert [(one.done, one.total, one.unit) for one in progress] == [(n, 3, "games") for n in (1, 2, 3)]
    assert progress[-1].metrics["score_mean"] == pytest.approx(scores.mean, abs=1e-3)


def test_stopped_job_ends_early() -> None:
    job = Job()
    job.stop()
    scores = play_episodes(make_pong, idle_driver, episodes=2, fps=15, max_seconds=5, job=job)
    assert scores.scores == ()
    assert np.isnan(scores.mean)


def test_game_without_score_is_refused() -> None:
    with pytest.raises(SettingError, match="reports its score"):
        play_episodes(
            lambda _seed, source: FakeGame(source=source), idle_driver, episodes=1, fps=15, max_seconds=5
        )


def test_interval_covers_the_mean_in_95_percent_of_cases() -> None:
    generator = np.random.default_rng(1)
    holds = 0
    for trial in range(200):
        interval = bootstrap_interval(tuple(generator.normal(5.0, 3.0, 30)), seed=trial)
        holds += interval.low <= 5.0 <= interval.high
    assert 0.88 <= holds / 200 <= 0.99
    assert bootstrap_interval((4.0, 4.0)) == Interval(4.0, 4.0, 4.0)
    assert np.isnan(ScoreSummary.from_episodes([]).low)
