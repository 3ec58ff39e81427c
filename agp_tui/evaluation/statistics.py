"""Score statistics: bootstrap confidence intervals, and the interquartile mean over seeds and games."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
PERCENTILES = (2.5, 97.5)
"""Bounds of a 95 % interval."""


@dataclass(frozen=True)
class Interval:
    """A statistic and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def bootstrap_interval(
    scores: Sequence[float], statistic: Callable[..., Any] = np.mean, *, seed: int = 0
) -> Interval:
    """A statistic of scores with its percentile bootstrap interval (Efron 1979); NaN without scores.

    `statistic` takes an array and an `axis`, as `np.mean` and `np.median` do.
    """
    values = np.asarray(scores, np.float64)
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    indices = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(statistic(values[indices], axis=1), PERCENTILES)
    return Interval(float(statistic(values, axis=0)), float(low), float(high))


def interquartile_mean(scores: NDArray[np.float64]) -> float:
    """Mean of the middle half (Agarwal et al. 2021); scores at its bounds count by their share."""
    values = np.sort(np.ravel(scores))
    quarter = len(values) / 4
    ranks = np.arange(len(values))
    weights = np.clip(np.minimum(ranks + 1 - quarter, 3 * quarter - ranks), 0.0, 1.0)
    return float(values @ weights / weights.sum())


def stratified_bootstrap_iqm(scores: NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Interquartile mean of scores (seeds, games); seeds are resampled per game (Agarwal et al. 2021)."""
    seeds, games = scores.shape
    rows = np.random.default_rng(seed).integers(0, seeds, (RESAMPLES, seeds, games))
    means = [interquartile_mean(np.take_along_axis(scores, chosen, 0)) for chosen in rows]
    low, high = np.percentile(means, PERCENTILES)
    return Interval(interquartile_mean(scores), float(low), float(high))
