"""Tests of score statistics against known values."""

import numpy as np
import pytest

from agp_tui.atari.human_scores import RANDOM_AND_HUMAN, human_normalised
from agp_tui.evaluation.statistics import (
    Interval,
    bootstrap_interval,
    interquartile_mean,
    stratified_bootstrap_iqm,
)
from agp_tui.games.atari import atari_ids, rom_name


def test_bootstrap_interval_of_many_scores_is_the_normal_interval() -> None:
    """For 400 scores with standard deviation 10, the half width is 1.96 * 10 / 20."""
    scores = np.random.default_rng(1).normal(50.0, 10.0, 400)
    found = bootstrap_interval(scores.tolist())
    assert found.value == pytest.approx(scores.mean())
    half = 1.96 * scores.std() / 20
    assert found.low == pytest.approx(found.value - half, abs=0.1)
    assert found.high == pytest.approx(found.value + half, abs=0.1)


def test_bootstrap_interval_of_two_scores() -> None:
    """Resampled means of (0, 1) are 0, 0.5 and 1 with probability 1/4, 1/2 and 1/4."""
    assert bootstrap_interval([0.0, 1.0]) == Interval(0.5, 0.0, 1.0)


def test_bootstrap_interval_of_equal_scores_has_no_width() -> None:
    assert bootstrap_interval([7.0] * 5) == Interval(7.0, 7.0, 7.0)
    assert bootstrap_interval([3.0]) == Interval(3.0, 3.0, 3.0)
    assert str(bootstrap_interval([7.0] * 5)) == "7.0 (7.0 to 7.0)"


def test_bootstrap_interval_takes_a_statistic_and_is_deterministic() -> None:
    scores = [1.0, 2.0, 3.0, 4.0, 100.0]
    found = bootstrap_interval(scores, np.median)
    assert found.value == 3.0 and found.low >= 1.0 and found.high <= 100.0
    assert bootstrap_interval(scores, np.median) == found


def test_bootstrap_interval_without_scores_is_nan() -> None:
    nothing = bootstrap_interval([])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 2, 3, 4], 2.5),
        ([100, -100, 2, 3], 2.5),
        ([1, 2, 3, 4, 5, 6, 7, 800], 4.5),
        # A quarter of 5 is 1.25: 3 has weight 1, 2 and 40 have weight 0.75.
        ([1, 2, 3, 40, 500], (0.75 * 2 + 3 + 0.75 * 40) / 2.5),
        # A quarter of 6 is 1.5: 3 and 4 have weight 1, 2 and 50 have weight 0.5.
        ([1, 2, 3, 4, 50, 600], (0.5 * 2 + 3 + 4 + 0.5 * 50) / 3),
        ([5], 5),
        ([2, 8], 5),
        ([1, 2, 9], (0.25 * 1 + 2 + 0.25 * 9) / 1.5),
    ],
)
def test_interquartile_mean(scores: list[float], expected: float) -> None:
    assert interquartile_mean(np.array(scores, np.float64)) == pytest.approx(expected)
    assert interquartile_mean(np.array(scores[::-1], np.float64)[None]) == pytest.approx(expected)


def test_stratified_bootstrap_resamples_seeds_per_game() -> None:
    """Two seeds of two games: each game is resampled independently of the other."""
    scores = np.array([[0.0, 10.0], [2.0, 12.0]])
    found = stratified_bootstrap_iqm(scores)
    assert found.value == pytest.approx(6.0)
    assert (found.low, found.high) == (5.0, 7.0)
    assert stratified_bootstrap_iqm(scores) == found
    apart = np.array([[0.0, 1.0], [1.0, 0.0]])
    # If whole seeds were resampled, each sample would have one 0 and one 1 per seed.
    assert (stratified_bootstrap_iqm(apart).low, stratified_bootstrap_iqm(apart).high) == (0.0, 1.0)


def test_stratified_bootstrap_of_one_seed_has_no_width() -> None:
    assert stratified_bootstrap_iqm(np.array([[1.0, 5.0]])) == Interval(3.0, 3.0, 3.0)


def test_human_normalised_score() -> None:
    assert human_normalised("pong", -20.7) == 0.0
    assert human_normalised("pong", 14.6) == 1.0
    assert human_normalised("pong", 21.0) == pytest.approx(1.1813, abs=1e-4)
    assert human_normalised("breakout", 16.1) == pytest.approx(0.5)
    assert human_normalised("unlisted_game", 1.0) is None


def test_score_table_lists_existing_games() -> None:
    assert len(RANDOM_AND_HUMAN) == 57
    assert set(RANDOM_AND_HUMAN) <= {rom_name(name) for name in atari_ids()}
    assert all(person != chance for chance, person in RANDOM_AND_HUMAN.values())
