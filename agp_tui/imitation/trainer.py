"""The training loop: optimizer steps, validation, early stopping. Does not read or write files.

The trainer keeps its optimizer between calls of `fit`, so that trainings can alternate with data collection.
All random numbers derive from the seed and the training state; network weights, optimizer state and training
state are therefore sufficient to resume exactly.
"""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from agp_tui.config import TrainSettings
from agp_tui.engine.autotune import fastest_precision, fastest_thread_count
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.imitation.augmentation import (
    Augmentation,
    Transform,
    center_and_augment,
    mirrored_key_order,
)
from agp_tui.imitation.batching import Batch, FrameStore, collate, split_chunks
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.metrics import ValidationReport, majority_combination, validation_report
from agp_tui.imitation.network import PolicyNetwork, to_channels_last
from agp_tui.imitation.progress import ProgressReporter
from agp_tui.imitation.schedule import TrainSchedule, TrainState
from agp_tui.imitation.thresholds import choose_thresholds

THREAD_FRAMES, PRECISION_FRAMES = 96, 48
"""Frames of a batch for measurements of the number of threads, and of the precision on a CPU."""


PERTURBATION = 0.1
"""Shift of frames in a validation, along both axes, as a share of their size."""


@dataclass(frozen=True)
class FitResult:
    """How a training ended. `why` is one of epochs, minutes, patience, stopped."""

    why: str
    state: TrainState
    loss: float
    report: ValidationReport | None
    """Of the last validation."""


OnValidation = Callable[["Trainer", ValidationReport, bool], None]
"""Called after each validation with its report and whether it is the best so far."""


class Trainer:
    """Trains a policy network by supervised learning. `keys` names the network's outputs."""

    def __init__(
        self,
        network: PolicyNetwork,
        settings: TrainSettings,
        keys: tuple[str, ...],
        *,
        device: str | None = None,
        threads: int | None = None,
        measure_threads: bool = False,
    ) -> None:
        """`threads` overrides the setting. Without either, torch's default applies, or with
        `measure_threads` the first `fit` chooses the faster of one thread and all cores.
        """
        self.threads = threads or settings.threads
        self._measure_threads = measure_threads
        if self.threads:
            torch.set_num_threads(self.threads)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.network = to_channels_last(network.to(self.device))
        self.settings = settings
        self.keys = keys
        self.state = TrainState()
        self.precision: str | None = None if settings.precision == "auto" else settings.precision
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
        self._average: AveragedModel | None = None
        mirror = mirrored_key_order(keys) if settings.flip else None
        self.augmentation = Augmentation(settings.shift or 0, settings.jitter, mirror)

    @property
    def policy(self) -> PolicyNetwork:
        """The network to validate and export: the weight average, or `network` without one."""
        if self._average is None:
            return self.network
        module = self._average.module
        assert isinstance(module, PolicyNetwork)
        return module

    def fit_normalization(self, dataset: Dataset) -> None:
        """Set the network's input normalization to mean frame and pixel deviation of training frames."""
        frames = sample_frames(dataset)
        mean = frames.mean(axis=0, dtype=np.float64).astype(np.float32)
        squares = [np.square(frame - mean).mean(dtype=np.float64) for frame in frames]
        self.network.set_normalization(mean, float(np.sqrt(np.mean(squares))))

    def fit(
        self,
        dataset: Dataset,
        job: Job,
        *,
        epochs: int | None = None,
        minutes: float | None = None,
        patience: int | None = None,
        on_validation: OnValidation | None = None,
        on_epoch: Callable[["Trainer", bool], None] | None = None,
    ) -> FitResult:
        """Train on `dataset.train` until `epochs` or `minutes` are over, whichever comes first.

        Continues a training that `state` is in the middle of. After each epoch the network is validated if
        there is validation data; early stopping ends the training after `patience` validations without a
        better score. `on_epoch` is called after each epoch and when the job is stopped, with whether the
        training has ended. Raises `JobFailed` if the loss is not finite.
        """
        if epochs is None and minutes is None:
            raise ValueError("Expected a number of epochs or of minutes.")
        store = FrameStore(dataset.clips, self.device)
        schedule = TrainSchedule(self.settings, self.augmentation, dataset, epochs, minutes, store)
        self._autotune(schedule, job)
        reporter = ProgressReporter(job, schedule)
        report: ValidationReport | None = None
        why = schedule.stop_reason(self.state)
        while not why:
            self._train_epoch(schedule, job, reporter)
            why = "stopped" if job.stopping else schedule.stop_reason(self.state)
            if why != "stopped":
                self.state = replace(self.state, epoch=self.state.epoch + 1, step=0)
                why = schedule.stop_reason(self.state)
                if dataset.validation:
                    started = time.perf_counter()
                    report = self.validate(dataset, schedule.majority_class, job, store)
                    self._add_seconds(started)
                    if report is not None:
                        is_best = self._track_best(report)
                        reporter.on_validation(report, self.state)
                        if on_validation is not None:
                            on_validation(self, report, is_best)
                        if patience is not None and self.state.since_best >= patience:
                            why = why or "patience"
                why = "stopped" if job.stopping else why
            if on_epoch is not None:
                on_epoch(self, bool(why))
        reporter.emit(self.state)
        ended = self.state
        if why != "stopped":
            self.state = TrainState(fits=ended.fits + 1)
        return FitResult(why, ended, reporter.loss, report)

    def _autotune(self, schedule: TrainSchedule, job: Job) -> None:
        """Choose the number of threads and the precision where none is set."""
        measure_threads = self.threads is None and self._measure_threads and self.device == "cpu"
        if not measure_threads and self.precision is not None:
            return
        network = copy.deepcopy(self.network)
        frames = schedule.sample().frames.flatten(0, 1)[None]

        def loss(count: int) -> torch.Tensor:
            logits: torch.Tensor = network(frames[:, : max(count, network.spec.segment)])
            return logits.float().square().mean()

        if measure_threads:
            self.threads = fastest_thread_count(lambda: loss(THREAD_FRAMES).backward())  # type: ignore[no-untyped-call]
            job.note(f"Trains with {self.threads} of {available_cpus()} threads, the faster number here.")
        if self.precision is None:
            count = PRECISION_FRAMES if self.device == "cpu" else frames.shape[1]
            self.precision = fastest_precision(lambda: loss(count), self.device)

    def _add_seconds(self, started: float) -> None:
        seconds = self.state.seconds + time.perf_counter() - started
        self.state = replace(self.state, seconds=seconds)

    def _track_best(self, report: ValidationReport) -> bool:
        """Count this validation for early stopping; whether it is the best so far."""
        before = self.state
        is_best = report.score > before.best
        since = 0 if is_best else before.since_best + 1
        self.state = replace(before, best=max(report.score, before.best), since_best=since)
        return is_best

    def _train_epoch(self, schedule: TrainSchedule, job: Job, reporter: ProgressReporter) -> None:
        self.network.train()
        started = time.perf_counter()
        previous: torch.Tensor | None = None
        with ThreadPoolExecutor(1) as pool:
            for batch in _prefetch(pool, schedule.batches(self.state)):
                loss = self.train_step(batch, schedule.learning_rate(self.state))
                now = time.perf_counter()
                before = self.state
                self.state = replace(
                    before,
                    step=before.step + 1,
                    positions=before.positions + batch.positions,
                    seconds=before.seconds + now - started,
                )
                started = now
                # The loss is read one step late: reading it at once would synchronize with the GPU.
                if previous is not None:
                    reporter.on_step(self.state, _finite(previous))
                previous = loss
                if job.stopping or schedule.out_of_time(self.state):
                    break
        if previous is not None:
            reporter.on_step(self.state, _finite(previous))

    def train_step(self, batch: Batch, learning_rate: float) -> torch.Tensor:
        """One optimizer step; returns the loss without waiting for the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        if self.settings.ema_decay:
            if self._average is None:
                self._average = self._new_average()
            self._average.update_parameters(self.network)
        return loss.detach()

    def _new_average(self) -> AveragedModel:
        return AveragedModel(self.network, avg_fn=exponential_average(self.settings.ema_decay))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Weighted binary cross-entropy, mean over the counted positions and the keys."""
        labels, weights = self._to_device(batch.labels), self._to_device(batch.weights)
        centered = self._centered(batch)
        with self.autocast():
            logits = self.network.forward_centered(centered)
        losses = functional.binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
        counted = max(batch.positions, 1)
        return (losses.mean(dim=2) * weights).sum() / counted

    def _centered(self, batch: Batch) -> torch.Tensor:
        """The transformed frames of a batch, centered for the network."""
        mean, deviation = self.network.mean, 1.0 / float(self.network.scale)
        return center_and_augment(batch.frames, mean, deviation, batch.transforms, batch.padding)

    def autocast(self) -> AbstractContextManager[Any]:
        """Context of the forward pass: bfloat16 autocast if that is the precision."""
        if self.precision == "bfloat16":
            return torch.autocast(self.device, torch.bfloat16)
        return nullcontext()

    def _to_device(self, array: NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if self.device == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def probabilities(
        self,
        dataset: Dataset,
        ranges: Sequence[IndexRange],
        job: Job | None = None,
        store: FrameStore | None = None,
        transform: Transform | None = None,
    ) -> NDArray[np.float32] | None:
        """Key probabilities (M, keys) at the counted positions of `ranges`; None if the job is stopped.

        `transform` is applied to the frames.
        """
        store = store or FrameStore(dataset.clips, self.device)
        network, transforms = self.policy.eval(), (transform or Transform(),)
        parts = []
        with torch.no_grad(), self.autocast():
            for r in ranges:
                rows = []
                for chunk in split_chunks([r], self.settings.stretch):
                    if job is not None and job.stopping:
                        return None
                    batch = collate(dataset, [chunk], self.settings.stretch, store=store)
                    logits = network.forward_centered(self._centered(replace(batch, transforms=transforms)))
                    rows.append(torch.sigmoid(logits[0].float()).cpu().numpy())
                parts.append(np.concatenate(rows)[:: dataset.step])
        if not parts:
            return np.zeros((0, dataset.key_count), np.float32)
        return np.concatenate(parts).astype(np.float32)

    def validate(
        self,
        dataset: Dataset,
        majority_class: NDArray[np.bool_] | None = None,
        job: Job | None = None,
        store: FrameStore | None = None,
    ) -> ValidationReport | None:
        """Evaluate on `dataset.validation`; None if the job is stopped meanwhile."""
        probabilities = self.probabilities(dataset, dataset.validation, job, store)
        distance = max(1, round(PERTURBATION * self.network.spec.frame_size))
        shifted = [
            self.probabilities(dataset, dataset.validation, job, store, Transform(down=way, right=way))
            for way in (distance, -distance)
        ]
        if probabilities is None or shifted[0] is None or shifted[1] is None:
            return None
        if majority_class is None:
            majority_class = majority_combination(dataset.labels(dataset.train))
        labels = dataset.labels(dataset.validation)
        return validation_report(
            probabilities,
            labels,
            thresholds=choose_thresholds(probabilities, labels),
            previous=dataset.previous(dataset.validation),
            majority=majority_class,
            keys=self.keys,
            shifted=[shifted[0], shifted[1]],
        )

    def state_dict(self) -> dict[str, Any]:
        """Training state besides the weights of `policy`, as plain data and tensors."""
        state: dict[str, Any] = {
            "optimizer": self.optimizer.state_dict(),
            "counters": asdict(self.state),
            "precision": self.precision,
        }
        if self._average is not None:
            state["network"] = self.network.state_dict()
            state["averaged_steps"] = int(self._average.n_averaged)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the weights of `policy` are already those of `network`."""
        if "network" in state:
            self._average = self._new_average()
            self._average.n_averaged.fill_(state["averaged_steps"])
            self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.state = TrainState(**state["counters"])
        self.precision = state["precision"]


def exponential_average(decay: float) -> Callable[[Any, Any, Any], Any]:
    """An exponential moving average for `AveragedModel`; a shorter one during the first steps."""

    def update(average: torch.Tensor, current: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
        steps = int(count)
        return average.lerp(current, 1 - min(decay, (1 + steps) / (10 + steps)))

    return update


def _finite(loss: torch.Tensor) -> float:
    """The loss as a number. Raises `JobFailed` if it is not finite."""
    value = float(loss)
    if not np.isfinite(value):
        raise JobFailed(
            f"Expected the loss to be a number, found {value}.",
            "Train again with a smaller --learning-rate, or with --precision float32.",
        )
    return value


def sample_frames(dataset: Dataset, count: int = 400) -> NDArray[np.uint8]:
    """About `count` frames at equal intervals of the training ranges: (M, size, size, 3)."""
    every = max(1, sum(map(len, dataset.train)) // count)
    parts = [dataset.clips[r.clip].frames[r.start : r.stop : every] for r in dataset.train]
    return np.concatenate(parts)


def _prefetch(pool: ThreadPoolExecutor, factories: Iterator[Callable[[], Batch]]) -> Iterator[Batch]:
    """The batches in order; the next one is made in `pool` while the last one is used."""
    pending = None
    for factory in factories:
        submitted = pool.submit(factory)
        if pending is not None:
            yield pending.result()
        pending = submitted
    if pending is not None:
        yield pending.result()
