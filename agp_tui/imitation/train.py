"""The training job: recordings of a game become a checkpoint, validated and ready to export.

Its run folder holds `checkpoints/best.pt` and `checkpoints/last.pt`; a run with a `last.pt` goes on
exactly where it was.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from agp_tui.config import TrainSettings
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped, ModelError, RecordingError, SettingError
from agp_tui.imitation.checkpoint import BEST, LAST, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.correction_data import corrected_dataset
from agp_tui.imitation.dataset import Dataset, Take, check_learnable, open_takes
from agp_tui.imitation.metrics import Report
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.split import split, split_fixed
from agp_tui.imitation.trainer import Fitted, Trainer
from agp_tui.protocol.events import Note, Progress
from agp_tui.recording.store import Recording

STAGES = 4
"""Read, train, report; whoever asked for the training exports."""

SAVE_SECONDS = 15.0
"""`last.pt` is written so often at most, and at the end."""


@dataclass(frozen=True)
class TrainRequest:
    """What a training is asked for."""

    recordings: tuple[Path, ...]
    settings: TrainSettings
    game: str
    keys: tuple[str, ...]
    """The outputs of the network, in their order."""
    fps: int
    frame_size: int
    start: Path | None = None
    """Checkpoint whose weights are the beginning; its network, segment and lead are kept."""
    validation: tuple[Path, ...] = ()
    """Recordings to validate on, all others being trained on; none: a share is set aside."""
    corrections: tuple[Path, ...] = ()
    """What the model of `start` was shown since; it goes on with these and what it was trained on, and
    `recordings` are not looked at."""
    hold_out: bool = False
    """Keep the newest part of the corrections for a comparison."""

    @classmethod
    def of(
        cls,
        recordings: Sequence[Path],
        settings: TrainSettings,
        *,
        frame_size: int,
        start: Path | None = None,
        validation: Sequence[Path] = (),
    ) -> "TrainRequest":
        """A request with the game, keys and rate of the first recording. Raises `RecordingError`."""
        if not recordings:
            raise RecordingError("Expected recordings to train on, found none.", "Make one with agp record.")
        meta = Recording.open(recordings[0]).meta
        paths, held_out = tuple(map(Path.resolve, recordings)), tuple(map(Path.resolve, validation))
        return cls(paths, settings, meta.game, meta.keys, meta.fps, frame_size, start, held_out)


@dataclass(frozen=True)
class Trained:
    """What came of it."""

    best: Path
    """The checkpoint with the best validation score."""
    last: Path
    report: dict[str, Any]
    """Figures of the best checkpoint, as of `Report.figures`; empty where none was reached."""
    why: str
    """How it ended: epochs, minutes, patience, stopped."""
    epochs: int
    frames: int
    """Labelled positions learnt from."""
    seconds: float


def train(
    request: TrainRequest,
    job: Job,
    run: Run,
    *,
    device: str | None = None,
    threads: int | None = None,
    measure_threads: bool = False,
) -> Trained:
    """Train, or go on with a run that has a `last.pt`. Stops at once, with a checkpoint, when told to.

    With `measure_threads`, and none given, it first finds out how many threads are faster.

    Raises `RecordingError`, `ModelError` or `SettingError` where the request does not fit together.
    """
    folder = run.checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    started = load_checkpoint(request.start) if request.start else None
    going_on = load_checkpoint(folder / LAST) if (folder / LAST).is_file() else None
    source = going_on or started
    spec, lead = _shape(request, source)
    settings = replace(
        request.settings, segment=spec.segment, lead=lead, model=spec.model, motion=spec.motion
    )
    if source and spec.segment != request.settings.segment:
        job.note(f"Windows have {spec.segment} frames, as in the checkpoint that training starts from.")
    if source and spec.motion != request.settings.motion:
        sees = "sees" if spec.motion else "does not see"
        job.note(f"The network {sees} motion, as in the checkpoint that training starts from.")
    torch.manual_seed(settings.seed)
    trainer = Trainer(
        PolicyNetwork(spec),
        settings,
        request.keys,
        device=device,
        threads=threads,
        measure_threads=measure_threads,
    )
    dataset = _dataset(request, settings, started, job)
    if source:
        trainer.network.load_state_dict(source.weights)
    else:
        trainer.standardise(dataset)
    if going_on:
        trainer.restore(going_on.training)
    job.stage("learn", 2, STAGES)
    keeper = _Keeper(folder, request, settings, dataset)
    fitted = trainer.fit(
        dataset,
        job,
        epochs=settings.epochs,
        minutes=settings.minutes,
        patience=settings.patience,
        validated=keeper.validated,
        checkpoint=keeper.keep,
    )
    return _told(fitted, folder, job)


def _shape(request: TrainRequest, source: Checkpoint | None) -> tuple[NetworkSpec, int]:
    """The network to train and the lead of its labels."""
    settings = request.settings
    if source is None:
        if settings.motion and settings.segment < 2:
            raise SettingError(
                "Expected a segment of at least 2 frames for motion, found 1.",
                "Take a longer --segment, or leave out --motion.",
                setting="segment",
            )
        return (
            NetworkSpec(
                settings.model,
                request.frame_size,
                settings.segment,
                len(request.keys),
                motion=settings.motion,
            ),
            settings.lead,
        )
    facts = (
        ("keys", source.keys, request.keys),
        ("frames a second", source.fps, request.fps),
        ("frame_size", source.spec.frame_size, request.frame_size),
    )
    for what, there, here in facts:
        if there != here:
            raise ModelError(
                f"Expected recordings with the checkpoint's {what} {there}, found {here}.",
                "Train without --from-model, or on recordings like those that it was trained on.",
            )
    return source.spec, source.lead


def _dataset(request: TrainRequest, settings: TrainSettings, started: Checkpoint | None, job: Job) -> Dataset:
    job.stage("read the recordings", 1, STAGES)
    told = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal told
        if job.stopping:
            raise JobStopped("Stopped while reading the recordings.", "Start the training again.")
        if time.monotonic() - told > 0.5 or done == total:
            told = time.monotonic()
            job.emit(Progress(done=done, total=total, unit="frames"))

    def warn(text: str) -> None:
        job.note(text, "warning")

    def unchecked(paths: Sequence[Path]) -> tuple[Take, ...]:
        return open_takes(
            paths,
            game=request.game,
            keys=request.keys,
            fps=request.fps,
            frame_size=request.frame_size,
            lead=settings.lead,
            progress=progress,
        )

    def opened(paths: Sequence[Path]) -> tuple[Take, ...]:
        return check_learnable(unchecked(paths), settings.segment, settings.lead, warn)

    if request.corrections and started is not None:
        shown = opened(request.corrections)
        return corrected_dataset(started, unchecked, shown, hold_out=request.hold_out, warn=warn)
    kept = set(request.validation)
    training = opened([path for path in request.recordings if path not in kept])
    if request.validation:
        held_out = opened(request.validation)
        takes = (*training, *held_out)
        spans = split_fixed(training, held_out)
    else:
        takes = training
        spans = split(takes, settings.validation, settings.segment, settings.seed)
    return Dataset(takes, *spans, segment=settings.segment, step=settings.step)


class _Keeper:
    """Writes the best and the last checkpoint of a run."""

    def __init__(
        self, folder: Path, request: TrainRequest, settings: TrainSettings, dataset: Dataset
    ) -> None:
        self._folder, self._request, self._settings = folder, request, settings
        self._data = {
            "takes": [take.name for take in dataset.takes],
            "validation": [[span.take, span.start, span.stop] for span in dataset.validation],
            "step": dataset.step,
        }
        self._saved = time.monotonic()
        self._report: Report | None = None

    def validated(self, trainer: Trainer, report: Report, better: bool) -> None:
        self._report = report
        if better:
            save_checkpoint(self._folder / BEST, self._checkpoint(trainer, whole=False))

    def keep(self, trainer: Trainer, ended: bool) -> None:
        now = time.monotonic()
        if ended or now - self._saved > SAVE_SECONDS:
            save_checkpoint(self._folder / LAST, self._checkpoint(trainer, whole=True))
            self._saved = now

    def _checkpoint(self, trainer: Trainer, whole: bool) -> Checkpoint:
        report = self._report
        return Checkpoint(
            spec=trainer.network.spec,
            game=self._request.game,
            keys=self._request.keys,
            fps=self._request.fps,
            lead=self._settings.lead,
            thresholds=report.thresholds if report else (0.5,) * len(self._request.keys),
            weights=trainer.network.state_dict(),
            validation=report.figures() if report else {},
            settings=_plain(asdict(self._settings)),
            training=trainer.state() if whole else {},
            data=self._data,
        )


def _told(fitted: Fitted, folder: Path, job: Job) -> Trained:
    """Say how it ended, and how good the best checkpoint is."""
    job.stage("judge on held-out frames", 3, STAGES)
    best = folder / BEST if (folder / BEST).is_file() else folder / LAST
    report = load_checkpoint(best).validation
    if report:
        found = Report.of(report)
        job.emit(found.table())
        beaten = found.verdict.startswith("The model beats")
        job.emit(Note(text=found.verdict, level="info" if beaten else "warning"))
    counters = fitted.counters
    return Trained(
        best,
        folder / LAST,
        report,
        fitted.why,
        counters.epoch,
        counters.positions,
        round(counters.seconds, 1),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
