"""The job `agp models diagnose`: rare situations in a model's recordings, and its learning curve."""

from pathlib import Path
from typing import Any

import msgspec

from agp_tui.config import convert
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.jobs.train import trainable_model
from agp_tui.protocol.events import Finished
from agp_tui.protocol.requests import DiagnosisRequest
from agp_tui.protocol.results import DiagnosisResult


def prepare_diagnosis(models: Path, name: str, learning_curve: bool, epochs: int) -> DiagnosisRequest:
    """Resolve the model. Raises `ModelError` for one without checkpoint."""
    folder, manifest = trainable_model(models, name)
    return DiagnosisRequest(
        model=folder,
        checkpoint=folder / (manifest.checkpoint or ""),
        game=manifest.game,
        learning_curve=learning_curve,
        epochs=epochs,
    )


def run_diagnose(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Find the rare situations of a model and, if requested, train its learning curve.

    The report is a `DiagnosisResult`. Raises `RecordingError` if the recordings of the model are gone or too
    short, `JobStopped`.
    """
    from agp_tui.imitation.diagnosis import PICTURES, find_rare_situations_of, train_learning_curve_of

    wanted = convert(request, DiagnosisRequest)
    stages = 2 if wanted.learning_curve else 1
    job.stage("find rare situations", 1, stages)
    found = DiagnosisResult(
        rare_situations=find_rare_situations_of(wanted.checkpoint, run.path / PICTURES, job)
    )
    if wanted.learning_curve:
        job.stage("learning curve", 2, stages)
        curve = train_learning_curve_of(wanted.checkpoint, wanted.epochs, job)
        found = msgspec.structs.replace(found, learning_curve=curve)
    return Finished(job="diagnose", run=run.id, model=str(wanted.model), report=found)
