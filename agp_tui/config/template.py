"""The text of a `config.toml` with the help and default of every setting.

Generated from the settings classes, so the file in the repository is always complete.
"""

import contextlib
import dataclasses
import textwrap
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docstring_parser import parse_from_object
from msgspec import Meta

from agp_tui.config import Config, GameSettings, convert
from agp_tui.config.validation import bounds_text
from agp_tui.errors import SettingError

HEADER = """\
# Settings of agp-tui with their defaults; remove the leading "# " to change one.
# Precedence: flag (--fps 60), environment variable (AGP_GAME_FPS=60), this file.
# `agp config check` validates the file, `agp config show` lists the settings in effect.
"""

EXAMPLE = """\
# A profile for your own game, used by `agp record --game rally` and `agp play MODEL --game rally`.
# [games.rally]
# center = [640, 360]
# size = 512
# keys = ["up", "left", "right", "down", "space"]
# fps = 30
"""


def config_text() -> str:
    """All sections and keys, with the values commented out."""
    parts = [HEADER]
    for section in dataclasses.fields(Config):
        if section.name == "games":
            parts.append(EXAMPLE)
            continue
        kind = GameSettings if section.name == "game" else type(getattr(Config(), section.name))
        parts.append(_section(section.name, kind))
    return "\n".join(parts)


def field_help(kind: type[Any]) -> dict[str, str]:
    """The help text of each field of a settings class (the docstring below it), as one line."""
    return {
        item.arg_name: " ".join((item.description or "").split()) for item in parse_from_object(kind).params
    }


def _section(name: str, kind: type[Any]) -> str:
    help_of = field_help(kind)
    lines = [_comment((kind.__doc__ or "").split("\n")[0]), f"[{name}]"]
    for item in dataclasses.fields(kind):
        lines += [_comment(help_of.get(item.name, "")), default_line(kind, item.name), ""]
    return "\n".join(lines)


def default_line(kind: type[Any], key: str, remark: str | None = None) -> str:
    """The commented-out line of an unset setting: its default and its bounds or `remark`."""
    hint = get_type_hints(kind, include_extras=True)[key]
    default = getattr(kind, key, None)
    unset = default is None
    value = _value(_example(hint) if unset else default)
    if remark is None:
        remark = "; ".join(filter(None, ("not set by default" if unset else "", bounds_text(hint))))
    return f"# {key} = {value}" + (f"  # {remark}" if remark else "")


def _comment(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ")


def _example(kind: Any) -> Any:
    """An example value for a setting without a default."""
    examples = (60, 4, 0.5, (640, 360), (80, 40), (0, 0, 640, 480), (20, 256, 256, 3), "NAME", True)
    for value in (*_choices(kind), *examples):
        with contextlib.suppress(SettingError):
            convert(value, kind)
            return value
    raise TypeError(f"no example for {kind}")


def _choices(kind: Any) -> tuple[Any, ...]:
    """The choices of a `Literal` type, or the examples of an annotated one; also inside unions."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    for part in getattr(kind, "__metadata__", ()):
        if isinstance(part, Meta) and part.examples:
            return tuple(part.examples)
    return tuple(word for part in get_args(kind) for word in _choices(part))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    if isinstance(value, str | Path):
        return f'"{value}"'
    return str(value)
