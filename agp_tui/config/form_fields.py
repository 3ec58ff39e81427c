"""All settings as form fields: value, source, help and bounds, for the app's forms and `agp config show`."""

import dataclasses
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from agp_tui.config.file import FileError, LoadedConfig, sections_for
from agp_tui.config.settings import GameSettings
from agp_tui.config.template import field_help
from agp_tui.config.validation import bounds_text, to_plain

PLAIN_KINDS: dict[Any, str] = {bool: "bool", int: "int", float: "float", str: "text", Path: "text"}

Setting = dict[str, Any]


def list_settings(loaded: LoadedConfig) -> list[Setting]:
    """A dict for each setting of each section, `games.NAME` among them, in the file's order.

    `section`, `key`, `value` and `default` (plain: lists for tuples, text for paths, None for not
    set), `source` (`default`, a variable, or a place in the file), `help` and `limits` (one line
    each, maybe empty), `kind` (`bool`, `int`, `float`, `text`, `choice`, `numbers`, `words`),
    `choices` (of a choice) and `optional` (whether None is a value).
    """
    rows: list[Setting] = []
    for section in dataclasses.fields(loaded.config):
        value = getattr(loaded.config, section.name)
        if section.name == "games":
            for name, profile in value.items():
                rows += _rows(loaded, f"games.{name}", profile, sections_for(GameSettings, name))
        else:
            rows += _rows(loaded, section.name, value, (section.name,))
    return rows


def problem(error: FileError) -> dict[str, str | None]:
    """What is wrong, and where: `text`, `hint`, `section`, `key` (empty: the whole file), `file`."""
    return {
        "text": error.message,
        "hint": error.hint,
        "section": error.section,
        "key": error.key,
        "file": str(error.file) if error.file else None,
    }


def form_kind(hint: Any) -> tuple[str, list[str]]:
    """What a form shows for a setting of that type, and its choices where it is a choice."""
    if get_origin(hint) is Annotated:
        return form_kind(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return form_kind(next(part for part in get_args(hint) if part is not type(None)))
    if get_origin(hint) is Literal:
        return "choice", [str(choice) for choice in get_args(hint)]
    if get_origin(hint) is tuple:
        return ("words" if str in get_args(hint) else "numbers"), []
    return PLAIN_KINDS[hint], []


def _rows(loaded: LoadedConfig, section: str, settings: Any, sections: tuple[str, ...]) -> list[Setting]:
    kind = type(settings)
    hints = get_type_hints(kind, include_extras=True)
    help_of = field_help(kind)
    rows = []
    for item in dataclasses.fields(kind):
        given = loaded.chosen(sections, item.name)
        form, choices = form_kind(hints[item.name])
        row: Setting = {
            "section": section,
            "key": item.name,
            "value": to_plain(getattr(settings, item.name)),
            "default": to_plain(item.default),
            "source": given.source if given else "default",
            "help": help_of.get(item.name, ""),
            "limits": bounds_text(hints[item.name]),
            "kind": form,
            "optional": item.default is None,
        }
        rows.append(row | ({"choices": choices} if form == "choice" else {}))
    return rows
