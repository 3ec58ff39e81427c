"""Class weights: rare key combinations and positions where keys change weigh more in the loss."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agp_tui.imitation.dataset import Dataset, IndexRange


def position_weights(
    dataset: Dataset,
    ranges: Sequence[IndexRange],
    cap: float,
    change_weight: float,
    correction_weight: float = 1.0,
) -> dict[int, NDArray[np.float32]]:
    """Weights (N,) of every position by clip index; their mean over the counted positions is 1.

    A key combination has the inverse of its frequency as weight, at most `cap` times that of the most
    frequent one. Positions where the keys change are multiplied by `change_weight`, positions of corrections
    by `correction_weight`. Positions outside `ranges` or between the steps have weight 0.
    """
    factors = combination_factors(dataset.labels(ranges), cap)
    weights = {r.clip: np.zeros(len(dataset.clips[r.clip]), np.float32) for r in ranges}
    total, counted = 0.0, 0
    for r in ranges:
        labels = dataset.clips[r.clip].labels
        positions = np.arange(r.start, r.stop, dataset.step)
        values = np.array([factors[row.tobytes()] for row in labels[positions]], np.float32)
        values[key_changes(labels)[positions]] *= change_weight
        if dataset.clips[r.clip].is_correction:
            values *= correction_weight
        weights[r.clip][positions] = values
        total += float(values.sum())
        counted += len(positions)
    for values in weights.values():
        values *= counted / max(total, 1e-9)
    return weights


def combination_factors(labels: NDArray[np.bool_], cap: float) -> dict[bytes, float]:
    """Capped inverse frequency of each distinct row of (M, keys), by its bytes; 1 for the most frequent."""
    rows, counts = np.unique(labels, axis=0, return_counts=True)
    most = counts.max(initial=1)
    return {row.tobytes(): min(float(most / count), cap) for row, count in zip(rows, counts, strict=True)}


def key_changes(labels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each row of (N, keys) differs from the row before it, (N,); False for the first."""
    changed = np.zeros(len(labels), np.bool_)
    changed[1:] = (labels[1:] != labels[:-1]).any(axis=1)
    return changed
