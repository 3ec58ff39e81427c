"""What one training goes through, at which learning rate, when it ends, and how it is told."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi

import numpy as np

from agp_tui.config import TrainSettings
from agp_tui.engine.job import Job
from agp_tui.imitation.augment import Augment
from agp_tui.imitation.balance import position_weights
from agp_tui.imitation.chunks import Batch, FrameStore, cut, gather
from agp_tui.imitation.dataset import Dataset, Span
from agp_tui.imitation.metrics import Report, usual_combination
from agp_tui.protocol.events import Progress

WARM_UP = 0.03
"""Share of the training in which the learning rate rises."""
FLOOR = 0.02
"""Learning rate at the end, as a share of its peak."""
TELL_SECONDS = 0.5


@dataclass(frozen=True)
class Counters:
    """Where a training is."""

    fits: int = 0
    """Trainings that came before with the same trainer."""
    epoch: int = 0
    step: int = 0
    """Batches done in this epoch."""
    positions: int = 0
    """Labelled positions learnt from, in this training."""
    seconds: float = 0.0
    """Spent learning, in this training."""
    best: float = -1.0
    """Best validation score of this training."""
    since_best: int = 0
    """Validations since."""


class Plan:
    """What one training goes through, and when it ends."""

    def __init__(
        self,
        settings: TrainSettings,
        augment: Augment,
        dataset: Dataset,
        epochs: int | None,
        minutes: float | None,
        store: FrameStore | None = None,
    ) -> None:
        self._store = store
        self._settings, self._dataset, self._augment = settings, dataset, augment
        self._weights = position_weights(
            dataset,
            dataset.train,
            settings.balance_cap,
            settings.change_weight,
            settings.correction_weight if settings.corrections else 1.0,
        )
        labels = dataset.labels(dataset.train)
        self.usual = usual_combination(labels)
        self.positions = len(labels)
        self.epochs = epochs
        self.seconds = minutes * 60 if minutes is not None else None

    def batches(self, counters: Counters) -> Iterator[Callable[[], Batch]]:
        """The rest of the epoch's batches, each to be made when it is called."""
        place = [self._settings.seed, counters.fits, counters.epoch]
        pieces = cut(self._dataset.train, self._settings.stretch, np.random.default_rng(place))
        size = self._settings.batch
        for step in range(counters.step, -(-len(pieces) // size)):
            yield lambda step=step: self._batch(pieces[step * size : (step + 1) * size], [*place, step])  # type: ignore[misc]

    def _batch(self, pieces: list[Span], place: list[int]) -> Batch:
        random = np.random.default_rng(place)
        return gather(
            self._dataset,
            pieces,
            self._settings.stretch,
            store=self._store,
            weights=self._weights,
            augment=self._augment,
            random=random,
        )

    def sample(self) -> Batch:
        """A batch like those to come."""
        return next(iter(self.batches(Counters())))()

    def done(self, counters: Counters) -> float:
        """Share of the training that is behind, 0 to 1."""
        by_time = counters.seconds / self.seconds if self.seconds else 0.0
        by_data = counters.positions / (self.epochs * self.positions) if self.epochs else 0.0
        return min(max(by_time, by_data), 1.0)

    def rate(self, counters: Counters) -> float:
        """Learning rate: linear warm-up, then a cosine (Loshchilov and Hutter 2017)."""
        done = self.done(counters)
        if done < WARM_UP:
            return self._settings.learning_rate * (0.02 + 0.98 * done / WARM_UP)
        along = (done - WARM_UP) / (1 - WARM_UP)
        return self._settings.learning_rate * (FLOOR + (1 - FLOOR) * (1 + cos(pi * along)) / 2)

    def out_of_time(self, counters: Counters) -> bool:
        return self.seconds is not None and counters.seconds >= self.seconds

    def ended(self, counters: Counters) -> str:
        """Why the training is over; empty while it is not."""
        if self.out_of_time(counters):
            return "minutes"
        return "epochs" if self.epochs is not None and counters.epoch >= self.epochs else ""


class Telling:
    """Tells a job how a training goes, twice a second at most and after each validation.

    Each `Progress` has `done` of `total` frames, `rate` (frames a second), `seconds_left`, and in
    `metrics` the running `loss`, the `epoch` and, once there was a validation, the latest one's `f1`,
    `change_f1` and `val_loss`. A run keeps them in `events.jsonl`, so its curves are there later:
    loss over `done`, and F1 wherever it changes.
    """

    def __init__(self, job: Job, plan: Plan) -> None:
        self._job, self._plan = job, plan
        self._told = 0.0
        self._rate = 0.0
        self._last: Counters | None = None
        self._validation: dict[str, float] = {}
        self.loss = float("nan")
        """Running mean over about fifty steps."""

    def learnt(self, counters: Counters, loss: float) -> None:
        self.loss = loss if np.isnan(self.loss) else 0.98 * self.loss + 0.02 * loss
        if time.perf_counter() - self._told >= TELL_SECONDS:
            self.tell(counters)

    def found(self, found: Report, counters: Counters) -> None:
        self._validation = {"f1": found.model.f1, "change_f1": found.model.change_f1, "val_loss": found.loss}
        self.tell(counters)

    def tell(self, counters: Counters) -> None:
        self._told = time.perf_counter()
        if counters.seconds > 0:
            self._rate = counters.positions / counters.seconds
        done = self._plan.done(counters)
        left = counters.seconds * (1 - done) / done if done > 0 else None
        metrics = {"loss": self.loss, "epoch": float(counters.epoch), **self._validation}
        total = counters.positions / done if done > 0 else counters.positions
        self._job.emit(
            Progress(
                done=counters.positions,
                total=round(total),
                unit="frames",
                rate=round(self._rate, 1),
                seconds_left=None if left is None else round(left, 1),
                # Before the first step there is no loss, and JSON has no word for that.
                metrics={name: round(value, 5) for name, value in metrics.items() if np.isfinite(value)},
            )
        )
