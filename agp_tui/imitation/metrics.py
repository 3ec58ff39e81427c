"""Validation metrics: F1 per key and at key changes, compared with two baselines that ignore the frames.

`repeat` predicts that the keys stay as they were one frame before; `majority` always predicts the most
frequent key combination of the training data. F1 over all frames overstates a model because keys are held for
many frames; F1 at the frames where keys change is the harder measure.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.protocol.events import Table

Bools = NDArray[np.bool_]

LOSS_WEIGHT = 0.01
"""Weight of the loss in `score`: it only separates equal F1."""


@dataclass(frozen=True)
class KeyMetrics:
    """Metrics of one key; None if undefined because it was never pressed, or never predicted."""

    key: str
    base_rate: float
    """Share of the positions at which it was pressed."""
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float
    repeat_f1: float | None = None
    majority_f1: float | None = None


@dataclass(frozen=True)
class F1Scores:
    """Macro F1 over the keys that were pressed at least once."""

    f1: float
    change_f1: float
    """At the positions where the keys change."""


@dataclass(frozen=True)
class ValidationReport:
    """Metrics of a model on held-out positions. The field names are those in checkpoints and manifests."""

    positions: int
    changes: int
    keys: tuple[KeyMetrics, ...]
    model: F1Scores
    repeat: F1Scores
    majority: F1Scores
    loss: float
    """Binary cross-entropy, unweighted."""
    verdict: str
    """One sentence: whether the model beats the baselines."""

    def table(self) -> Table:
        """A row per key, then one per predictor."""
        columns = ["key", "pressed", "precision", "recall", "F1", "F1 at changes", "threshold"]
        rows: list[list[str | float | int | None]] = [
            [
                k.key,
                _round(k.base_rate),
                _round(k.precision),
                _round(k.recall),
                _round(k.f1),
                None,
                _round(k.threshold),
            ]
            for k in self.keys
        ]
        predictors = (("model", self.model), ("repeat last keys", self.repeat), ("majority", self.majority))
        rows += [
            [name, None, None, None, _round(scores.f1), _round(scores.change_f1), None]
            for name, scores in predictors
        ]
        return Table(
            title=f"Held-out frames: {self.positions}, changes: {self.changes}", columns=columns, rows=rows
        )

    @classmethod
    def of(cls, figures: dict[str, Any]) -> "ValidationReport":
        """The report that `figures` returned as plain data."""
        scores = {name: F1Scores(**figures[name]) for name in ("model", "repeat", "majority")}
        keys = tuple(KeyMetrics(**key) for key in figures["keys"])
        return cls(**{**figures, **scores, "keys": keys})

    @property
    def beats_baselines(self) -> bool:
        """Whether the model is better than both baselines in F1 and, if keys change, in F1 at changes."""
        return any(key.base_rate > 0 for key in self.keys) and not _lost_comparisons(
            self.model, self.repeat, self.majority, self.changes > 0
        )

    @property
    def thresholds(self) -> tuple[float, ...]:
        """One for each key."""
        return tuple(key.threshold for key in self.keys)

    def figures(self) -> dict[str, Any]:
        """As plain data, rounded, for manifests and JSON."""
        return dict(_rounded(asdict(self)))

    @property
    def score(self) -> float:
        """The criterion for the best checkpoint: mean of F1 and F1 at changes.

        On few held-out frames both soon reach the same value in every epoch, and the first such epoch is the
        least trained one; a small share of the loss breaks such ties.
        """
        return (self.model.f1 + self.model.change_f1) / 2 - LOSS_WEIGHT * min(self.loss, 1.0)


def validation_report(
    probabilities: NDArray[np.float32],
    labels: Bools,
    *,
    thresholds: NDArray[np.float64] | tuple[float, ...],
    previous: Bools,
    majority: Bools,
    keys: tuple[str, ...],
) -> ValidationReport:
    """Metrics of `probabilities` (M, keys) against `labels` (M, keys).

    `previous` (M, keys) is the key state one frame before each label, `majority` (keys,) the most frequent
    combination of the training data, `thresholds` (keys,) the lowest probabilities at which keys are pressed.
    """
    levels = np.asarray(thresholds, np.float64)
    predicted = probabilities >= levels
    changed = (labels != previous).any(axis=1)
    constant = np.broadcast_to(majority, labels.shape)
    per_key = []
    for i, key in enumerate(keys):
        precision, recall, f1 = precision_recall_f1(predicted[:, i], labels[:, i])
        rate = float(labels[:, i].mean()) if len(labels) else 0.0
        baselines = (precision_recall_f1(other[:, i], labels[:, i])[2] for other in (previous, constant))
        per_key.append(KeyMetrics(key, rate, precision, recall, f1, float(levels[i]), *baselines))
    model, repeat, most_frequent = (
        F1Scores(macro_f1(one, labels), macro_f1(one[changed], labels[changed]))
        for one in (predicted, previous, constant)
    )
    verdict = _verdict(model, repeat, most_frequent, pressed=bool(labels.any()), changed=bool(changed.any()))
    loss = _cross_entropy(probabilities, labels)
    return ValidationReport(
        len(labels), int(changed.sum()), tuple(per_key), model, repeat, most_frequent, loss, verdict
    )


def macro_f1(predicted: Bools, labels: Bools) -> float:
    """Mean F1 over the keys that are pressed at least once in `labels` (M, keys); 0 if none is."""
    scores = [
        precision_recall_f1(predicted[:, i], labels[:, i])[2] or 0.0
        for i in range(labels.shape[1])
        if labels[:, i].any()
    ]
    return float(np.mean(scores)) if scores else 0.0


def majority_combination(labels: Bools) -> Bools:
    """The most frequent row of (M, keys): the majority class."""
    rows, counts = np.unique(labels, axis=0, return_counts=True)
    most: Bools = rows[int(np.argmax(counts))]
    return most


def precision_recall_f1(predicted: Bools, pressed: Bools) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and F1 of one key; None where the denominator is zero."""
    true_positives, positives, cases = (
        int((predicted & pressed).sum()),
        int(predicted.sum()),
        int(pressed.sum()),
    )
    precision = true_positives / positives if positives else None
    recall = true_positives / cases if cases else None
    f1 = 2 * true_positives / (positives + cases) if positives + cases else None
    return precision, recall, f1


def _cross_entropy(probabilities: NDArray[np.float32], labels: Bools) -> float:
    likelihoods = np.where(labels, probabilities, 1 - probabilities).astype(np.float64)
    return float(-np.log(np.maximum(likelihoods, 1e-7)).mean()) if labels.size else 0.0


def _lost_comparisons(model: F1Scores, repeat: F1Scores, majority: F1Scores, changed: bool) -> list[str]:
    """The comparisons with a baseline that the model does not win, as text."""
    lost = []
    for name, other in (("repeating the last keys", repeat), ("the most frequent keys", majority)):
        if model.f1 <= other.f1:
            lost.append(f"{name} in F1 ({model.f1:.2f} against {other.f1:.2f})")
        if changed and model.change_f1 <= other.change_f1:
            lost.append(f"{name} in F1 at changes ({model.change_f1:.2f} against {other.change_f1:.2f})")
    return lost


def _verdict(model: F1Scores, repeat: F1Scores, majority: F1Scores, *, pressed: bool, changed: bool) -> str:
    if not pressed:
        return "No key is pressed in the held-out frames, so they say nothing about the model."
    lost = _lost_comparisons(model, repeat, majority, changed)
    if lost:
        return f"The model does not beat {', nor '.join(lost)}."
    return "The model beats both repeating the last keys and the most frequent keys."


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return _round(value) if isinstance(value, float) else value
