"""Learning curve: what more minutes of recordings would bring, estimated by trainings on parts of them.

As in scikit-learn's `learning_curve`, a network is trained on nested subsets of the training data and
evaluated on the same validation set; here each training has the same number of optimizer steps. A power law
through the held-out losses (Hestness et al. 2017, arXiv:1712.00409) gives the loss with twice as many
minutes. Three sizes do not determine its three parameters, so all power laws are weighted by how well they
fit, and the result is an interval.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.config import TrainSettings, convert
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped, RecordingError
from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.metrics import ValidationReport
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Event, Progress, Table
from agp_tui.protocol.results import LearningCurvePoint, LearningCurveResult, LossForecast

TRAIN_SIZES = (0.25, 0.5, 1.0)
"""Shares of the training data; each is one over a whole number."""
REPEATS = 2
"""Trainings per size, on different subsets and with different seeds."""
PIECE_SECONDS = 10.0
"""Subsets consist of stretches of about this length: parts of the play, not a sample of its frames."""
MIN_PIECES = 8

EXPONENTS = np.linspace(0.0, 1.5, 61)
FLOORS = np.linspace(0.0, 0.98, 50)
"""Shares of the loss on all data that no number of minutes would remove."""
PRIOR_DEVIATION, PRIOR_WEIGHT = 0.02, 2.0
"""Relative deviation of the loss between two trainings, known from this number of earlier ones."""
SAMPLES = 4000
PERCENTILES = (2.5, 97.5)

CLEAR_GAIN, LITTLE_GAIN = 0.02, 0.05
"""Twice as many minutes help if even the lower end of the gain is above the first, and bring little if even
the upper end is below the second."""
SHORTER_TRAINING = 0.85
"""The trainings are called too short if the model's own loss is below this multiple of theirs."""


@dataclass(frozen=True)
class PowerLawFit:
    """Samples of the posterior of `loss = scale * (floor + (1 - floor) * (size / largest) ** -exponent)`."""

    scale: NDArray[np.float64]
    floor: NDArray[np.float64]
    exponent: NDArray[np.float64]

    def losses(self, ratio: float) -> NDArray[np.float64]:
        """Samples of the expected loss with `ratio` times as much data as the largest size."""
        return self.scale * self._factor(ratio)

    def gains(self, ratio: float) -> NDArray[np.float64]:
        """Samples of the relative reduction of the loss, 0 to 1."""
        return 1 - self._factor(ratio)

    def _factor(self, ratio: float) -> NDArray[np.float64]:
        return self.floor + (1 - self.floor) * ratio**-self.exponent


def fit_power_law(sizes: Sequence[float], losses: Sequence[float], *, seed: int = 0) -> PowerLawFit:
    """Fit held-out losses over the sizes of the training data, several trainings per size.

    The noise is relative to the loss. Exponent and floor have uniform priors on a grid; scale and noise are
    integrated out.
    """
    x = np.asarray(sizes, np.float64) / max(sizes)
    y = np.log(np.maximum(losses, 1e-6))
    exponents, floors = (grid.ravel() for grid in np.meshgrid(EXPONENTS, FLOORS))
    shapes = np.log(floors[:, None] + (1 - floors[:, None]) * x[None] ** -exponents[:, None])
    scales = (y - shapes).mean(axis=1)
    squares = np.square(y - shapes - scales[:, None]).sum(axis=1) + PRIOR_WEIGHT * PRIOR_DEVIATION**2
    freedom = len(y) - 1 + PRIOR_WEIGHT
    weights = (squares / squares.min()) ** (-freedom / 2)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(weights), SAMPLES, p=weights / weights.sum())
    deviations = np.sqrt(squares[chosen] / rng.chisquare(freedom, SAMPLES) / len(y))
    scale = np.exp(scales[chosen] + deviations * rng.standard_normal(SAMPLES))
    return PowerLawFit(scale, floors[chosen], exponents[chosen])


def forecast(fit: PowerLawFit, minutes: float, ratio: float) -> LossForecast:
    """The loss with `ratio` times the `minutes` of the largest size, with a 95 % interval."""
    losses = fit.losses(ratio)
    low, high = np.percentile(losses, PERCENTILES)
    return LossForecast(
        minutes=round(ratio * minutes, 2),
        loss=round(float(np.median(losses)), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
    )


def outlook_of(fit: PowerLawFit, ratio: float) -> Literal["helps", "little", "unclear"]:
    """Whether `ratio` times as much data would reduce the loss, to less than the loss that is known now."""
    low, high = np.percentile(fit.gains(ratio), PERCENTILES)
    is_below = np.percentile(fit.losses(ratio), PERCENTILES[1]) < np.median(fit.scale)
    if low >= CLEAR_GAIN and is_below:
        return "helps"
    return "little" if high <= LITTLE_GAIN else "unclear"


def learning_curve(source: Checkpoint, dataset: Dataset, epochs: int, job: Job) -> LearningCurveResult:
    """Train networks like that of `source` on parts of `dataset.train`, each for `epochs` of all of it.

    Emits progress, a table and a note. Raises `RecordingError` if there are too few frames, `JobStopped`.
    """
    if not dataset.validation:
        raise RecordingError(
            "Expected the held-out frames of the model for a learning curve, found none.",
            f"Train a model on the recordings that are there: agp train --game {source.game}",
        )
    settings = _settings_of(source)
    subsets = [training_subsets(dataset, source.fps, seed) for seed in range(REPEATS)]
    losses: dict[float, list[float]] = {share: [] for share in TRAIN_SIZES}
    trainer: Trainer | None = None
    progress = _CurveProgress(job, REPEATS * len(TRAIN_SIZES))
    for seed, by_share in enumerate(subsets):
        for share, subset in by_share.items():
            torch.manual_seed(seed)
            before, trainer = (
                trainer,
                Trainer(
                    PolicyNetwork(source.spec),
                    replace(settings, seed=seed),
                    source.keys,
                    threads=trainer.threads if trainer else None,
                    measure_threads=True,
                ),
            )
            if before is not None:
                trainer.precision = before.precision
            loss = _lowest_loss(trainer, subset, epochs, job.with_listeners(progress))
            if job.stopping:
                raise JobStopped("Stopped before the end of the learning curve.")
            losses[share].append(loss)
            progress.next(share, loss)
    minutes = sum(map(len, dataset.train)) / source.fps / 60
    result = curve_result(losses, minutes, epochs, source.validation.get("loss"))
    job.emit(curve_table(result))
    job.note(result.statement, level="info" if result.outlook != "unclear" else "warning")
    if result.too_short:
        job.note(
            f"These trainings were short: the model itself has a held-out loss of {result.model_loss:.2f}. "
            f"Longer ones say more: --epochs {2 * epochs}",
            level="warning",
        )
    return result


def curve_result(
    losses: dict[float, list[float]], minutes: float, epochs: int, model_loss: float | None
) -> LearningCurveResult:
    """The fit of held-out losses by share of `minutes` of play."""
    fit = fit_power_law(
        [share for share, found in losses.items() for _ in found],
        [loss for found in losses.values() for loss in found],
    )
    points = tuple(
        LearningCurvePoint(
            minutes=round(share * minutes, 2),
            losses=tuple(round(loss, 4) for loss in found),
            loss=round(float(np.mean(found)), 4),
        )
        for share, found in losses.items()
    )
    outlook, now, twice = outlook_of(fit, 2.0), forecast(fit, minutes, 1.0), forecast(fit, minutes, 2.0)
    return LearningCurveResult(
        points=points,
        fitted=now,
        forecast=twice,
        outlook=outlook,
        statement=_statement(outlook, now, twice),
        epochs=epochs,
        model_loss=model_loss,
        too_short=model_loss is not None and model_loss < SHORTER_TRAINING * points[-1].loss,
    )


def _statement(outlook: str, now: LossForecast, twice: LossForecast) -> str:
    interval = f"({twice.low:.2f} to {twice.high:.2f})"
    if outlook == "helps":
        return (
            f"Twice as many minutes would bring the held-out loss from {now.loss:.2f} to about "
            f"{twice.loss:.2f} {interval}."
        )
    if outlook == "little":
        return (
            "Twice as many minutes of the same play would hardly change the held-out loss: from "
            f"{now.loss:.2f} to about {twice.loss:.2f} {interval}."
        )
    return (
        "It is not clear from these recordings what twice as many minutes would bring: the held-out loss of "
        f"{now.loss:.2f} might become {twice.low:.2f} to {twice.high:.2f}."
    )


def curve_table(result: LearningCurveResult) -> Table:
    """A row for each size, and one for the forecast."""
    rows: list[list[str | float | int | None]] = [
        [round(one.minutes, 1), round(one.loss, 3), " ".join(f"{loss:.3f}" for loss in one.losses)]
        for one in result.points
    ]
    twice = result.forecast
    rows.append(
        [round(twice.minutes, 1), round(twice.loss, 3), f"forecast: {twice.low:.3f} to {twice.high:.3f}"]
    )
    return Table(
        title=f"Learning curve, {result.epochs} epochs each",
        columns=["minutes", "held-out loss", "of each training"],
        rows=rows,
    )


def training_subsets(dataset: Dataset, fps: float, seed: int) -> dict[float, Dataset]:
    """The dataset with each share of its training data, by share.

    A subset contains the smaller ones. Its ranges are repeated, so that an epoch of any subset has the
    positions of all training data. Raises `RecordingError` if there are too few frames for subsets.
    """
    total = sum(map(len, dataset.train))
    length = min(round(PIECE_SECONDS * fps), total // MIN_PIECES)
    if length < dataset.segment:
        needed = MIN_PIECES * dataset.segment / fps
        raise RecordingError(
            f"Expected at least {needed:.0f} s of training frames for a learning curve, "
            f"found {total / fps:.0f} s.",
            "Record more, or leave out the learning curve.",
        )
    pieces = [
        IndexRange(r.clip, start, min(start + length, r.stop))
        for r in dataset.train
        for start in range(r.start, r.stop, length)
    ]
    order = [pieces[i] for i in np.random.default_rng([seed, 0xC04E]).permutation(len(pieces))]
    return {
        share: replace(dataset, train=_first(order, round(share * total)) * round(1 / share))
        for share in TRAIN_SIZES
    }


def _first(pieces: Sequence[IndexRange], count: int) -> tuple[IndexRange, ...]:
    """The first `count` positions of the pieces, in the order of the recordings; adjacent ones are joined."""
    chosen: list[IndexRange] = []
    for piece in pieces:
        if count > 0:
            chosen.append(replace(piece, stop=min(piece.stop, piece.start + count)))
            count -= len(piece)
    joined: list[IndexRange] = []
    for piece in sorted(chosen, key=lambda one: (one.clip, one.start)):
        last = joined[-1] if joined else None
        if last is not None and (last.clip, last.stop) == (piece.clip, piece.start):
            joined[-1] = replace(last, stop=piece.stop)
        else:
            joined.append(piece)
    return tuple(joined)


def _lowest_loss(trainer: Trainer, dataset: Dataset, epochs: int, job: Job) -> float:
    """Train from random weights; the lowest held-out loss after an epoch, as early stopping would have it."""
    losses: list[float] = []

    def on_validation(_trainer: Trainer, report: ValidationReport, _is_best: bool) -> None:
        losses.append(report.loss)

    trainer.fit_normalization(dataset)
    trainer.fit(dataset, job, epochs=epochs, on_validation=on_validation)
    return min(losses, default=float("nan"))


def _settings_of(source: Checkpoint) -> TrainSettings:
    """The settings that `source` was trained with, as far as this version knows them."""
    known: dict[str, Any] = {
        field.name: source.settings[field.name]
        for field in fields(TrainSettings)
        if field.name in source.settings
    }
    return replace(convert(known, TrainSettings), segment=source.spec.segment)


class _CurveProgress:
    """Turns the progress of single trainings into that of the whole curve."""

    def __init__(self, job: Job, trainings: int) -> None:
        self._job, self._trainings = job, trainings
        self._done = 0
        self._started = time.monotonic()
        self._losses: dict[str, float] = {}

    def next(self, share: float, loss: float) -> None:
        """One training has ended with this held-out loss."""
        self._done += 1
        self._losses[f"loss_{round(100 * share)}_percent"] = round(loss, 4)
        self._emit(0.0)

    def handle(self, event: Event) -> None:
        if isinstance(event, Progress) and event.total:
            self._emit(min(event.done / event.total, 1.0))

    def close(self) -> None:
        """The job itself continues."""

    def _emit(self, fraction: float) -> None:
        done = self._done + fraction
        seconds = time.monotonic() - self._started
        left = seconds * (self._trainings - done) / done if done else None
        self._job.emit(
            Progress(
                done=round(done, 2),
                total=self._trainings,
                unit="trainings",
                seconds_left=None if left is None else round(left, 1),
                metrics=self._losses,
            )
        )
