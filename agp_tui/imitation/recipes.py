"""A clone in minutes: how the demo, and the benchmark of corrections, train one and let it go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agp_tui.config import TrainSettings
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.imitation.checkpoint import load_checkpoint
from agp_tui.imitation.dagger import Lesson, Round, practise
from agp_tui.imitation.dataset import Dataset, Span, takes_for
from agp_tui.imitation.train import TrainRequest, train
from agp_tui.imitation.trainer import Trainer

BATCHES: dict[str, Any] = {"batch": 16, "stretch": 16}
"""Short stretches of many games learn faster here than long ones of a few."""

RATE, PRACTICE_RATE = 2e-3, 1e-3
"""Learning rates: from nothing, and of a network that already knows what a ball is."""


def clone(
    recordings: Sequence[Path],
    run: Run,
    job: Job,
    *,
    minutes: float,
    segment: int,
    frame_size: int,
    seed: int = 0,
) -> Path:
    """The checkpoint of a clone that has only watched, after so many minutes of training."""
    settings = TrainSettings(
        segment=segment,
        epochs=1_000,
        patience=1_000,
        minutes=minutes,
        learning_rate=RATE,
        seed=seed,
        **BATCHES,
    )
    request = TrainRequest.of(recordings, settings, frame_size=frame_size)
    return train(request, job, run, measure_threads=True).best


def go_on(
    checkpoint: Path, recordings: Sequence[Path], lesson: Lesson, folder: Path, job: Job, *, seed: int = 0
) -> list[Round]:
    """Rounds of practice from a clone on; its own recordings stay in the mix, none is held out.

    The checkpoints of the rounds, and that of the best one, are written to `folder`, which is made.
    """
    model = load_checkpoint(checkpoint)
    takes = takes_for(model, recordings)
    spans = tuple(Span(number, 0, len(take)) for number, take in enumerate(takes))
    settings = TrainSettings(segment=model.spec.segment, learning_rate=PRACTICE_RATE, seed=seed, **BATCHES)
    trainer = Trainer(model.network(), settings, model.keys, measure_threads=True)
    folder.mkdir(exist_ok=True)
    return practise(
        trainer, model, Dataset(takes, spans, (), segment=model.spec.segment), lesson, folder, job
    )
