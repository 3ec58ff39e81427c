"""Results of long benchmarks, kept as they come: JSON lines, so that a benchmark goes on where it was."""

from pathlib import Path
from typing import TypeVar

import msgspec

from agp_tui.errors import AgpError
from agp_tui.files import LineFile
from agp_tui.protocol.untrusted_json import JsonError, decode_json

T = TypeVar("T")


def read_kept(path: Path, kind: type[T]) -> list[T]:
    """What is in the file, none where there is no file. Raises `AgpError` for a line that is no `kind`."""
    if not path.exists():
        return []
    found: list[T] = []
    decoder = msgspec.json.Decoder(kind)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise AgpError(
            f"Expected results to read in {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            found.append(decode_json(line, decoder))
        except JsonError as error:
            raise AgpError(
                f"Expected line {number} of {path} to be a result of this benchmark: {error}.",
                "Take the line out, or give --kept another file.",
            ) from error
    return found


def keep(path: Path, result: object) -> None:
    """Append one result. Raises `AgpError` where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = LineFile(path)
        try:
            file.write(msgspec.json.encode(result) + b"\n")
        finally:
            file.close()
    except OSError as error:
        raise AgpError(
            f"Expected to keep a result in {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error
