"""Convert plain data to settings and check bounds; errors name the key."""

import dataclasses
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from agp_tui.errors import BadSetting


def bounds_text(hint: Any, *, choices: bool = True) -> str:
    """The bounds of a setting's type as text, such as `1 to 60`; empty if it has none.

    `choices`: whether the values of a `Literal` count as bounds.
    """
    if get_origin(hint) is Literal and choices:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) is Annotated:
        bounds = [_bounds(part) for part in get_args(hint)[1:] if isinstance(part, Meta)]
        return next(filter(None, bounds), "") or bounds_text(get_args(hint)[0], choices=choices)
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, (bounds_text(part, choices=choices) for part in get_args(hint))), "")
    return ""


def _bounds(meta: Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"{meta.ge:g} to {meta.le:g}"
    words = (("at least", meta.ge), ("above", meta.gt), ("at most", meta.le), ("below", meta.lt))
    return ", ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)


T = TypeVar("T")


def convert(data: Any, kind: type[T]) -> T:
    """Convert plain data to a settings class and check its bounds. Raises `BadSetting`."""
    try:
        return msgspec.convert(data, kind, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        problem = problem.replace(" | null", "").replace("`array`", "a list")
        if problem.startswith("Invalid enum value"):
            problem = f"Expected {bounds_text(_hint(kind, key)) or 'one of its choices'}"
        raise BadSetting(
            f"{problem}, found {_at(data, key)!r}.",
            "Its help, and its comment in config.toml, say what it takes.",
            setting=key or "setting",
        ) from error


def check(settings: T) -> T:
    """Check the bounds of settings and return them. Raises `SettingError` that names the flag."""
    values = {item.name: getattr(settings, item.name) for item in dataclasses.fields(settings)}  # type: ignore[arg-type]
    try:
        convert(values, type(settings))
    except BadSetting as error:
        raise error.as_flag() from error
    return settings


def check_flag(name: str, value: Any, kind: Any) -> None:
    """Check a flag that is not a setting against the bounds of the type `kind`. Raises `SettingError`."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadSetting(
            f"{error}, found {value!r}.", "Its help says what it takes.", setting=name
        ).as_flag() from error


def to_plain(value: Any) -> Any:
    """Settings, requests and their values as JSON types: lists for tuples, text for paths."""
    # to_builtins keeps tuples, JSON has none.
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_path_as_text))


def _path_as_text(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _from_plain(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(kind)


def _hint(kind: Any, key: str) -> Any:
    for part in key.split("."):
        kind = get_type_hints(kind, include_extras=True).get(part) if dataclasses.is_dataclass(kind) else None
    return kind


def _at(data: Any, key: str) -> Any:
    for part in key.split("."):
        name = part.split("[")[0]
        if not isinstance(data, dict) or name not in data:
            return data
        data = data[name]
    return data
