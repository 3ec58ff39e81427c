"""Validation metrics: F1 per key and at key changes, and the likelihood of the keys on shifted frames.

F1 does not rank models by how well they play: held-out frames show what the demonstrator saw, and a model
that plays sees something else after its first mistake. Shifted frames stand for that: the cross-entropy on
them selects checkpoints.

Baselines ignore the frames: `majority` always predicts the most frequent key combination of the training
data; `repeat` predicts the true keys of the frame before, which are unknown in play.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import exp
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.protocol.events import Table
from agp_tui.protocol.results import ValidationResult

Bools = NDArray[np.bool_]


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
    """One sentence: how good the model is."""
    shifted_loss: float | None = None
    """Binary cross-entropy on shifted frames; None in reports of earlier versions."""
    base_rate_loss: float | None = None
    """Binary cross-entropy of always predicting the share of frames at which each key is held."""

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
        predictors = (
            ("model", self.model),
            ("majority", self.majority),
            ("true keys of the frame before", self.repeat),
        )
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
    def result(self) -> ValidationResult:
        """As a message."""
        return msgspec.convert(self.figures(), ValidationResult)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """One for each key."""
        return tuple(key.threshold for key in self.keys)

    def figures(self) -> dict[str, Any]:
        """As plain data, rounded, for manifests and JSON."""
        return dict(_rounded(asdict(self)))

    @property
    def score(self) -> float:
        """The criterion for the best checkpoint: the mean likelihood of a key on shifted frames, 0 to 1."""
        return exp(-(self.loss if self.shifted_loss is None else self.shifted_loss))


def validation_report(
    probabilities: NDArray[np.float32],
    labels: Bools,
    *,
    thresholds: NDArray[np.float64] | tuple[float, ...],
    previous: Bools,
    majority: Bools,
    keys: tuple[str, ...],
    shifted: Sequence[NDArray[np.float32]] = (),
) -> ValidationReport:
    """Metrics of `probabilities` (M, keys) against `labels` (M, keys).

    `previous` (M, keys) is the key state one frame before each label, `majority` (keys,) the most frequent
    combination of the training data, `thresholds` (keys,) the lowest probabilities at which keys are pressed,
    `shifted` has probabilities (M, keys) for shifted frames.
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
    report = ValidationReport(
        len(labels),
        int(changed.sum()),
        tuple(per_key),
        model,
        repeat,
        most_frequent,
        _cross_entropy(probabilities, labels),
        verdict="",
        shifted_loss=float(np.mean([_cross_entropy(one, labels) for one in shifted])) if shifted else None,
        base_rate_loss=_cross_entropy(np.broadcast_to(labels.mean(axis=0), labels.shape), labels)
        if len(labels)
        else None,
    )
    return replace(report, verdict=_verdict(report))


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


def _cross_entropy(probabilities: NDArray[np.floating[Any]], labels: Bools) -> float:
    likelihoods = np.where(labels, probabilities, 1 - probabilities).astype(np.float64)
    return float(-np.log(np.maximum(likelihoods, 1e-7)).mean()) if labels.size else 0.0


def _verdict(report: ValidationReport) -> str:
    if not any(key.base_rate for key in report.keys):
        return "No key is pressed in the held-out frames, so they say nothing about the model."
    compared = f"the most frequent keys in F1 ({report.model.f1:.2f} against {report.majority.f1:.2f})."
    if not report.result.beats_baselines:
        return f"The model does not beat {compared}"
    return f"The model beats {compared} Only play shows how good it is."


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return _round(value) if isinstance(value, float) else value
