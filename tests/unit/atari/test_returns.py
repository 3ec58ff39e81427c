"""Tests of returns against sequences computed by hand."""

import numpy as np
import pytest

from agp_tui.atari.returns import lambda_returns, monte_carlo_returns, n_step_returns

NEVER = np.zeros((3, 1), np.bool_)
REWARDS = np.array([[1.0], [2.0], [3.0]], np.float32)
FOLLOWING = np.array([[10.0], [20.0], [30.0]], np.float32)
AT_SECOND_STEP = np.array([[False], [True], [False]])
AT_LAST_STEP = np.array([[False], [False], [True]])


def test_monte_carlo_returns_sum_discounted_rewards() -> None:
    rewards = np.array([1.0, 0.0, 2.0, -4.0], np.float32)
    assert monte_carlo_returns(rewards, 0.5).tolist() == [1.0, 0.0, 0.0, -4.0]
    assert monte_carlo_returns(rewards, 1.0).tolist() == [-1.0, -2.0, -2.0, -4.0]
    assert monte_carlo_returns(rewards, 0.0).tolist() == rewards.tolist()


def test_monte_carlo_returns_of_a_long_episode_are_exact() -> None:
    """A long geometric series sums to 1 / (1 - 0.99)."""
    assert monte_carlo_returns(np.ones(20_000, np.float32), 0.99)[0] == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize(
    ("terminated", "truncated", "expected"),
    [
        # 3 + .5*30; 2 + .5*(.5*20 + .5*18); 1 + .5*(.5*10 + .5*11.5)
        (NEVER, NEVER, [6.375, 11.5, 18.0]),
        # Terminated at the second step: 2; 1 + .5*(.5*10 + .5*2)
        (AT_SECOND_STEP, NEVER, [4.0, 2.0, 18.0]),
        # Truncated at the second step, its value is bootstrapped: 2 + .5*20; 1 + .5*(5 + 6)
        (NEVER, AT_SECOND_STEP, [6.5, 12.0, 18.0]),
        # Truncated at the last step: bootstrapped there anyway.
        (NEVER, AT_LAST_STEP, [6.375, 11.5, 18.0]),
        # 3; 2 + .5*(10 + 1.5); 1 + .5*(5 + 3.875)
        (AT_LAST_STEP, NEVER, [5.4375, 7.75, 3.0]),
    ],
)
def test_lambda_returns(terminated: np.ndarray, truncated: np.ndarray, expected: list[float]) -> None:
    found = lambda_returns(REWARDS, FOLLOWING, terminated, truncated, discount=0.5, gae_lambda=0.5)
    assert found[:, 0].tolist() == expected


def test_lambda_returns_at_gae_lambda_zero_and_one() -> None:
    """0 gives one-step returns, 1 gives Monte Carlo returns."""
    one = lambda_returns(REWARDS, FOLLOWING, NEVER, NEVER, discount=0.5, gae_lambda=0.0)
    assert one[:, 0].tolist() == [6.0, 12.0, 18.0]
    whole = lambda_returns(REWARDS, FOLLOWING, AT_LAST_STEP, NEVER, discount=0.5, gae_lambda=1.0)
    assert whole[:, 0].tolist() == monte_carlo_returns(REWARDS[:, 0], 0.5).tolist() == [2.75, 3.5, 3.0]


def test_parallel_environments_are_independent() -> None:
    rewards = np.repeat(REWARDS, 3, 1)
    next_values = np.repeat(FOLLOWING, 3, 1)
    terminated = np.concatenate([NEVER, AT_SECOND_STEP, NEVER], 1)
    truncated = np.concatenate([NEVER, NEVER, AT_SECOND_STEP], 1)
    found = lambda_returns(rewards, next_values, terminated, truncated, discount=0.5, gae_lambda=0.5)
    assert found.T.tolist() == [[6.375, 11.5, 18.0], [4.0, 2.0, 18.0], [6.5, 12.0, 18.0]]


def test_n_step_returns() -> None:
    """Columns: not done, terminated at the second step, truncated there, terminated at the first step."""
    rewards = np.repeat(np.array([[1.0], [2.0], [4.0]], np.float32), 4, 1)
    terminated = np.array([[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]], np.bool_)
    truncated = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], np.bool_)
    returns, discounts, num_steps = n_step_returns(rewards, terminated, truncated, discount=0.5)
    assert returns.tolist() == [3.0, 2.0, 2.0, 1.0]
    assert discounts.tolist() == [0.125, 0.0, 0.25, 0.0]
    assert num_steps.tolist() == [3, 2, 2, 1]
