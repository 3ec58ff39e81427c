"""Behavior cloning: train a policy on recordings of a game and validate it; resume from checkpoints.

The run folder holds `checkpoints/best.pt` (best validation score) and `checkpoints/last.pt` (complete
training state). A run that has a `last.pt` continues exactly where it stopped.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from agp_tui.config import TrainSettings, to_plain
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped, ModelError, RecordingError, SettingError
from agp_tui.games.ids import is_atari
from agp_tui.games.view import View, differing_views
from agp_tui.imitation.checkpoint import BEST, LAST, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.dataset import Clip, Dataset, check_trainable, moving_recordings, open_clips
from agp_tui.imitation.frame_statistics import FrameStatistics, looks_mirrored
from agp_tui.imitation.metrics import ValidationReport
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.train_validation_split import dataset_with_corrections, split
from agp_tui.imitation.trainer import FitResult, Trainer
from agp_tui.protocol.events import Note, Progress
from agp_tui.protocol.requests import TrainingRequest
from agp_tui.recording.library import known_views
from agp_tui.recording.meta import RecordingMeta
from agp_tui.recording.store import Recording

SHIFT_SHARE = 0.05
"""Shift of windows for games whose camera moves, as a share of the frame size."""

SAVE_SECONDS = 15.0
"""Shortest time between two writes of `last.pt`, except at the end."""

SHORT_CHUNKS: dict[str, Any] = {"batch": 16, "stretch": 16, "ema_decay": 0.0, "shift": 0}
"""Settings for trainings of minutes: batches of many short chunks, from many games."""
BC_LEARNING_RATE = 2e-3


@dataclass(frozen=True)
class TrainResult:
    """Result of a training."""

    best: Path
    """The checkpoint with the best validation score."""
    last: Path
    report: dict[str, Any]
    """`ValidationReport.figures` of the best checkpoint; empty without a validation."""
    why: str
    """Reason for the end: epochs, minutes, patience, stopped."""
    epochs: int
    frames: int
    """Number of labelled positions trained on."""
    seconds: float


def train(
    request: TrainingRequest,
    job: Job,
    run: Run,
    *,
    device: str | None = None,
    threads: int | None = None,
    measure_threads: bool = False,
) -> TrainResult:
    """Train, or resume a run that has a `last.pt`. Stops with a checkpoint when the job is stopped.

    Game, keys and frame rate are those of the first recording. If `request.corrections` is given, training
    continues from `request.start` on its own training data and the corrections, and `request.recordings` is
    ignored. `measure_threads` measures which number of threads is fastest, unless one is given.

    Raises `RecordingError`, `ModelError` or `SettingError` if the parts of the request do not match.
    """
    recordings = tuple(map(Path.resolve, request.corrections or request.recordings))
    if not recordings:
        raise RecordingError("Expected recordings to train on, found none.", "Make one with agp record.")
    meta = Recording.open(recordings[0]).meta
    folder = run.checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    start = load_checkpoint(request.start) if request.start else None
    resumed = load_checkpoint(folder / LAST) if (folder / LAST).is_file() else None
    source = resumed or start
    spec, lead = _network_spec(request, meta, source)
    settings = replace(
        request.settings, segment=spec.segment, lead=lead, model=spec.model, motion=spec.motion
    )
    if source and spec.segment != request.settings.segment:
        job.note(f"Windows have {spec.segment} frames, as in the checkpoint that training starts from.")
    if source and spec.motion != request.settings.motion:
        sees = "sees" if spec.motion else "does not see"
        job.note(f"The network {sees} motion, as in the checkpoint that training starts from.")
    correct = start if request.corrections else None
    dataset = _load_dataset(recordings, meta, request.frame_size, settings, correct, job)
    settings = _choose_augmentation(settings, dataset, meta.keys, job)
    torch.manual_seed(settings.seed)
    trainer = Trainer(
        PolicyNetwork(spec),
        settings,
        meta.keys,
        device=device,
        threads=threads,
        measure_threads=measure_threads,
    )
    if source:
        trainer.network.load_state_dict(source.weights)
    else:
        trainer.fit_normalization(dataset)
    if resumed:
        trainer.load_state_dict(resumed.training)
    job.stage("learn", 2, stage_count(settings))
    views = known_views(recordings)
    if warning := differing_views(views):
        job.note(warning, "warning")
    view = views[0] if views else source.view if source else None
    writer = CheckpointWriter(folder, meta, settings, dataset, view)
    result = trainer.fit(
        dataset,
        job,
        epochs=settings.epochs,
        minutes=settings.minutes,
        patience=settings.patience,
        on_validation=writer.on_validation,
        on_epoch=writer.on_epoch,
    )
    job.stage("evaluate on held-out frames", 3, stage_count(settings))
    return _report_best(result, folder, job)


def stage_count(settings: TrainSettings) -> int:
    """Stages of a training job: read, train, validate; the caller exports, diagnoses, trains the curve."""
    return 6 if settings.learning_curve else 5


def train_bc(
    recordings: Sequence[Path],
    run: Run,
    job: Job,
    *,
    minutes: float,
    segment: int,
    frame_size: int,
    seed: int = 0,
) -> Path:
    """Clone the player of `recordings` in the given time; returns the best checkpoint."""
    settings = TrainSettings(
        segment=segment,
        epochs=1_000,
        patience=1_000,
        minutes=minutes,
        learning_rate=BC_LEARNING_RATE,
        seed=seed,
        **SHORT_CHUNKS,
    )
    game = Recording.open(recordings[0]).meta.game
    request = TrainingRequest(
        game=game, settings=settings, recordings=tuple(recordings), frame_size=frame_size
    )
    return train(request, job, run, measure_threads=True).best


def _network_spec(
    request: TrainingRequest, meta: RecordingMeta, source: Checkpoint | None
) -> tuple[NetworkSpec, int]:
    """The network to train and its label offset (`lead`)."""
    settings = request.settings
    if source is None:
        if settings.motion and settings.segment < 2:
            raise SettingError(
                "Expected a segment of at least 2 frames for motion, found 1.",
                "Use a longer --segment, or leave out --motion.",
                setting="segment",
            )
        spec = NetworkSpec(
            settings.model, request.frame_size, settings.segment, len(meta.keys), motion=settings.motion
        )
        return spec, settings.lead
    facts = (
        ("keys", source.keys, meta.keys),
        ("frames a second", source.fps, meta.fps),
        ("frame_size", source.spec.frame_size, request.frame_size),
    )
    for what, expected, found in facts:
        if expected != found:
            raise ModelError(
                f"Expected recordings with the checkpoint's {what} {expected}, found {found}.",
                "Train without --from-model, or on recordings like those that it was trained on.",
            )
    return source.spec, source.lead


def _load_dataset(
    recordings: tuple[Path, ...],
    meta: RecordingMeta,
    frame_size: int,
    settings: TrainSettings,
    correct: Checkpoint | None,
    job: Job,
) -> Dataset:
    """Decode and split the recordings; corrections of the model `correct` are added to its own data."""
    job.stage("read the recordings", 1, stage_count(settings))
    last_report = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last_report
        if job.stopping:
            raise JobStopped("Stopped while reading the recordings.", "Start the training again.")
        if time.monotonic() - last_report > 0.5 or done == total:
            last_report = time.monotonic()
            job.emit(Progress(done=done, total=total, unit="frames"))

    def warn(text: str) -> None:
        job.note(text, "warning")

    def load(paths: Sequence[Path]) -> tuple[Clip, ...]:
        return open_clips(
            paths,
            game=meta.game,
            keys=meta.keys,
            fps=meta.fps,
            frame_size=frame_size,
            lead=settings.lead,
            segment=settings.segment,
            progress=progress,
        )

    recordings = moving_recordings(recordings, job.note)
    clips = check_trainable(load(recordings), settings.segment, settings.lead, warn)
    if correct is not None:
        return dataset_with_corrections(correct, load, clips, hold_out=not is_atari(meta.game), warn=warn)
    ranges = split(clips, settings.validation, settings.segment, settings.seed)
    return Dataset(clips, *ranges, segment=settings.segment, step=settings.step)


def _choose_augmentation(
    settings: TrainSettings, dataset: Dataset, keys: tuple[str, ...], job: Job
) -> TrainSettings:
    """The settings with a `shift` chosen by the training frames, if none is set; suggests `flip`."""
    if settings.shift is not None and settings.flip:
        return settings
    statistics = FrameStatistics(dataset)
    if not settings.flip and looks_mirrored(statistics, dataset, keys):
        job.note(
            "The recordings look alike in a mirror and both directions are held about as long: "
            "if the game is symmetric, --flip doubles the data."
        )
    if settings.shift is not None:
        return settings
    size, share = dataset.clips[0].frames.shape[1], round(100 * statistics.varying_share)
    if not statistics.camera_moves:
        job.note(
            f"Frames are not shifted (--shift 0): only {share} % of the picture changes, so positions in it "
            "determine the keys."
        )
        return replace(settings, shift=0)
    shift = round(SHIFT_SHARE * size)
    job.note(
        f"Frames are shifted by up to {shift} pixels (--shift): {share} % of the picture changes, as with a "
        "moving camera."
    )
    return replace(settings, shift=shift)


class CheckpointWriter:
    """Writes the best and the last checkpoint of a run."""

    def __init__(
        self,
        folder: Path,
        meta: RecordingMeta,
        settings: TrainSettings,
        dataset: Dataset,
        view: View | None = None,
    ) -> None:
        self._folder, self._meta, self._settings, self._view = folder, meta, settings, view
        self._data = {
            "takes": [clip.name for clip in dataset.clips],
            "validation": [[r.clip, r.start, r.stop] for r in dataset.validation],
            "step": dataset.step,
        }
        self._saved = time.monotonic()
        self._report: ValidationReport | None = None

    def on_validation(self, trainer: Trainer, report: ValidationReport, is_best: bool) -> None:
        """Write `best.pt` if this validation is the best so far."""
        self._report = report
        if is_best:
            save_checkpoint(self._folder / BEST, self._checkpoint(trainer, with_state=False))

    def on_epoch(self, trainer: Trainer, ended: bool) -> None:
        """Write `last.pt`, at most every `SAVE_SECONDS` and at the end."""
        now = time.monotonic()
        if ended or now - self._saved > SAVE_SECONDS:
            save_checkpoint(self._folder / LAST, self._checkpoint(trainer, with_state=True))
            self._saved = now

    def _checkpoint(self, trainer: Trainer, with_state: bool) -> Checkpoint:
        report, meta = self._report, self._meta
        return Checkpoint(
            spec=trainer.network.spec,
            game=meta.game,
            keys=meta.keys,
            fps=meta.fps,
            lead=self._settings.lead,
            thresholds=report.thresholds if report else (0.5,) * len(meta.keys),
            weights=trainer.policy.state_dict(),
            validation=report.figures() if report else {},
            settings=to_plain(self._settings),
            training=trainer.state_dict() if with_state else {},
            data=self._data,
            view=self._view,
            game_delay_ms=meta.game_delay_ms,
        )


def _report_best(result: FitResult, folder: Path, job: Job) -> TrainResult:
    """Emit the validation figures of the best checkpoint."""
    best = folder / BEST if (folder / BEST).is_file() else folder / LAST
    figures = load_checkpoint(best).validation
    if figures:
        report = ValidationReport.of(figures)
        job.emit(report.table())
        job.emit(Note(text=report.verdict, level="info" if report.result.beats_baselines else "warning"))
    state = result.state
    return TrainResult(
        best, folder / LAST, figures, result.why, state.epoch, state.positions, round(state.seconds, 1)
    )
