"""How much each position counts: rare key combinations and changes of the keys count more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agp_tui.imitation.dataset import Dataset, Span


def position_weights(
    dataset: Dataset,
    spans: Sequence[Span],
    cap: float,
    change_weight: float,
    correction_weight: float = 1.0,
) -> dict[int, NDArray[np.float32]]:
    """Weights (N,) of every position, by take number; their mean over the counted positions is 1.

    A key combination counts by the inverse of its frequency, at most `cap` times as much as the
    most frequent one; positions where the keys change count `change_weight` times as much again.
    Those of corrections count `correction_weight` times as much. Positions outside `spans`, and between
    the steps, count nothing.
    """
    factors = combination_factors(dataset.labels(spans), cap)
    weights = {span.take: np.zeros(len(dataset.takes[span.take]), np.float32) for span in spans}
    total, counted = 0.0, 0
    for span in spans:
        labels = dataset.takes[span.take].labels
        here = np.arange(span.start, span.stop, dataset.step)
        values = np.array([factors[row.tobytes()] for row in labels[here]], np.float32)
        values[changes(labels)[here]] *= change_weight
        if dataset.takes[span.take].corrections:
            values *= correction_weight
        weights[span.take][here] = values
        total += float(values.sum())
        counted += len(here)
    for values in weights.values():
        values *= counted / max(total, 1e-9)
    return weights


def combination_factors(labels: NDArray[np.bool_], cap: float) -> dict[bytes, float]:
    """Capped inverse frequency of each row of (M, keys), 1 for the most frequent, by the row's bytes."""
    rows, counts = np.unique(labels, axis=0, return_counts=True)
    most = counts.max(initial=1)
    return {row.tobytes(): min(float(most / count), cap) for row, count in zip(rows, counts, strict=True)}


def changes(labels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each row of (N, keys) differs from the one before it, shape (N,); the first does not."""
    changed = np.zeros(len(labels), np.bool_)
    changed[1:] = (labels[1:] != labels[:-1]).any(axis=1)
    return changed
