"""The learning itself: a network, its optimizer and their steps. Knows nothing of files.

A trainer keeps its optimizer between calls of `fit`, so short trainings can follow one another
while data is added. Every random draw comes from the seed and the counters, so the counters, the
weights and the optimizer's state are all that is needed to go on exactly.
"""

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

from agp_tui.config import TrainSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.imitation.augment import Augment, centred, mirror_order
from agp_tui.imitation.autotune import faster_precision, faster_threads
from agp_tui.imitation.chunks import Batch, FrameStore, cut, gather
from agp_tui.imitation.dataset import Dataset, Span
from agp_tui.imitation.metrics import Report, report, usual_combination
from agp_tui.imitation.network import PolicyNetwork, compact
from agp_tui.imitation.schedule import Counters, Plan, Telling


@dataclass(frozen=True)
class Fitted:
    """How a training ended. `why` is one of epochs, minutes, patience, stopped."""

    why: str
    counters: Counters
    loss: float
    report: Report | None
    """Of the last validation."""


Validated = Callable[["Trainer", Report, bool], None]
"""Called after each validation with its report and whether it is the best so far."""


class Trainer:
    """A network that learns. `settings` are those of training; `keys` name its outputs."""

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
        """`threads` wins over the settings' own; without either, torch's number holds, or, where
        `measure_threads` is, the first `fit` takes the faster of one and all cores.
        """
        self.threads = threads or settings.threads
        self._measure_threads = measure_threads
        if self.threads:
            torch.set_num_threads(self.threads)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.network = compact(network.to(self.device))
        self.settings = settings
        self.keys = keys
        self.counters = Counters()
        self.precision: str | None = None if settings.precision == "auto" else settings.precision
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
        mirror = mirror_order(keys) if settings.flip else None
        self.augment = Augment(settings.shift, settings.jitter, mirror)

    def standardise(self, dataset: Dataset) -> None:
        """Give the network the training frames' mean and deviation, from a sample of them."""
        frames = sample_frames(dataset)
        mean = frames.mean(axis=0, dtype=np.float64).astype(np.float32)
        squares = [np.square(frame - mean).mean(dtype=np.float64) for frame in frames]
        self.network.standardise(mean, float(np.sqrt(np.mean(squares))))

    @property
    def deviation(self) -> float:
        """Of the pixels from the mean frame."""
        return 1.0 / float(self.network.scale)

    def fit(
        self,
        dataset: Dataset,
        job: Job,
        *,
        epochs: int | None = None,
        minutes: float | None = None,
        patience: int | None = None,
        validated: Validated | None = None,
        checkpoint: Callable[["Trainer", bool], None] | None = None,
    ) -> Fitted:
        """Learn from `dataset.train` for so many passes over it or minutes, whichever ends first.

        Goes on where the counters stand, if they stand within a training. `validated` is called
        after each epoch where there is anything to validate on; `checkpoint` after each epoch
        and when the job is stopped, with whether it is the end. Raises `JobFailed` where the loss
        is no longer a number.
        """
        if epochs is None and minutes is None:
            raise ValueError("Expected a number of epochs or of minutes.")
        store = FrameStore(dataset.takes, self.device)
        plan = Plan(self.settings, self.augment, dataset, epochs, minutes, store)
        if self.threads is None and self._measure_threads and self.device == "cpu":
            self.threads = faster_threads(self.network, plan.sample())
            job.note(f"Learns with {self.threads} of {available_cpus()} threads: measured to be faster here.")
        if self.precision is None:
            self.precision = faster_precision(self.network, plan.sample(), self.device)
        telling = Telling(job, plan)
        found: Report | None = None
        why = plan.ended(self.counters)
        while not why:
            self._epoch(plan, job, telling)
            why = "stopped" if job.stopping else plan.ended(self.counters)
            if why != "stopped":
                self.counters = replace(self.counters, epoch=self.counters.epoch + 1, step=0)
                why = plan.ended(self.counters)
                if dataset.validation:
                    begun = time.perf_counter()
                    found = self.validate(dataset, plan.usual, job, store)
                    self._count_seconds(begun)
                    if found is not None:
                        better = self._count_validation(found)
                        telling.found(found, self.counters)
                        if validated is not None:
                            validated(self, found, better)
                        if patience is not None and self.counters.since_best >= patience:
                            why = why or "patience"
                why = "stopped" if job.stopping else why
            if checkpoint is not None:
                checkpoint(self, bool(why))
        telling.tell(self.counters)
        ended = self.counters
        if why != "stopped":
            self.counters = Counters(fits=ended.fits + 1)
        return Fitted(why, ended, telling.loss, found)

    def _count_seconds(self, begun: float) -> None:
        seconds = self.counters.seconds + time.perf_counter() - begun
        self.counters = replace(self.counters, seconds=seconds)

    def _count_validation(self, found: Report) -> bool:
        before = self.counters
        better = found.score > before.best
        since = 0 if better else before.since_best + 1
        self.counters = replace(before, best=max(found.score, before.best), since_best=since)
        return better

    def _epoch(self, plan: Plan, job: Job, telling: "Telling") -> None:
        self.network.train()
        begun = time.perf_counter()
        behind: torch.Tensor | None = None
        with ThreadPoolExecutor(1) as ahead:
            for batch in _ahead(ahead, plan.batches(self.counters)):
                loss = self.learn(batch, plan.rate(self.counters))
                now = time.perf_counter()
                before = self.counters
                self.counters = replace(
                    before,
                    step=before.step + 1,
                    positions=before.positions + batch.positions,
                    seconds=before.seconds + now - begun,
                )
                begun = now
                # Read a step later: asked for at once, a graphics card would wait for us after each step.
                if behind is not None:
                    telling.learnt(self.counters, _number(behind))
                behind = loss
                if job.stopping or plan.out_of_time(self.counters):
                    break
        if behind is not None:
            telling.learnt(self.counters, _number(behind))

    def learn(self, batch: Batch, rate: float) -> torch.Tensor:
        """One step of AdamW at this learning rate; returns the loss, which may still be computed."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return loss.detach()

    def loss(self, batch: Batch) -> torch.Tensor:
        """Weighted binary cross-entropy, mean over the counted positions and the keys."""
        labels, weights = self._to_device(batch.labels), self._to_device(batch.weights)
        network = self.network
        differences = centred(batch.frames, network.mean, self.deviation, batch.draws, batch.blank)
        with self.arithmetic():
            logits = network.decide_centred(differences)
        losses = functional.binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
        counted = max(batch.positions, 1)
        return (losses.mean(dim=2) * weights).sum() / counted

    def arithmetic(self) -> AbstractContextManager[Any]:
        """The arithmetic of the forward pass."""
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
        spans: Sequence[Span],
        job: Job | None = None,
        store: FrameStore | None = None,
    ) -> NDArray[np.float32] | None:
        """Probabilities (M, keys) at the counted positions of `spans`; None where the job stops."""
        store = store or FrameStore(dataset.takes, self.device)
        self.network.eval()
        parts = []
        with torch.no_grad(), self.arithmetic():
            for span in spans:
                rows = []
                for piece in cut([span], self.settings.stretch):
                    if job is not None and job.stopping:
                        return None
                    batch = gather(dataset, [piece], self.settings.stretch, store=store)
                    logits = self.network(batch.frames)
                    rows.append(torch.sigmoid(logits[0].float()).cpu().numpy())
                parts.append(np.concatenate(rows)[:: dataset.step])
        if not parts:
            return np.zeros((0, dataset.key_count), np.float32)
        return np.concatenate(parts).astype(np.float32)

    def validate(
        self,
        dataset: Dataset,
        usual: NDArray[np.bool_] | None = None,
        job: Job | None = None,
        store: FrameStore | None = None,
    ) -> Report | None:
        """Figures on `dataset.validation`; None where the job stops meanwhile."""
        found = self.probabilities(dataset, dataset.validation, job, store)
        if found is None:
            return None
        if usual is None:
            usual = usual_combination(dataset.labels(dataset.train))
        labels, previous = dataset.labels(dataset.validation), dataset.previous(dataset.validation)
        return report(found, labels, previous=previous, most_frequent=usual, keys=self.keys)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on exactly, besides the network's weights: plain data and tensors."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "counters": asdict(self.counters),
            "precision": self.precision,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.counters = Counters(**state["counters"])
        self.precision = state["precision"]


def _number(loss: torch.Tensor) -> float:
    """The loss, once it is computed. Raises `JobFailed` where it is no number."""
    value = float(loss)
    if not np.isfinite(value):
        raise JobFailed(
            f"Expected the loss to be a number, found {value}.",
            "Train again with a smaller --learning-rate, or with --precision float32.",
        )
    return value


def sample_frames(dataset: Dataset, count: int = 400) -> NDArray[np.uint8]:
    """About so many frames, evenly from the training spans: (M, size, size, 3)."""
    every = max(1, sum(len(span) for span in dataset.train) // count)
    parts = [dataset.takes[s.take].frames[s.start : s.stop : every] for s in dataset.train]
    return np.concatenate(parts)


def _ahead(pool: ThreadPoolExecutor, makers: Iterator[Callable[[], Batch]]) -> Iterator[Batch]:
    """The batches in order; the next one is made while the last one is used."""
    waiting = None
    for maker in makers:
        following = pool.submit(maker)
        if waiting is not None:
            yield waiting.result()
        waiting = following
    if waiting is not None:
        yield waiting.result()
