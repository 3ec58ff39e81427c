"""The training job: recordings of a game become a model that plays."""

import re
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agp_tui.config import ExportSettings, PlaySettings, TrainSettings, convert
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError, MissingPart, ModelError, RecordingError, SettingError
from agp_tui.games.ids import is_atari
from agp_tui.models.manifest import Manifest, find_model, read_manifest, write_manifest
from agp_tui.protocol.events import Finished
from agp_tui.protocol.requests import TrainingRequest
from agp_tui.recording.meta import game_slug, read_meta
from agp_tui.recording.store import Recording, find_recordings

if TYPE_CHECKING:
    from agp_tui.imitation.model_comparison import Compared
    from agp_tui.models.inference_latency import LatencyReport

ATARI_FRAME_SIZE = 128
"""Side of the pictures that a model of an Atari game sees; the console's are 210 by 160."""


def ask_training(
    game: str | None, settings: TrainSettings, recordings: Path, models: Path
) -> TrainingRequest:
    """Find the recordings and settle the frame size; a model that is gone on with has a game of its own.

    Raises `SettingError`, `ModelError`, and `RecordingError` where there is nothing to learn from.
    """
    if settings.from_model is None:
        if settings.corrections:
            raise SettingError(
                "Expected a model that was shown the corrections, found none named.",
                "Name it with --from-model.",
            )
        if game is None:
            raise SettingError("Expected a game to train on, found none.", "Name it with --game.")
        paths = chosen_recordings(game, settings.recordings, recordings)
        size = settings.frame_size or _frame_size(game, paths[0])
        return TrainingRequest(
            game=game, settings=settings, recordings=tuple(paths), frame_size=size, models=models
        )
    folder, manifest = trainable_model(models, settings.from_model)
    game = game or manifest.game
    paths = [] if settings.corrections else chosen_recordings(game, settings.recordings, recordings)
    shown = _shown(game, manifest, settings, recordings) if settings.corrections else []
    if settings.corrections and settings.name is None:
        settings = replace(settings, name=_free_name(models, folder.name))
    return TrainingRequest(
        game=game,
        settings=settings,
        recordings=tuple(paths),
        frame_size=manifest.frame_size,
        models=models,
        start=folder / (manifest.checkpoint or ""),
        corrections=tuple(shown),
    )


def trainable_model(models: Path, name: str) -> tuple[Path, Manifest]:
    """The folder and manifest of a model that has a checkpoint to go on from. Raises `ModelError`."""
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


def _shown(game: str, manifest: Manifest, settings: TrainSettings, root: Path) -> list[Path]:
    """The corrections of a game, or those named. Raises `RecordingError` where none fits the model."""
    try:
        paths = chosen_recordings(game, settings.recordings, root)
    except RecordingError:
        paths = []
    metas = {path: read_meta(path) for path in paths}
    found = [path for path, meta in metas.items() if meta.source != meta.labels]
    if not found:
        raise RecordingError(
            f"Expected corrections of {game}, found none: nobody took over from a model, or taught one.",
            f"Touch one of the game's keys while it plays: agp play {manifest.name}",
        )
    for path in found:
        keys, fps = metas[path].keys, metas[path].fps
        if set(keys) != set(manifest.keys) or fps != manifest.fps:
            raise RecordingError(
                f"Expected corrections with the keys {', '.join(manifest.keys)} at {manifest.fps} frames a "
                f"second, found {', '.join(keys)} at {fps} in {path}.",
                "Name those that fit with --recordings, or train a new model.",
            )
    return found


def _free_name(models: Path, name: str) -> str:
    """A name for what comes of a model: itself must stay."""
    base = re.sub(r"-corrected(-\d+)?$", "", name)
    names = chain([f"{base}-corrected"], (f"{base}-corrected-{number}" for number in count(2)))
    return next(one for one in names if not (models / one).exists())


def chosen_recordings(game: str, names: tuple[str, ...], root: Path) -> list[Path]:
    """The recordings that are named, or all of the game. Raises `RecordingError` where there is none."""
    if names:
        from agp_tui.recording.library import resolve_recording

        return [resolve_recording(root, name) for name in names]
    paths = find_recordings(root, game)
    if not paths:
        known = sorted({path.parent.name for path in find_recordings(root)})
        found = f"only those of {', '.join(known)}" if known else "none of any game"
        raise RecordingError(
            f"Expected recordings of {game} in {root}, found {found}.", f"Make one: agp record --game {game}"
        )
    return paths


def _frame_size(game: str, recording: Path) -> int:
    height, width = Recording.open(recording).meta.frame_size
    return ATARI_FRAME_SIZE if is_atari(game) else min(height, width, 256)


def run_train(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Train, export and measure the model; without the converter the checkpoint is the result.

    The result's `report` has `why` it ended (epochs, minutes, patience, stopped), `epochs`, and
    - `validation`, figures on the held-out frames (`Report.figures`): `positions`, `changes`, `loss`,
      `verdict`; `model`, `repeat` and `majority`, each with `f1` and `change_f1`; and `keys`, each with
      `key`, `base_rate`, `precision`, `recall`, `f1`, `threshold`, and the two baselines' `repeat_f1`
      and `majority_f1`. Empty where nothing was held out.
    - `preflight`, where a model was exported (`LatencyReport.report`): `latency_ms`, `stages_ms`,
      `budget_ms`, `fps`, `fps_max`, `fits`, `decisions`, `margin`.
    - `compared`, after corrections (`Compared.report`): `by` play or agreement, figures `before` and
      `after`, and whether it `improved`.
    """
    from agp_tui.imitation.checkpoint import load_checkpoint
    from agp_tui.imitation.correction_data import unlearned
    from agp_tui.imitation.export import export
    from agp_tui.imitation.train import STAGES, TrainRequest, train

    asked = convert(request, TrainingRequest)
    if asked.corrections and asked.start is not None:
        asked = replace(asked, corrections=unlearned(load_checkpoint(asked.start), asked.corrections))
    training = TrainRequest.of(
        asked.corrections or asked.recordings, asked.settings, frame_size=asked.frame_size, start=asked.start
    )
    if asked.corrections:
        training = replace(
            training, recordings=(), corrections=training.recordings, hold_out=not is_atari(asked.game)
        )
    trained = train(training, job, run, measure_threads=True)
    model: Path | None = None
    if trained.why != "stopped":
        name = game_slug(asked.settings.name or asked.game)
        try:
            job.stage("export and measure the model", STAGES, STAGES)
            model = export(trained.best, ExportSettings(), asked.models, job.subjob(), name)
        except MissingPart as error:
            job.note(f"The model was not exported. {error}", level="warning")
    else:
        job.note(f"Stopped; it goes on with: agp train --game {asked.game} --resume {run.id}")
    preflight = _measure(model, job) if model else None
    compared = _compared(asked, trained.best, model, job) if asked.corrections and not job.stopping else None
    return Finished(
        job="train",
        run=run.id,
        model=str(model) if model else None,
        checkpoint=str(trained.best),
        frames=trained.frames,
        seconds=trained.seconds,
        steps=trained.frames,
        steps_per_second=round(trained.frames / trained.seconds, 1) if trained.seconds else None,
        metrics=_metrics(trained.report),
        latency_ms=preflight.latency_ms if preflight else None,
        report={
            "why": trained.why,
            "epochs": trained.epochs,
            "validation": trained.report,
            "preflight": preflight.report() if preflight else None,
            **({"compared": compared.report()} if compared else {}),
        },
    )


def _compared(asked: TrainingRequest, after: Path, model: Path | None, job: Job) -> "Compared | None":
    """Whether it is better now; a model that is worse than the one before says so from then on."""
    from agp_tui.imitation.model_comparison import by_agreement, by_play

    assert asked.start is not None
    job.note("Comparing the model before and after.")
    if is_atari(asked.game):
        found = by_play(asked.start, after, asked.settings.compare_games, job.subjob())
    else:
        found = by_agreement(asked.start, after, asked.corrections, job)
    before, name = asked.start.parent.name, model.name if model else "The new one"
    if found is None:
        job.note(f"Too little was shown to compare {before} and {name}; both are there.", level="warning")
        return None
    job.emit(found.table())
    if found.improved:
        job.note(f"{name} is better than {before}: agp play {name}")
        return found
    job.note(f"{name} is no better than {before}, which stays the one to play.", level="warning")
    if model is not None:
        write_manifest(model, msgspec.structs.replace(read_manifest(model), no_better_than=before))
    return found


def _measure(model: Path, job: Job) -> "LatencyReport | None":
    """How fast the new model decides here; that it cannot be told does not spoil the training."""
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
