"""Schedule of a training: batches of an epoch, learning rate, time and epoch limits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi

import numpy as np

from agp_tui.config import TrainSettings
from agp_tui.imitation.augmentation import Augmentation
from agp_tui.imitation.batching import Batch, FrameStore, collate, split_chunks
from agp_tui.imitation.class_weights import position_weights
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.metrics import majority_combination

WARM_UP = 0.03
"""Share of the training with a rising learning rate."""
INITIAL_LEARNING_RATE, FINAL_LEARNING_RATE = 0.02, 0.02
"""As shares of the peak."""


@dataclass(frozen=True)
class TrainState:
    """Progress of a training; stored in checkpoints under these names."""

    fits: int = 0
    """Number of completed trainings by the same trainer."""
    epoch: int = 0
    step: int = 0
    """Batches done in this epoch."""
    positions: int = 0
    """Labelled positions trained on, in this training."""
    seconds: float = 0.0
    """Time spent training and validating, in this training."""
    best: float = -1.0
    """Best validation score of this training."""
    since_best: int = 0
    """Validations since the best one."""


class TrainSchedule:
    """What is done in one training: batches, learning rate, end."""

    def __init__(
        self,
        settings: TrainSettings,
        augmentation: Augmentation,
        dataset: Dataset,
        epochs: int | None,
        minutes: float | None,
        store: FrameStore | None = None,
    ) -> None:
        self._store = store
        self._settings, self._dataset, self._augmentation = settings, dataset, augmentation
        self._weights = position_weights(
            dataset,
            dataset.train,
            settings.balance_cap,
            settings.change_weight,
            settings.correction_weight if settings.corrections else 1.0,
        )
        labels = dataset.labels(dataset.train)
        self.majority_class = majority_combination(labels)
        self.positions = len(labels)
        """Labelled positions per epoch."""
        self.epochs = epochs
        self.seconds = minutes * 60 if minutes is not None else None

    def batches(self, state: TrainState) -> Iterator[Callable[[], Batch]]:
        """Factories of the remaining batches of the epoch. Randomness depends on seed and state only."""
        seed = [self._settings.seed, state.fits, state.epoch]
        chunks = split_chunks(self._dataset.train, self._settings.stretch, np.random.default_rng(seed))
        size = self._settings.batch
        for step in range(state.step, -(-len(chunks) // size)):
            yield lambda step=step: self._batch(chunks[step * size : (step + 1) * size], [*seed, step])  # type: ignore[misc]

    def _batch(self, chunks: list[IndexRange], seed: list[int]) -> Batch:
        return collate(
            self._dataset,
            chunks,
            self._settings.stretch,
            store=self._store,
            weights=self._weights,
            augmentation=self._augmentation,
            rng=np.random.default_rng(seed),
        )

    def sample(self) -> Batch:
        """The first batch of a training, for measurements."""
        return next(iter(self.batches(TrainState())))()

    def progress(self, state: TrainState) -> float:
        """Completed share of the training, 0 to 1."""
        by_time = state.seconds / self.seconds if self.seconds else 0.0
        by_data = state.positions / (self.epochs * self.positions) if self.epochs else 0.0
        return min(max(by_time, by_data), 1.0)

    def learning_rate(self, state: TrainState) -> float:
        """Linear warm-up, then cosine decay (Loshchilov and Hutter 2017)."""
        peak, progress = self._settings.learning_rate, self.progress(state)
        if progress < WARM_UP:
            return peak * (INITIAL_LEARNING_RATE + (1 - INITIAL_LEARNING_RATE) * progress / WARM_UP)
        angle = pi * (progress - WARM_UP) / (1 - WARM_UP)
        return peak * (FINAL_LEARNING_RATE + (1 - FINAL_LEARNING_RATE) * (1 + cos(angle)) / 2)

    def out_of_time(self, state: TrainState) -> bool:
        return self.seconds is not None and state.seconds >= self.seconds

    def stop_reason(self, state: TrainState) -> str:
        """`minutes` or `epochs` if that limit is reached, else empty. Early stopping is in `Trainer.fit`."""
        if self.out_of_time(state):
            return "minutes"
        return "epochs" if self.epochs is not None and state.epoch >= self.epochs else ""
