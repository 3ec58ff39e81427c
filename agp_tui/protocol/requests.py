"""What long jobs are asked for, as it stands in a run's folder. Quick to import: no job comes with it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agp_tui.config import (
    AtariSettings,
    DemoSettings,
    PracticeSettings,
    PreviewSettings,
    TrainSettings,
)


@dataclass(frozen=True, kw_only=True)
class TrainingAsked:
    """What `agp train` asks for, as it stands in the run's folder."""

    game: str
    settings: TrainSettings
    recordings: tuple[Path, ...]
    frame_size: int
    models: Path
    start: Path | None = None
    corrections: tuple[Path, ...] = ()
    """What the model of `start` was shown."""


@dataclass(frozen=True, kw_only=True)
class PracticeAsked:
    """What `agp practice` asks for."""

    model: str
    checkpoint: Path
    game: str
    settings: PracticeSettings
    recordings: Path
    models: Path
    teacher: Path | None = None
    """An agent's checkpoint; None is the scripted expert."""


@dataclass(frozen=True, kw_only=True)
class DemoAsked:
    """What `agp demo` asks for."""

    settings: DemoSettings
    recordings: Path
    models: Path


@dataclass(frozen=True, kw_only=True)
class AtariAsked:
    """What `agp atari train` asks for; the agents that it names are paths by now."""

    settings: AtariSettings
    preview: PreviewSettings
    models: Path
    recordings: tuple[Path, ...] = ()
    """What it learns from before it plays."""


def as_request(asked: Any) -> dict[str, Any]:
    """A request as plain data for a run's folder."""
    return dict(_plain(asdict(asked)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
