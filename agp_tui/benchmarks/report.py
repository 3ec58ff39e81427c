"""What all benchmarks found in one run, as a file: the page docs/benchmarks.md is made from it."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agp_tui.errors import AgpError
from agp_tui.files import write_atomically
from agp_tui.protocol.events import Table
from agp_tui.protocol.untrusted_json import JsonError, decode_json


@dataclass(frozen=True)
class PartFound:
    """One benchmark."""

    name: str
    tables: tuple[Table, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    not_run: str | None = None
    """Why it was not run."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of them, and where they were run."""

    machine: str
    version: str
    seconds: int
    parts: tuple[PartFound, ...]


def write_report(path: Path, report: Report) -> None:
    """Raises `AgpError` where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except OSError as error:
        raise AgpError(
            f"Expected to keep the results in {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error


def read_report(path: Path) -> Report | None:
    """None where there is no file. Raises `AgpError` for one that is no report."""
    if not path.exists():
        return None
    try:
        return decode_json(path.read_bytes(), msgspec.json.Decoder(Report))
    except (OSError, JsonError) as error:
        raise AgpError(
            f"Expected {path} to be what agp bench all keeps: {error}.", "Run it again."
        ) from error
