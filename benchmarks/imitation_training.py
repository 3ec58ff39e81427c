"""Training rate of the imitation network: chunks encoded once, against windows encoded separately."""

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
"""Frames in the dataset of the trainer."""
WINDOWS = 16
"""Separate windows per step; with a segment of 20 about as many frames as a step of chunks."""


@dataclass(frozen=True)
class TrainBench:
    """Labelled frames trained per second with each method in the same run."""

    shared: float
    """Chunks encoded once, with a loss at each position."""
    separate: float
    """Each window encoded separately."""
    ratio: float
    """Median of the ratios of the rounds."""
    frames: float
    """Frames encoded per second with shared encodings, forward and backward."""
    trainer: float
    """The whole trainer, including batching, augmentation and its precision."""
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
    """Time training steps (forward, backward, AdamW) with both methods in turns, then the trainer.

    All use random frames. Emits a table. Raises `JobStopped` if stopped before the end of the first round.
    """
    if threads:
        torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = to_channels_last(PolicyNetwork(NetworkSpec(model, frame_size, segment, keys)).to(device))
    optimizer = torch.optim.AdamW(network.parameters())
    frame_shape = (frame_size, frame_size, 3)
    length = segment - 1 + stretch
    chunks = torch.randint(0, 256, (batch, length, *frame_shape), dtype=torch.uint8, device=device)
    windows = torch.randint(0, 256, (WINDOWS, segment, *frame_shape), dtype=torch.uint8, device=device)

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
        chunk_seconds, window_seconds = (
            _seconds(lambda: step(chunks), device),
            _seconds(lambda: step(windows), device),
        )
        if number:  # the first round is a warm-up
            shared.append(batch * stretch / chunk_seconds)
            separate.append(WINDOWS / window_seconds)
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


def _table(found: TrainBench, description: str) -> Table:
    return Table(
        title=f"Training: {description}",
        columns=["method", "labelled frames/s", "ratio"],
        rows=[
            ["separate windows", found.separate, 1.0],
            ["chunks encoded once", found.shared, found.ratio],
            [f"the trainer, {found.precision}", found.trainer, round(found.trainer / found.separate, 2)],
        ],
    )


def _random_frames(size: int, segment: int, keys: int) -> Dataset:
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (FRAMES, size, size, 3), dtype=np.uint8)
    clip = Clip("random", frames, random.random((FRAMES, keys)) < 0.3)
    return Dataset((clip,), (IndexRange(0, 0, FRAMES),), (), segment)


def _seconds(function: Callable[[], None], device: str) -> float:
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
