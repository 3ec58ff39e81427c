"""Requests of the long jobs, as stored in `run.json`; field names are a format on disk. Imports no job."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agp_tui.config import (
    AtariSettings,
    DemoSettings,
    PracticeSettings,
    PreviewSettings,
    TrainSettings,
    to_plain,
)


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """A request of `agp train`."""

    game: str
    settings: TrainSettings
    recordings: tuple[Path, ...]
    frame_size: int
    models: Path = Path("models")
    """Folder for the exported model."""
    start: Path | None = None
    """Checkpoint to start from."""
    corrections: tuple[Path, ...] = ()
    """Recordings of corrections to the model of `start`."""


CURVE_EPOCHS = 12
"""Default length of the trainings of a learning curve, in passes over all recordings."""


@dataclass(frozen=True, kw_only=True)
class DiagnosisRequest:
    """A request of `agp models diagnose`."""

    model: Path
    checkpoint: Path
    game: str
    learning_curve: bool
    epochs: int
    """Of each training of the learning curve."""


@dataclass(frozen=True, kw_only=True)
class PracticeRequest:
    """A request of `agp practice`."""

    model: str
    checkpoint: Path
    game: str
    settings: PracticeSettings
    recordings: Path
    models: Path
    teacher: Path | None = None
    """An agent's checkpoint; None is the scripted expert."""


@dataclass(frozen=True, kw_only=True)
class DemoRequest:
    """A request of `agp demo`."""

    settings: DemoSettings
    recordings: Path
    models: Path


@dataclass(frozen=True, kw_only=True)
class AtariTrainingRequest:
    """A request of `agp atari train`; agents named in its settings are resolved to paths."""

    settings: AtariSettings
    preview: PreviewSettings
    models: Path
    recordings: tuple[Path, ...] = ()
    """Demonstrations to pretrain on."""


def as_request(request: Any) -> dict[str, Any]:
    """A request as plain data, as it is stored in `run.json`."""
    return dict(to_plain(request))
