"""The training job: recordings of a game become a model that plays."""

import re
from dataclasses import asdict, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from agp_tui.config import ExportSettings, PlaySettings, TrainSettings, convert
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError, MissingPart, ModelError, RecordingError, SettingError
from agp_tui.games.ids import is_atari
from agp_tui.models.manifest import Manifest, find_model, read_manifest, write_manifest
from agp_tui.protocol.events import Finished
from agp_tui.protocol.requests import CURVE_EPOCHS, TrainingRequest
from agp_tui.protocol.results import ComparisonResult, DiagnosisResult, TrainingResult
from agp_tui.recording.meta import game_slug, read_meta
from agp_tui.recording.store import find_recordings

if TYPE_CHECKING:
    from agp_tui.imitation.model_comparison import ModelComparison
    from agp_tui.models.inference_latency import LatencyReport

ATARI_FRAME_SIZE = 128
"""Default side of the frames of a model for an Atari game, whose screen is 210 by 160 pixels."""
MAX_FRAME_SIZE = 256
"""Largest default side for other games."""
EXPORT_STAGE, DIAGNOSIS_STAGE = 4, 5


def prepare_training(
    game: str | None, settings: TrainSettings, recordings: Path, models: Path
) -> TrainingRequest:
    """Resolve game, recordings, frame size and start model. The game defaults to that of `from_model`.

    Raises `SettingError`, `ModelError`, and `RecordingError` if there are no recordings.
    """
    if settings.from_model is None:
        if settings.corrections:
            raise SettingError(
                "Expected the model that received the corrections, found none named.",
                "Name it with --from-model.",
                setting="from_model",
            )
        if game is None:
            raise SettingError("Expected a game to train on, found none.", "Name it with --game.")
        paths = select_recordings(game, settings.recordings, recordings)
        return TrainingRequest(
            game=game,
            settings=settings,
            recordings=tuple(paths),
            frame_size=settings.frame_size or _default_frame_size(game, paths[0]),
            models=models,
        )
    folder, manifest = trainable_model(models, settings.from_model)
    game = game or manifest.game
    paths, corrections = [], []
    if settings.corrections:
        corrections = _select_corrections(game, manifest, settings, recordings)
        if settings.name is None:
            settings = replace(settings, name=_unused_name(models, folder.name))
    else:
        paths = select_recordings(game, settings.recordings, recordings)
    return TrainingRequest(
        game=game,
        settings=settings,
        recordings=tuple(paths),
        frame_size=manifest.frame_size,
        models=models,
        start=folder / (manifest.checkpoint or ""),
        corrections=tuple(corrections),
    )


def trainable_model(models: Path, name: str) -> tuple[Path, Manifest]:
    """Folder and manifest of a model that has a checkpoint. Raises `ModelError`."""
    folder = find_model(models, name)
    if not folder.is_dir():
        raise ModelError(
            f"Expected a model that can go on learning, found {folder.name}, which has no checkpoint.",
            "Models made by agp train have one.",
        )
    manifest = read_manifest(folder)
    if manifest.checkpoint is None or not (folder / manifest.checkpoint).is_file():
        raise ModelError(
            f"Expected a checkpoint beside the model {folder.name}, found none.",
            "Models exported by agp train have one; train without --from-model otherwise.",
        )
    return folder, manifest


def _select_corrections(game: str, manifest: Manifest, settings: TrainSettings, root: Path) -> list[Path]:
    """The corrections of a game, or the named ones. Raises `RecordingError` if none matches the model."""
    try:
        paths = select_recordings(game, settings.recordings, root)
    except RecordingError:
        paths = []
    metas = {path: read_meta(path) for path in paths}
    corrections = [path for path, meta in metas.items() if meta.source != meta.labels]
    if not corrections:
        raise RecordingError(
            f"Expected corrections of {game}, found none: no takeover from a model, no practice.",
            f"Touch one of the game's keys while it plays: agp play {manifest.name}",
        )
    for path in corrections:
        keys, fps = metas[path].keys, metas[path].fps
        if set(keys) != set(manifest.keys) or fps != manifest.fps:
            raise RecordingError(
                f"Expected corrections with the keys {', '.join(manifest.keys)} at {manifest.fps} frames a "
                f"second, found {', '.join(keys)} at {fps} in {path}.",
                "Name those that fit with --recordings, or train a new model.",
            )
    return corrections


def _unused_name(models: Path, name: str) -> str:
    """A name for the corrected model, which does not replace the original."""
    base = re.sub(r"-corrected(-\d+)?$", "", name)
    names = chain([f"{base}-corrected"], (f"{base}-corrected-{number}" for number in count(2)))
    return next(one for one in names if not (models / one).exists())


def select_recordings(game: str, names: tuple[str, ...], root: Path) -> list[Path]:
    """The named recordings, or all of the game except those that others were cut or joined from.

    Raises `RecordingError` if there is none.
    """
    from agp_tui.recording.library import resolve_recording, without_sources

    if names:
        return [resolve_recording(root, name) for name in names]
    paths = find_recordings(root, game)
    if not paths:
        known = sorted({path.parent.name for path in find_recordings(root)})
        found = f"only those of {', '.join(known)}" if known else "none of any game"
        raise RecordingError(
            f"Expected recordings of {game} in {root}, found {found}.", f"Make one: agp record --game {game}"
        )
    return without_sources(paths)[0]


def sources_left_out(game: str | None, names: tuple[str, ...], root: Path) -> list[str]:
    """A sentence for each recording that is left out because another one was cut or joined from it."""
    from agp_tui.recording.library import without_sources

    if game is None or names:
        return []
    return [
        f"{path.parent.name}/{path.name} is left out: {made.name} was made from it. "
        "Name the recordings with --recordings to choose others."
        for path, made in without_sources(find_recordings(root, game))[1].items()
    ]


def _default_frame_size(game: str, recording: Path) -> int:
    height, width = read_meta(recording).frame_size
    return ATARI_FRAME_SIZE if is_atari(game) else min(height, width, MAX_FRAME_SIZE)


def run_train(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Train, export and measure the model; without the converter the result is the checkpoint.

    The result's `report` has `why` (reason for the end: epochs, minutes, patience, stopped), `epochs`, and
    - `validation`, metrics on the held-out frames (`ValidationReport.figures`): `positions`, `changes`,
      `loss`, `verdict`; `model`, `repeat` and `majority`, each with `f1` and `change_f1`; and `keys`, each
      with `key`, `base_rate`, `precision`, `recall`, `f1`, `threshold`, and the two baselines' `repeat_f1`
      and `majority_f1`. Empty if nothing was held out.
    - `preflight`, if a model was exported (`LatencyReport.report`): `latency_ms`, `stages_ms`,
      `budget_ms`, `fps`, `fps_max`, `fits`, `decisions`, `margin`.
    - `compared`, after training on corrections (`ModelComparison`): `by` play or agreement, figures `before`
      and `after`, and whether it `improved`.
    - `rare_situations` and, if requested, `learning_curve`, as of `agp models diagnose` (`DiagnosisResult`).
    """
    from agp_tui.imitation.checkpoint import load_checkpoint
    from agp_tui.imitation.export import export
    from agp_tui.imitation.train import stage_count, train
    from agp_tui.imitation.train_validation_split import not_yet_trained_on

    training = convert(request, TrainingRequest)
    if training.corrections and training.start is not None:
        new = not_yet_trained_on(load_checkpoint(training.start), training.corrections)
        training = replace(training, corrections=new)
    result = train(training, job, run, measure_threads=True)
    model: Path | None = None
    if result.why != "stopped":
        name = game_slug(training.settings.name or training.game)
        try:
            job.stage("export and measure the model", EXPORT_STAGE, stage_count(training.settings))
            model = export(result.best, ExportSettings(), training.models, job.subjob(), name)
        except MissingPart as error:
            job.note(f"The model was not exported. {error}", level="warning")
    else:
        job.note(f"Stopped; it goes on with: agp train --game {training.game} --resume {run.id}")
    latency = _measure_latency(model, job) if model else None
    compared = _compare(training, result.best, model, job) if not job.stopping else None
    diagnosis = _diagnose(training, result.best, run, job) if result.why != "stopped" else DiagnosisResult()
    return Finished(
        job="train",
        run=run.id,
        model=str(model) if model else None,
        checkpoint=str(result.best),
        frames=result.frames,
        seconds=result.seconds,
        steps=result.frames,
        steps_per_second=round(result.frames / result.seconds, 1) if result.seconds else None,
        metrics=_metrics(result.report),
        latency_ms=latency.latency_ms if latency else None,
        report=TrainingResult(
            why=result.why,
            epochs=result.epochs,
            validation=result.report,
            preflight=latency.report() if latency else None,
            compared=ComparisonResult(**asdict(compared)) if compared else UNSET,
            rare_situations=diagnosis.rare_situations,
            learning_curve=diagnosis.learning_curve,
        ),
    )


def _compare(
    training: TrainingRequest, after: Path, model: Path | None, job: Job
) -> "ModelComparison | None":
    """Compare with the model that was corrected; the manifest of one that is not better says so."""
    from agp_tui.imitation.model_comparison import compare_by_agreement, compare_by_play

    if not training.corrections or training.start is None:
        return None
    job.note("Comparing the model before and after.")
    if is_atari(training.game):
        found = compare_by_play(training.start, after, training.settings.compare_games, job.subjob())
    else:
        found = compare_by_agreement(training.start, after, training.corrections, job)
    before, name = training.start.parent.name, model.name if model else "The new one"
    if found is None:
        job.note(f"Too few corrections to compare {before} and {name}; both are there.", level="warning")
        return None
    job.emit(found.table())
    if found.improved:
        job.note(f"{name} is better than {before}: agp play {name}")
        return found
    job.note(f"{name} is no better than {before}, which stays the one to play.", level="warning")
    if model is not None:
        write_manifest(model, msgspec.structs.replace(read_manifest(model), no_better_than=before))
    return found


def _diagnose(training: TrainingRequest, checkpoint: Path, run: Run, job: Job) -> DiagnosisResult:
    """Diagnose the new model; a failure or a stop does not fail the training."""
    from agp_tui.imitation.diagnosis import PICTURES, find_rare_situations_of, train_learning_curve_of
    from agp_tui.imitation.train import stage_count

    stages, found = stage_count(training.settings), DiagnosisResult()
    try:
        job.stage("find rare situations", DIAGNOSIS_STAGE, stages)
        situations = find_rare_situations_of(checkpoint, run.path / PICTURES, job)
        found = DiagnosisResult(rare_situations=situations)
        if training.settings.learning_curve:
            job.stage("learning curve", stages, stages)
            curve = train_learning_curve_of(checkpoint, CURVE_EPOCHS, job)
            found = msgspec.structs.replace(found, learning_curve=curve)
    except AgpError as error:
        job.note(f"The diagnosis of the recordings is not complete. {error}", level="warning")
    return found


def _measure_latency(model: Path, job: Job) -> "LatencyReport | None":
    """Measure the new model's latency on this machine; a failure does not fail the training."""
    from agp_tui.models.inference_latency import measure_model
    from agp_tui.models.loading import StoredModel

    try:
        measured = measure_model(StoredModel(model), PlaySettings(), job)
    except AgpError as error:
        job.note(f"The model was not measured. {error}", level="warning")
        return None
    job.emit(measured.table(model.name))
    return measured


def _metrics(report: dict[str, Any]) -> dict[str, float] | None:
    if not report:
        return None
    return {
        "f1": report["model"]["f1"],
        "change_f1": report["model"]["change_f1"],
        "repeat_f1": report["repeat"]["f1"],
        "majority_f1": report["majority"]["f1"],
    }
