"""The lines of a settings file: which belong to a section, which are settings commented out."""

import re
import tomllib
from collections.abc import Sequence

import tomlkit

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
