"""Percentiles of a measure, as every live figure and every result reports them."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of the latest values of one measure, in milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: list[float] | deque[float]) -> "Percentiles":
        """Percentiles by the nearest rank: the smallest value that N percent do not exceed.

        Zeros where there is nothing to look at.
        """
        if not values:
            return cls(0.0, 0.0, 0.0)
        ordered = sorted(values)
        ranks = (-(-percent * len(ordered) // 100) for percent in (50, 95, 99))
        p50, p95, p99 = (round(ordered[rank - 1], 3) for rank in ranks)
        return cls(p50, p95, p99)
