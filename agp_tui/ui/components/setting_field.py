"""One setting as a form knows it, and its words for people."""

from pathlib import Path
from typing import Any

import msgspec
from textual.markup import escape

from agp_tui.config.file import FileError, read_sections
from agp_tui.errors import SettingError


class Setting(msgspec.Struct, frozen=True):
    """A row of `agp config show`."""

    section: str
    key: str
    kind: str
    value: Any = None
    default: Any = None
    source: str = "default"
    help: str = ""
    limits: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Setting":
        """The setting of a row."""
        return msgspec.convert(row, cls)

    @property
    def name(self) -> str:
        """Such as `game.fps`."""
        return f"{self.section}.{self.key}"


def shown(value: Any) -> str:
    """A value as it is typed."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def source(place: str) -> str:
    """Where a value comes from, shortened to what tells it from others."""
    file, space, section = place.partition(" ")
    return f"{Path(file).name}{space}{section}" if space else place


def value_in_file(problem: FileError) -> str:
    """The value that does not fit, as it stands in the file; nothing where that cannot be read."""
    try:
        sections = read_sections(problem.file) if problem.file else {}
    except SettingError:
        sections = {}
    value = sections.get(problem.section, {}).get(problem.key)
    return "" if value is None else shown(value)


def setting_text(one: Setting, file: str) -> str:
    """The help of a setting in two or three lines of markup."""
    bounds = [
        part for part in (one.limits, "or ".join([", ".join(one.choices)]) if one.choices else "") if part
    ]
    facts = [f"default {shown(one.default)}", *bounds]
    facts.append(f"set by {one.source}" if one.source != "default" else f"not set in {file}")
    return f"[b]{escape(one.name)}[/]  {escape(one.help)}\n[dim]{escape('; '.join(facts))}[/]"
