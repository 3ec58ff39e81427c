"""Diagnosis of a trained model: rare situations in its recordings, and its learning curve."""

from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.dataset import Dataset, open_clips_for
from agp_tui.imitation.learning_curve import learning_curve
from agp_tui.imitation.rare_situations import report_rare_situations
from agp_tui.imitation.train_validation_split import own_dataset
from agp_tui.protocol.results import LearningCurveResult, RareSituation

PICTURES = "situations"
"""Folder of the pictures in that of the run."""


def find_rare_situations_of(checkpoint: Path, pictures: Path, job: Job) -> tuple[RareSituation, ...]:
    """The rare situations in the recordings of a model, with a picture of each in the folder `pictures`.

    Raises `RecordingError` if the recordings are gone, `JobStopped`.
    """
    source = load_checkpoint(checkpoint)
    return report_rare_situations(source, _dataset_of(source, job), pictures, job)


def train_learning_curve_of(checkpoint: Path, epochs: int, job: Job) -> LearningCurveResult:
    """The learning curve of a model on its recordings, of trainings of `epochs`.

    Raises `RecordingError` if the recordings are gone or too short, `JobStopped`.
    """
    source = load_checkpoint(checkpoint)
    return learning_curve(source, _dataset_of(source, job), epochs, job)


def _dataset_of(source: Checkpoint, job: Job) -> Dataset:
    """The training and validation data of a model. Raises `RecordingError` if its recordings are gone."""
    dataset = own_dataset(
        source,
        lambda paths: open_clips_for(source, paths),
        warn=lambda text: job.note(text, level="warning"),
    )
    if not dataset.train:
        raise RecordingError(
            f"Expected recordings that the model of {source.game} was trained on, found none.",
            f"Train a model on those that are there: agp train --game {source.game}",
        )
    return dataset
