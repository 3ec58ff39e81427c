"""Settings: definition, validation, loading and editing."""

from agp_tui.config.atari import Algorithm, AtariSettings
from agp_tui.config.settings import (
    Config,
    DemoSettings,
    Folders,
    GameSettings,
    Output,
    PlaySettings,
    PreviewSettings,
    RecordSettings,
    TerminalSettings,
    UiSettings,
)
from agp_tui.config.training import ExportSettings, PracticeSettings, TrainSettings
from agp_tui.config.validation import check, check_flag, convert, to_plain

__all__ = [
    "Algorithm",
    "AtariSettings",
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
    "TerminalSettings",
    "TrainSettings",
    "UiSettings",
    "check",
    "check_flag",
    "convert",
    "to_plain",
]
