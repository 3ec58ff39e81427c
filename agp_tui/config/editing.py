"""Edit single settings in `config.toml`, preserving comments and never writing an invalid file.

Setting a value replaces the commented-out default in its place; unsetting restores it. Values are
formatted by tomlkit. New keys are inserted as lines, because tomlkit would put them behind the comment
of the next section.
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
    parse_value,
    read_sections,
    read_settings_text,
    section_class,
    sections,
)
from agp_tui.config.template import config_text, default_line
from agp_tui.config.validation import to_plain
from agp_tui.errors import SettingError
from agp_tui.files import write_atomically

HEADER = re.compile(r"^\s*(?:#\s*)?(\[[^\[\]]+\])\s*(?:#.*)?$")
COMMENTED = re.compile(r"^\s*#\s*([A-Za-z_][\w-]*\s*=.*)$")


def with_line(text: str, section: Sequence[str], key: str, line: str) -> str:
    """Insert `line`, which sets `key`: in place of its commented-out default, else at the section's end.

    `section` is the path of the table, such as `games`, `rally`; a missing section is appended.
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
    """The line numbers below the section's header, up to the next header, commented out or not."""
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
    """The key of a commented-out setting; None for other comments."""
    found = COMMENTED.match(line)
    try:
        return next(iter(tomllib.loads(found[1]))) if found else None
    except tomllib.TOMLDecodeError:
        return None


def _remark(line: str) -> str:
    """The trailing comment of a commented-out setting."""
    found = COMMENTED.match(line)
    assert found
    value = tomlkit.parse(found[1]).item(_commented(line) or "")
    comment: str = getattr(value, "trivia").comment  # noqa: B009
    return f"  {comment}" if comment else ""


def _end(lines: list[str], body: range) -> int:
    """The insertion point of a new line: after the section's last setting."""
    for number in reversed(body):
        line = lines[number].strip()
        if line and (not line.startswith("#") or _commented(line) is not None):
            return number + 1
    return body.start


MARK = "agp-tui marks this value"


@dataclass(frozen=True)
class Name:
    """The full name of a setting: section `game` or `games.rally`, and key `fps`."""

    section: str
    key: str

    @classmethod
    def of(cls, text: str) -> "Name":
        """Parse `SECTION.KEY`. Raises `SettingError` for an unknown one."""
        section, _, key = text.rpartition(".")
        kind = section_class(section)
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
        kind = section_class(self.section)
        assert kind is not None
        return kind

    @property
    def path(self) -> list[str]:
        """The path of the section's table; the name of a game may contain dots."""
        game, dot, name = self.section.partition(".")
        return [game, name] if dot else [game]


def file_to_edit(given: Path | None = None) -> Path:
    """The settings file in use, else `config.toml` in the working directory."""
    return (given or find_config() or Path(FILE_NAME)).expanduser().resolve()


def set_values(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Set each `SECTION.KEY` to a value given as text; all of them or none.

    A missing file is created from the template. Raises `SettingError` that names key and bound; the file
    is then unchanged.
    """
    text = before = _text(path)
    for place, typed in pairs:
        name = Name.of(place)
        value = _value(name, typed)
        # Validate only this value: other errors in the file must not prevent correcting this one.
        check_section(path, name.section, {name.key: value})
        text = _with(text, name, value, path)
    _write(path, before, text)


def unset(path: Path, places: Sequence[str]) -> None:
    """Replace each `SECTION.KEY` by its commented-out default; `games.NAME` removes a whole profile.

    Raises `SettingError` for an unknown name. Settings that are not set are left alone.
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
        return read_settings_text(path)
    return config_text()


def _value(name: Name, typed: str) -> Any:
    value = parse_value(typed, get_type_hints(name.kind, include_extras=True)[name.key])
    return [part.strip() for part in value if part.strip()] if _is_word_list(value) else value


def _is_word_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)


def _write(path: Path, before: str, text: str) -> None:
    """Write the new text if every section that was valid is still valid."""
    _check_all(path, before, text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise FileError(
            f"Expected to write {path}: {error.strerror}.", "Name another file with --config.", file=path
        ) from error


def _check_all(path: Path, before: str, text: str) -> None:
    """Raises `FileError` if a section was valid before and is not any more."""
    for section, table in read_sections(path, text).items():
        try:
            check_section(path, section, table)
        except FileError:
            if _valid(path, section, read_sections(path, before).get(section, {})):
                raise


def _valid(path: Path, section: str, table: dict[str, Any]) -> bool:
    try:
        check_section(path, section, table)
    except FileError:
        return False
    return True


def _with(text: str, name: Name, value: Any, path: Path) -> str:
    """Set the setting."""
    change = partial(_put, name, to_plain(value))
    expected = _tables(text, path)
    if _get(expected, name) is None:
        change(expected)
        new = with_line(
            text, name.path, name.key, f"{name.key} = {tomlkit.item(to_plain(value)).as_string()}"
        )
        if _holds(new, expected):
            return new
    return _checked(text, path, change)


def _without(text: str, name: Name, path: Path) -> str:
    """Replace the setting by its commented-out default."""
    expected = _tables(text, path)
    if _get(expected, name) is None:
        return text
    _drop(name, expected)
    marked = _checked(text, path, partial(_put, name, MARK)).split("\n")
    number = next(number for number, line in enumerate(marked) if MARK in line)
    alone = re.fullmatch(rf'\s*{re.escape(name.key)}\s*=\s*"{MARK}"\s*(?:#\s*(.*))?', marked[number])
    if alone:
        marked[number] = default_line(name.kind, name.key, alone[1] or None)
        if _holds(new := "\n".join(marked), expected):
            return new
    return _checked(text, path, partial(_drop, name))


def _checked(text: str, path: Path, change: Callable[[Any], object]) -> str:
    """Apply a change to the whole document and verify that it did exactly that."""
    expected = _tables(text, path)
    change(expected)
    try:
        document = tomlkit.parse(text)
        change(document)
        new = document.as_string()
        if _holds(new, expected):
            return new
    except (TOMLKitError, TypeError, KeyError):
        pass
    raise FileError(
        f"Expected {path} in a form that can be changed, found one that cannot be edited in place.",
        "Change it with an editor, or give each section a [header] of its own.",
        file=path,
    )


def _holds(text: str, expected: dict[str, Any]) -> bool:
    """Whether the text is TOML with exactly these contents."""
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


def _tables(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(
            f"Expected TOML in {path}: {error}.", "Correct the line it names.", file=path
        ) from error
