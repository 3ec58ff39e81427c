"""Settings as flags: annotated types that the commands share."""

import dataclasses
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from cyclopts import Parameter

from agp_tui.config import (
    AtariSettings,
    Config,
    DemoSettings,
    ExportSettings,
    GameSettings,
    Output,
    PlaySettings,
    PracticeSettings,
    RecordSettings,
    TerminalSettings,
    TrainSettings,
)
from agp_tui.config.types import Flag, Point, Region
from agp_tui.config.validation import bounds_text

T = TypeVar("T")


def annotate_flags(kind: type[T]) -> type[T]:
    """Annotate the fields of a settings class for cyclopts.

    The help of a flag shows its bounds after its default: `[default: 30 (1 to 60)]`.
    """
    for name, hint in get_type_hints(kind, include_extras=True).items():
        parts = _parameter(_flag(hint)), _bounded(bounds_text(hint, choices=False))
        if found := [part for part in parts if part is not None]:
            kind.__annotations__[name] = Annotated[hint, *found]
    return kind


def _flag(hint: Any) -> Flag | None:
    """The `Flag` annotation of a type, also inside a union with None."""
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, map(_flag, get_args(hint))), None)
    found = getattr(hint, "__metadata__", ())
    return next((part for part in found if isinstance(part, Flag)), None)


def _bounded(bounds: str) -> Parameter | None:
    """A help parameter that appends the bounds; the default is formatted only when help is shown."""
    if not bounds:
        return None
    return Parameter(show_default=lambda default: f"{'not set' if default is None else default} ({bounds})")


def _parameter(flag: Flag | None) -> Parameter | None:
    if flag is None:
        return None
    if flag.commas is None:
        return Parameter(negative=())
    converter = _numbers if flag.commas == "numbers" else _words
    return Parameter(n_tokens=1, converter=converter, negative=(), metavar=flag.metavar)


def _numbers(_type: Any, tokens: Any) -> tuple[int, ...]:
    text = tokens[0].value
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise ValueError(f"Expected comma-separated integers, such as 640,360, found {text!r}.") from None


def _words(_type: Any, tokens: Any) -> tuple[str, ...]:
    return tuple(part for token in tokens for part in token.value.split(",") if part)


annotate_flags(Output)
for _item in dataclasses.fields(Config):
    if _item.name != "games":
        annotate_flags(type(getattr(Config(), _item.name)))

_flat = Parameter(name="*")

Game = Annotated[
    str, Parameter(help="A profile [games.NAME] of config.toml, any new name, or an Atari id (ALE/Pong-v5).")
]
Model = Annotated[str, Parameter(help="A model's name, its folder, or any .tflite file.")]
GameFlags = Annotated[GameSettings, _flat]
RecordFlags = Annotated[RecordSettings, _flat]
TerminalFlags = Annotated[TerminalSettings, _flat]
TrainFlags = Annotated[TrainSettings, _flat]
ExportFlags = Annotated[ExportSettings, _flat]
PlayFlags = Annotated[PlaySettings, _flat]
AtariFlags = Annotated[AtariSettings, _flat]
PracticeFlags = Annotated[PracticeSettings, _flat]
DemoFlags = Annotated[DemoSettings, _flat]
OutputFlags = Annotated[Output, _flat]
PointFlag = Annotated[Point, _parameter(Flag("numbers", "X,Y"))]
RegionFlag = Annotated[Region, _parameter(Flag("numbers", "X,Y,W,H"))]
