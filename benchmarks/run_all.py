"""Run all short benchmarks in sequence and store their tables and figures in a file."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import agp_tui
from agp_tui.bench.registry import Measurement, Metrics, machine
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError
from agp_tui.files import write_atomically
from agp_tui.protocol.events import Event, Table
from agp_tui.protocol.untrusted_json import JsonError, decode_json
from benchmarks.roofline import measure_limits, roofline


@dataclass(frozen=True)
class PartResult:
    """The result of one benchmark."""

    name: str
    tables: tuple[Table, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    not_run: str | None = None
    """The reason, if it was not run."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The results of all benchmarks, and the machine."""

    machine: str
    version: str
    seconds: int
    parts: tuple[PartResult, ...]


def write_report(path: Path, report: Report) -> None:
    """Write the report. Raises `AgpError` if the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except OSError as error:
        raise AgpError(
            f"Expected to store the results in {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error


def read_report(path: Path) -> Report | None:
    """Read a report; None if there is no file. Raises `AgpError` for an invalid one."""
    if not path.exists():
        return None
    try:
        return decode_json(path.read_bytes(), msgspec.json.Decoder(Report))
    except (OSError, JsonError) as error:
        raise AgpError(
            f"Expected {path} to be a file of agp bench all --kept: {error}.", "Run it again."
        ) from error


Part = Callable[[Job], Metrics]
"""A benchmark, run with a job of its own."""


def run_all(job: Job, parts: Mapping[str, Part], kept: Path | None = None) -> Measurement:
    """Run the benchmarks of `parts` that can run here; the others are reported with the reason.

    All tables and figures are stored in the file `kept` at the end. Raises `AgpError` if that fails.
    """
    name = machine()
    run_start, limits = time.monotonic(), measure_limits()
    results: list[PartResult] = []
    for number, (part, measure) in enumerate(parts.items(), start=1):
        if job.stopping:
            results.append(PartResult(part, not_run="the job was stopped"))
            continue
        job.stage(part, number, len(parts))
        collector = _TableCollector(job)
        start = time.monotonic()
        try:
            metrics = measure(job.with_listeners(collector))
            results.append(
                PartResult(part, tuple(collector.tables), metrics, round(time.monotonic() - start, 1))
            )
        except AgpError as error:
            job.note(f"{part} was not run. {error}", level="warning")
            results.append(PartResult(part, not_run=error.message))
    metrics = {name: value for part in results for name, value in part.metrics.items()}
    limits_table = roofline(metrics, limits)
    if limits_table.rows:
        job.emit(limits_table)
        results.append(PartResult("limits", (limits_table,)))
    total = round(time.monotonic() - run_start)
    rows: list[list[str | float | int | None]] = [
        [part.name, "not run" if part.not_run else "run", part.not_run, part.seconds]
        for part in results
        if part.name in parts
    ]
    columns = ["benchmark", "", "reason", "seconds"]
    job.emit(Table(title=f"Benchmarks on {name}, {total} s", columns=columns, rows=rows))
    if kept is not None:
        write_report(
            kept, Report(machine=name, version=agp_tui.__version__, seconds=total, parts=tuple(results))
        )
    missing = {part.name: part.not_run for part in results if part.not_run}
    return Measurement(metrics, {"not_run": missing, "seconds": total})


class _TableCollector:
    """Collects the tables of a part and forwards its events, except stages."""

    def __init__(self, job: Job) -> None:
        self._job = job.subjob()
        self.tables: list[Table] = []

    def handle(self, event: Event) -> None:
        if isinstance(event, Table):
            self.tables.append(event)
        self._job.emit(event)

    def close(self) -> None:
        """The job itself continues."""
