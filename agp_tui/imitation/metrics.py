"""How well a model says what the player pressed, beside two players who look at nothing.

`repeat` says that the keys stay as they were one frame before; `majority` always says the most
frequent key combination of the training data. F1 alone flatters a model: keys are held, so most
frames are easy. F1 where the keys change is the harder figure.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.protocol.events import Table

Bools = NDArray[np.bool_]

CANDIDATES = np.linspace(0.1, 0.9, 33)
"""Thresholds that are tried."""

LOSS_SHARE = 0.01
"""Of the loss in the score: it counts only where F1 is the same."""


@dataclass(frozen=True)
class KeyFigures:
    """Of one key. None where there is nothing to count: a key that was never pressed, or never said."""

    key: str
    base_rate: float
    """Share of the positions at which it was pressed."""
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float
    repeat_f1: float | None = None
    """Of who repeats the last keys."""
    majority_f1: float | None = None
    """Of who always says the most frequent combination."""


@dataclass(frozen=True)
class Figures:
    """Of one player. F1 is the mean over the keys that were pressed at all."""

    f1: float
    change_f1: float
    """At the positions where the keys change."""


@dataclass(frozen=True)
class Report:
    """A model on held-out positions."""

    positions: int
    changes: int
    keys: tuple[KeyFigures, ...]
    model: Figures
    repeat: Figures
    majority: Figures
    loss: float
    """Binary cross-entropy, unweighted."""
    verdict: str
    """One sentence: whether it beats the two."""

    def table(self) -> Table:
        """For people: a row for each key, then one for each player."""
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
        players = (("model", self.model), ("repeat last keys", self.repeat), ("majority", self.majority))
        rows += [
            [name, None, None, None, _round(figures.f1), _round(figures.change_f1), None]
            for name, figures in players
        ]
        return Table(
            title=f"Held-out frames: {self.positions}, changes: {self.changes}", columns=columns, rows=rows
        )

    @classmethod
    def of(cls, figures: dict[str, Any]) -> "Report":
        """The report whose `figures` these are."""
        players = {name: Figures(**figures[name]) for name in ("model", "repeat", "majority")}
        keys = tuple(KeyFigures(**key) for key in figures["keys"])
        return cls(**{**figures, **players, "keys": keys})

    @property
    def thresholds(self) -> tuple[float, ...]:
        """One for each key."""
        return tuple(key.threshold for key in self.keys)

    def figures(self) -> dict[str, Any]:
        """The same as plain data, rounded, for manifests and JSON."""
        return dict(_plain(asdict(self)))

    @property
    def score(self) -> float:
        """What the best checkpoint is chosen by: the mean of F1 and F1 at changes.

        On few held-out frames both are soon the same for every epoch, and the first of equals has
        learnt least: a small part of the loss decides between them.
        """
        return (self.model.f1 + self.model.change_f1) / 2 - LOSS_SHARE * min(self.loss, 1.0)


def report(
    probabilities: NDArray[np.float32],
    labels: Bools,
    *,
    previous: Bools,
    most_frequent: Bools,
    keys: tuple[str, ...],
    thresholds: tuple[float, ...] | None = None,
) -> Report:
    """Figures of `probabilities` (M, keys) against `labels` (M, keys).

    `previous` (M, keys) are the keys one frame before each label, `most_frequent` (keys,) the
    training data's usual combination. Without `thresholds` they are chosen here.
    """
    levels = np.array(thresholds) if thresholds is not None else choose_thresholds(probabilities, labels)
    said = probabilities >= levels
    changed = (labels != previous).any(axis=1)
    majority = np.broadcast_to(most_frequent, labels.shape)
    per_key = []
    for i, key in enumerate(keys):
        precision, recall, f1 = _counts(said[:, i], labels[:, i])
        rate = float(labels[:, i].mean()) if len(labels) else 0.0
        others = (_counts(answer[:, i], labels[:, i])[2] for answer in (previous, majority))
        per_key.append(KeyFigures(key, rate, precision, recall, f1, float(levels[i]), *others))
    model, repeat, most = (
        Figures(macro_f1(answer, labels), macro_f1(answer[changed], labels[changed]))
        for answer in (said, previous, majority)
    )
    verdict = _verdict(model, repeat, most, bool(labels.any()), bool(changed.any()))
    loss = _cross_entropy(probabilities, labels)
    return Report(len(labels), int(changed.sum()), tuple(per_key), model, repeat, most, loss, verdict)


def macro_f1(said: Bools, labels: Bools) -> float:
    """Mean F1 over the keys that are pressed at least once in `labels` (M, keys); 0 where none is."""
    scores = [
        _counts(said[:, i], labels[:, i])[2] or 0.0 for i in range(labels.shape[1]) if labels[:, i].any()
    ]
    return float(np.mean(scores)) if scores else 0.0


def choose_thresholds(probabilities: NDArray[np.float32], labels: Bools) -> NDArray[np.float64]:
    """For each key the threshold with the best F1, the one nearest to a half among equals."""
    chosen = np.full(labels.shape[1], 0.5)
    order = CANDIDATES[np.argsort(np.abs(CANDIDATES - 0.5), kind="stable")]
    for i in range(labels.shape[1]):
        if labels[:, i].any() and not labels[:, i].all():
            scores = [_counts(probabilities[:, i] >= level, labels[:, i])[2] or 0.0 for level in order]
            chosen[i] = order[int(np.argmax(scores))]
    return np.round(chosen, 4)


def usual_combination(labels: Bools) -> Bools:
    """The most frequent row of (M, keys)."""
    rows, counts = np.unique(labels, axis=0, return_counts=True)
    most: Bools = rows[int(np.argmax(counts))]
    return most


def _counts(said: Bools, pressed: Bools) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and F1 of one key; None where its denominator is zero."""
    hits, claims, cases = int((said & pressed).sum()), int(said.sum()), int(pressed.sum())
    precision = hits / claims if claims else None
    recall = hits / cases if cases else None
    f1 = 2 * hits / (claims + cases) if claims + cases else None
    return precision, recall, f1


def _cross_entropy(probabilities: NDArray[np.float32], labels: Bools) -> float:
    right = np.where(labels, probabilities, 1 - probabilities).astype(np.float64)
    return float(-np.log(np.maximum(right, 1e-7)).mean()) if labels.size else 0.0


def _verdict(model: Figures, repeat: Figures, majority: Figures, pressed: bool, changed: bool) -> str:
    if not pressed:
        return "No key is pressed in the held-out frames, so they say nothing about the model."
    lost = []
    for name, other in (("repeating the last keys", repeat), ("the most frequent keys", majority)):
        if model.f1 <= other.f1:
            lost.append(f"{name} in F1 ({model.f1:.2f} against {other.f1:.2f})")
        if changed and model.change_f1 <= other.change_f1:
            lost.append(f"{name} in F1 at changes ({model.change_f1:.2f} against {other.change_f1:.2f})")
    if lost:
        return f"The model does not beat {', nor '.join(lost)}."
    return "The model beats both repeating the last keys and the most frequent keys."


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _round(value) if isinstance(value, float) else value
