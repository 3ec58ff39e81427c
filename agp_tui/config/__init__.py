"""Every setting, and how its value comes about."""

from agp_tui.config.checking import check, convert
from agp_tui.config.settings import (
    Config,
    DemoSettings,
    ExportSettings,
    Folders,
    GameSettings,
    Output,
    PlaySettings,
    PracticeSettings,
    PreviewSettings,
    RecordSettings,
    TrainSettings,
    UiSettings,
)

__all__ = [
    "Config",
    "DemoSettings",
    "ExportSettings",
    "Folders",
    "GameSettings",
    "Output",
    "PlaySettings",
    "PracticeSettings",
    "PreviewSettings",
    "RecordSettings",
    "TrainSettings",
    "UiSettings",
    "check",
    "convert",
]
