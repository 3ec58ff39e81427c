"""The training benchmark: encoding a stretch once against encoding each window by itself."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.config import TrainSettings
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped
from agp_tui.imitation.dataset import Clip, Dataset, IndexRange
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork, to_channels_last
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Table

FRAMES = 4096
"""That the trainer learns from."""
WINDOWS = 16
"""Separate windows in a step: at a segment of 20 about as many frames as a step of stretches."""


@dataclass(frozen=True)
class TrainBench:
    """Labelled positions learnt from in a second, both ways, in the same run."""

    shared: float
    """Stretches encoded once, decided at every position."""
    separate: float
    """Every window encoded by itself."""
    ratio: float
    """Median of the ratios of neighbouring rounds."""
    frames: float
    """Frames encoded a second, forward and backward, the shared way."""
    trainer: float
    """By the trainer itself: its arithmetic, its gathering and changing of frames."""
    precision: str
    device: str


def bench_train(
    job: Job,
    *,
    model: Literal["small", "large"] = "small",
    frame_size: int = 128,
    segment: int = 20,
    keys: int = 4,
    batch: int = 4,
    stretch: int = 64,
    rounds: int = 5,
    seconds: float = 5.0,
    threads: int | None = None,
) -> TrainBench:
    """Both ways in turn, whole steps (forward, backward, AdamW) of one network on random frames; then the
    trainer on such frames.

    Tells a table. Raises `JobFailed` where the job is stopped before the first round is done.
    """
    if threads:
        torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = to_channels_last(PolicyNetwork(NetworkSpec(model, frame_size, segment, keys)).to(device))
    optimizer = torch.optim.AdamW(network.parameters())
    picture = (frame_size, frame_size, 3)
    length = segment - 1 + stretch
    stretches = torch.randint(0, 256, (batch, length, *picture), dtype=torch.uint8, device=device)
    windows = torch.randint(0, 256, (WINDOWS, segment, *picture), dtype=torch.uint8, device=device)

    def step(frames: Tensor) -> None:
        logits = network(frames)
        loss = functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    shared, separate = [], []
    for number in range(rounds + 1):
        if job.stopping:
            break
        pair = _seconds(lambda: step(stretches), device), _seconds(lambda: step(windows), device)
        if number:  # the first round warms up
            shared.append(batch * stretch / pair[0])
            separate.append(WINDOWS / pair[1])
    if not shared:
        raise JobStopped("Stopped before the first round was done.", "Run agp bench train again.")
    settings = TrainSettings(model=model, batch=batch, stretch=stretch)
    trainer = Trainer(network, settings, tuple(f"f{key + 1}" for key in range(keys)), threads=threads)
    dataset = _random_frames(frame_size, segment, keys)
    trainer.fit_normalization(dataset)
    trainer.fit(dataset, job, minutes=seconds / 60)
    state = trainer.fit(dataset, job, minutes=seconds / 60).state
    found = TrainBench(
        shared=round(statistics.median(shared), 1),
        separate=round(statistics.median(separate), 1),
        ratio=round(statistics.median(a / b for a, b in zip(shared, separate, strict=True)), 2),
        frames=round(statistics.median(shared) * length / stretch, 1),
        trainer=round(state.positions / state.seconds, 1),
        precision=trainer.precision or "",
        device=device,
    )
    job.emit(_table(found, f"{model} network, {frame_size} px, segment {segment}, {device}"))
    return found


def _table(found: TrainBench, what: str) -> Table:
    return Table(
        title=f"Training: {what}",
        columns=["way", "labelled frames/s", "ratio"],
        rows=[
            ["each window by itself", found.separate, 1.0],
            ["stretches encoded once", found.shared, found.ratio],
            [f"the trainer, {found.precision}", found.trainer, round(found.trainer / found.separate, 2)],
        ],
    )


def _random_frames(size: int, segment: int, keys: int) -> Dataset:
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (FRAMES, size, size, 3), dtype=np.uint8)
    clip = Clip("random", frames, random.random((FRAMES, keys)) < 0.3)
    return Dataset((clip,), (IndexRange(0, 0, FRAMES),), (), segment)


def _seconds(work: Callable[[], None], device: str) -> float:
    begun = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun
