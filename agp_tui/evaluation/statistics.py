"""Figures about scores: means with their uncertainty, and how several seeds and games are told as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds within which it lies with `LEVEL` confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def bootstrap(
    scores: Sequence[float], figure: Callable[[NDArray[np.float64]], float] = np.mean, *, seed: int = 0
) -> Interval:
    """A figure of scores with its percentile bootstrap interval (Efron 1979). Needs one score at least."""
    values = np.asarray(scores, np.float64)
    if not len(values):
        raise ValueError("Expected one score at least.")
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    found = np.array([figure(sample) for sample in values[draws]])
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(figure(values)), float(low), float(high))


def interquartile_mean(scores: NDArray[np.float64]) -> float:
    """The mean of the middle half (Agarwal et al. 2021); scores at the borders count by their share."""
    values = np.sort(np.ravel(scores))
    quarter = len(values) / 4
    places = np.arange(len(values))
    weights = np.clip(np.minimum(places + 1 - quarter, 3 * quarter - places), 0.0, 1.0)
    return float(values @ weights / weights.sum())


def over_seeds(scores: NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Interquartile mean of scores (seeds, games), seeds drawn anew for each game (Agarwal et al. 2021)."""
    seeds, games = scores.shape
    drawing = np.random.default_rng(seed)
    rows = drawing.integers(0, seeds, (RESAMPLES, seeds, games))
    found = [interquartile_mean(np.take_along_axis(scores, chosen, 0)) for chosen in rows]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(interquartile_mean(scores), float(low), float(high))
