"""Exploration: epsilon-greedy action selection and the decay of epsilon."""

import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.hyperparameters import Hyperparameters


def epsilon_greedy(
    greedy: NDArray[np.int64], epsilon: float, num_actions: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Replace each of the `greedy` actions, shape (N,), with probability `epsilon` by a random one."""
    explore = rng.random(len(greedy)) < epsilon
    return np.where(explore, rng.integers(0, num_actions, len(greedy)), greedy)


def decay_epsilon(epsilon: float, hyperparameters: Hyperparameters, episodes: int) -> float:
    """Epsilon after `episodes` more episodes: exponential decay down to a minimum."""
    for _ in range(episodes):
        epsilon = max(hyperparameters.epsilon_min, epsilon * hyperparameters.epsilon_decay)
    return epsilon
