"""The training job: recordings of a game become a model that plays."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agp_tui.config import ExportSettings, PlaySettings, TrainSettings, convert
from agp_tui.engine.events import Finished
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError, MissingPart, ModelError, RecordingError
from agp_tui.games.names import is_atari
from agp_tui.jobs.requests import TrainingAsked
from agp_tui.recording.meta import game_slug
from agp_tui.recording.store import Recording, find_recordings

if TYPE_CHECKING:
    from agp_tui.autoplay.preflight import Preflight

ATARI_FRAME_SIZE = 128
"""Side of the pictures that a model of an Atari game sees; the console's are 210 by 160."""


def ask_training(game: str, settings: TrainSettings, recordings: Path, models: Path) -> TrainingAsked:
    """Find the recordings and settle the frame size. Raises `RecordingError` where there are none."""
    paths = chosen_recordings(game, settings.recordings, recordings)
    start = None
    if settings.from_model is not None:
        from agp_tui.autoplay.manifest import find_model, read_manifest

        folder = find_model(models, settings.from_model)
        manifest = read_manifest(folder)
        if manifest.checkpoint is None or not (folder / manifest.checkpoint).is_file():
            raise ModelError(
                f"Expected a checkpoint beside the model {folder.name}, found none.",
                "Models exported by agp train have one; train without --from-model otherwise.",
            )
        start = folder / manifest.checkpoint
        size = manifest.frame_size
    else:
        size = settings.frame_size or _frame_size(game, paths[0])
    return TrainingAsked(
        game=game, settings=settings, recordings=tuple(paths), frame_size=size, models=models, start=start
    )


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
    - `preflight`, where a model was exported (`Preflight.report`): `latency_ms`, `stages_ms`,
      `budget_ms`, `fps`, `fps_max`, `fits`, `decisions`, `margin`.
    """
    from agp_tui.imitation.export import export
    from agp_tui.imitation.train import STAGES, TrainRequest, train

    asked = convert(request, TrainingAsked)
    training = TrainRequest.of(
        asked.recordings, asked.settings, frame_size=asked.frame_size, start=asked.start
    )
    trained = train(training, job, run, measure_threads=True)
    model: Path | None = None
    if trained.why != "stopped":
        name = game_slug(asked.settings.name or asked.game)
        try:
            job.stage("export and measure the model", STAGES, STAGES)
            model = export(trained.best, ExportSettings(), asked.models, job.part(), name)
        except MissingPart as error:
            job.note(f"The model was not exported. {error}", level="warning")
    else:
        job.note(f"Stopped; it goes on with: agp train --game {asked.game} --resume {run.id}")
    preflight = _measure(model, job) if model else None
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
        },
    )


def _measure(model: Path, job: Job) -> "Preflight | None":
    """How fast the new model decides here; that it cannot be told does not spoil the training."""
    from agp_tui.autoplay.preflight import measure_model

    try:
        measured = measure_model(model, PlaySettings(), job)
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
