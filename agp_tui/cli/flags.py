"""How settings become flags: the types that every command shares."""

from typing import Annotated

from cyclopts import Parameter

from agp_tui.config import (
    DemoSettings,
    ExportSettings,
    GameSettings,
    Output,
    PlaySettings,
    PracticeSettings,
    RecordSettings,
    TrainSettings,
)

_flat = Parameter(name="*")

Game = Annotated[
    str, Parameter(help="A profile [games.NAME] of config.toml, any new name, or an Atari id (ALE/Pong-v5).")
]
Model = Annotated[str, Parameter(help="A model's name, its folder, or any .tflite file.")]
GameFlags = Annotated[GameSettings, _flat]
RecordFlags = Annotated[RecordSettings, _flat]
TrainFlags = Annotated[TrainSettings, _flat]
ExportFlags = Annotated[ExportSettings, _flat]
PlayFlags = Annotated[PlaySettings, _flat]
PracticeFlags = Annotated[PracticeSettings, _flat]
DemoFlags = Annotated[DemoSettings, _flat]
OutputFlags = Annotated[Output, _flat]
