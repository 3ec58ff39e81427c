"""Changing single settings in `config.toml`: every comment stays, and nothing wrong is ever written.

A setting that stands there commented out with its default is turned on in its place; one that is
unset goes back to that. Values and quoting are tomlkit's; what it would put in an odd place (a new
key after the comment of the next section) is put line by line.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import tomlkit
from tomlkit.exceptions import TOMLKitError

from agp_tui.config.file import (
    FILE_NAME,
    FileError,
    check_section,
    find_config,
    kind_of,
    parsed,
    read_sections,
    read_text,
    sections,
)
from agp_tui.config.template import config_text, default_line
from agp_tui.errors import SettingError
from agp_tui.files import write_atomically

HEADER = re.compile(r"^\s*(?:#\s*)?(\[[^\[\]]+\])\s*(?:#.*)?$")
COMMENTED = re.compile(r"^\s*#\s*([A-Za-z_][\w-]*\s*=.*)$")


def with_line(text: str, section: Sequence[str], key: str, line: str) -> str:
    """The text with a line that sets what is not set: in the place of its default, if that stands there.

    `section` is the path of its tables, such as `games`, `rally`; it is begun where it is not there.
    """
    lines = text.split("\n")
    if (body := _body(lines, section)) is None:
        header = ".".join(tomlkit.key(part).as_string() for part in section)
        return f"{text.rstrip()}\n\n[{header}]\n{line}\n".lstrip("\n")
    for number in body:
        if _commented(lines[number]) == key:
            lines[number] = line + _remark(lines[number])
            break
    else:
        lines.insert(_end(lines, body), line)
    return "\n".join(lines)


def _body(lines: list[str], section: Sequence[str]) -> range | None:
    """The lines below the section's header; an example's header that is commented out ends them too."""
    start = None
    for number, line in enumerate(lines):
        if not (header := HEADER.match(line)):
            continue
        if start is not None:
            return range(start, number)
        if not line.lstrip().startswith("#") and _path_of(header[1]) == list(section):
            start = number + 1
    return None if start is None else range(start, len(lines))


def _path_of(header: str) -> list[str]:
    try:
        tables = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return []
    path = []
    while tables:
        ((part, tables),) = tables.items()
        path.append(part)
    return path


def _commented(line: str) -> str | None:
    """The key of a setting that is commented out; a sentence with an equals sign is none."""
    found = COMMENTED.match(line)
    try:
        return next(iter(tomllib.loads(found[1]))) if found else None
    except tomllib.TOMLDecodeError:
        return None


def _remark(line: str) -> str:
    """What stands behind the value of a commented line, with its sign."""
    found = COMMENTED.match(line)
    assert found
    value = tomlkit.parse(found[1]).item(_commented(line) or "")
    comment: str = getattr(value, "trivia").comment  # noqa: B009
    return f"  {comment}" if comment else ""


def _end(lines: list[str], body: range) -> int:
    """Where a new line of a section goes: after its last setting, before what introduces the next one."""
    for number in reversed(body):
        line = lines[number].strip()
        if line and (not line.startswith("#") or _commented(line) is not None):
            return number + 1
    return body.start


MARK = "agp-tui marks this value"


@dataclass(frozen=True)
class Name:
    """A setting's place: `game` and `fps`, or `games.rally` and `fps`."""

    section: str
    key: str

    @classmethod
    def of(cls, text: str) -> "Name":
        """The place that `SECTION.KEY` names. Raises `SettingError` where there is none such."""
        section, _, key = text.rpartition(".")
        kind = kind_of(section)
        if kind is None:
            known = ", ".join([*(name for name, _ in sections()), "games.NAME"])
            raise SettingError(
                f"Expected SECTION.KEY with one of the sections {known}, found {text!r}.",
                "agp config show lists the settings.",
            )
        if key not in (known_keys := get_type_hints(kind)):
            raise SettingError(
                f"Expected a key of [{section}], found {key!r}.", f"Known here: {', '.join(known_keys)}."
            )
        return cls(section, key)

    @property
    def kind(self) -> type[Any]:
        """The settings class of the section."""
        kind = kind_of(self.section)
        assert kind is not None
        return kind

    @property
    def path(self) -> list[str]:
        """The tables down to the section: a game's name may have dots in it."""
        game, dot, name = self.section.partition(".")
        return [game, name] if dot else [game]


def file_to_edit(given: Path | None = None) -> Path:
    """The settings file that is read, else a new one here."""
    return (given or find_config() or Path(FILE_NAME)).expanduser().resolve()


def set_values(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Write each `SECTION.KEY` with its value, as it is typed, into the file; all of them or none.

    A file that is not there yet is made with every setting in it, commented out. Raises
    `SettingError` that names key and bound, the file being left as it is.
    """
    text = before = _text(path)
    for place, typed in pairs:
        name = Name.of(place)
        value = _value(name, typed)
        # Alone first: what else is wrong in the file does not keep a person from putting this right.
        check_section(path, name.section, {name.key: value})
        text = _with(text, name, value, path)
    _write(path, before, text)


def unset(path: Path, places: Sequence[str]) -> None:
    """Comment each `SECTION.KEY` out again with its default; `games.NAME` removes a whole profile.

    Raises `SettingError` for a name that is none; a setting that is not set stays so.
    """
    text = before = _text(path)
    for place in places:
        game, _, profile = place.partition(".")
        if game == "games" and profile in _tables(text, path).get("games", {}):
            text = _checked(text, path, partial(_drop_profile, profile))
        else:
            text = _without(text, Name.of(place), path)
    _write(path, before, text)


def _text(path: Path) -> str:
    if path.exists():
        return read_text(path)
    return config_text()


def _value(name: Name, typed: str) -> Any:
    value = parsed(typed, get_type_hints(name.kind, include_extras=True)[name.key])
    return [part.strip() for part in value if part.strip()] if _words(value) else value


def _words(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)


def _write(path: Path, before: str, text: str) -> None:
    """Put the new text in place, if it is right wherever the old one was."""
    _check_all(path, before, text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise FileError(
            f"Expected to write {path}: {error.strerror}.", "Name another file with --config.", file=path
        ) from error


def _check_all(path: Path, before: str, text: str) -> None:
    """Raises `FileError` where a section was right and no longer is."""
    for section, table in read_sections(path, text).items():
        try:
            check_section(path, section, table)
        except FileError:
            if _right(path, section, read_sections(path, before).get(section, {})):
                raise


def _right(path: Path, section: str, table: dict[str, Any]) -> bool:
    try:
        check_section(path, section, table)
    except FileError:
        return False
    return True


def _with(text: str, name: Name, value: Any, path: Path) -> str:
    """The text with the setting set."""
    change = partial(_put, name, _plain(value))
    expected = _tables(text, path)
    if _get(expected, name) is None:
        change(expected)
        new = with_line(text, name.path, name.key, f"{name.key} = {tomlkit.item(_plain(value)).as_string()}")
        if _says(new, expected):
            return new
    return _checked(text, path, change)


def _without(text: str, name: Name, path: Path) -> str:
    """The text with the setting commented out, its default in its place."""
    expected = _tables(text, path)
    if _get(expected, name) is None:
        return text
    _drop(name, expected)
    marked = _checked(text, path, partial(_put, name, MARK)).split("\n")
    number = next(number for number, line in enumerate(marked) if MARK in line)
    alone = re.fullmatch(rf'\s*{re.escape(name.key)}\s*=\s*"{MARK}"\s*(?:#\s*(.*))?', marked[number])
    if alone:
        marked[number] = default_line(name.kind, name.key, alone[1] or None)
        if _says(new := "\n".join(marked), expected):
            return new
    return _checked(text, path, partial(_drop, name))


def _checked(text: str, path: Path, change: Callable[[Any], object]) -> str:
    """The text after a change of the whole document, which must have done just that."""
    expected = _tables(text, path)
    change(expected)
    try:
        document = tomlkit.parse(text)
        change(document)
        new = document.as_string()
        if _says(new, expected):
            return new
    except (TOMLKitError, TypeError, KeyError):
        pass
    raise FileError(
        f"Expected {path} in a form that can be changed, found one that cannot.",
        "Change it with an editor, or give each section a [header] of its own.",
        file=path,
    )


def _says(text: str, expected: dict[str, Any]) -> bool:
    """Whether the text is TOML that holds just this."""
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _put(name: Name, value: Any, tables: Any) -> None:
    for part in name.path:
        tables = tables.setdefault(part, {})
    tables[name.key] = value


def _drop(name: Name, tables: Any) -> None:
    for part in name.path:
        tables = tables[part]
    del tables[name.key]


def _drop_profile(profile: str, tables: Any) -> None:
    del tables["games"][profile]
    if not tables["games"]:
        del tables["games"]


def _get(tables: dict[str, Any], name: Name) -> Any:
    for part in name.path:
        tables = tables.get(part, {})
    return tables.get(name.key)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _tables(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(
            f"Expected TOML in {path}: {error}.", "Correct the line it names.", file=path
        ) from error
