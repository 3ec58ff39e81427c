"""Plain data as settings, bounds checked; what does not fit is told with the name of its key."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from agp_tui.config.limits import limits
from agp_tui.errors import BadSetting

T = TypeVar("T")


def convert(data: Any, kind: type[T]) -> T:
    """Plain data as a settings type, bounds checked. Raises `BadSetting`."""
    try:
        return msgspec.convert(data, kind, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        problem = problem.replace(" | null", "").replace("`array`", "a list")
        if problem.startswith("Invalid enum value"):
            problem = f"Expected {limits(_hint(kind, key)) or 'one of its choices'}"
        raise BadSetting(
            f"{key or 'setting'}: {problem}, found {_at(data, key)!r}.",
            "Its help, and its comment in config.toml, say what it takes.",
        ) from error


def check(settings: T) -> T:
    """The same settings, their bounds checked. Raises `SettingError` that names the flag."""
    values = {item.name: getattr(settings, item.name) for item in dataclasses.fields(settings)}  # type: ignore[arg-type]
    try:
        convert(values, type(settings))
    except BadSetting as error:
        raise error.as_flag() from error
    return settings


def check_flag(name: str, value: Any, kind: Any) -> None:
    """The same for a flag that is no setting: `value` has the bounds of `kind`. Raises `SettingError`."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadSetting(
            f"{name}: {error}, found {value!r}.", "Its help says what it takes."
        ).as_flag() from error


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
