"""The probability threshold of each key, chosen on validation data."""

import numpy as np
from numpy.typing import NDArray

from agp_tui.imitation.metrics import precision_recall_f1

CANDIDATES = np.linspace(0.1, 0.9, 33)


def choose_thresholds(probabilities: NDArray[np.float32], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Thresholds (keys,) with the best F1 each, for `probabilities` and `labels` (M, keys).

    Of equally good ones the one nearest to 0.5; 0.5 for a key that is always or never pressed.
    """
    chosen = np.full(labels.shape[1], 0.5)
    order = CANDIDATES[np.argsort(np.abs(CANDIDATES - 0.5), kind="stable")]
    for i in range(labels.shape[1]):
        if labels[:, i].any() and not labels[:, i].all():
            scores = [
                precision_recall_f1(probabilities[:, i] >= threshold, labels[:, i])[2] or 0.0
                for threshold in order
            ]
            chosen[i] = order[int(np.argmax(scores))]
    return np.round(chosen, 4)
