"""All benchmarks that take minutes at most, one after another, and what of that is kept."""

import time
from collections.abc import Callable
from pathlib import Path

import agp_tui
from agp_tui.benchmarks import run
from agp_tui.benchmarks.asked import (
    AtariBenchAsked,
    CaptureAsked,
    DecisionsAsked,
    PaceAsked,
    StoringAsked,
    TrainingAsked,
)
from agp_tui.benchmarks.limits import measure_limits
from agp_tui.benchmarks.report import PartFound, Report, write_report
from agp_tui.benchmarks.roofline import roofline
from agp_tui.benchmarks.run import Metrics
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Event, Finished, Table

Part = Callable[[Job], Metrics]
"""A benchmark, told to a job of its own."""
ATARI_SECONDS = 5.0
"""Of each turn of its six ways."""
LARGE = "play large"
LARGE_ASKED = DecisionsAsked(network="large", seconds=2.0)


def run_all(job: Job, more: dict[str, Part], kept: Path | None = None) -> Finished:
    """Every benchmark that can run here, and `more`; of the others, why they could not.

    What was found is kept in the file `kept`, whole, at the end. Raises `AgpError` where that cannot be.
    """
    parts: dict[str, Part] = {
        "pace": lambda part: run.pace(PaceAsked(), part),
        "capture": lambda part: run.capture(CaptureAsked(), part),
        "store": lambda part: run.storing(StoringAsked(), part),
        "train": lambda part: run.training(TrainingAsked(), part),
        "play": lambda part: run.decisions(DecisionsAsked(), None, part),
        LARGE: lambda part: _renamed(run.decisions(LARGE_ASKED, None, part), "large_"),
        "atari": lambda part: run.atari(AtariBenchAsked(seconds=ATARI_SECONDS), part),
        **more,
    }
    name = run.on_this_machine(job)
    began, limits = time.monotonic(), measure_limits()
    found: list[PartFound] = []
    for number, (part, measure) in enumerate(parts.items(), start=1):
        if job.stopping:
            found.append(PartFound(part, not_run="stopped before it"))
            continue
        job.stage(part, number, len(parts))
        heard = _Tables(job)
        begun = time.monotonic()
        try:
            metrics = measure(job.with_listeners(heard))
            found.append(PartFound(part, tuple(heard.tables), metrics, round(time.monotonic() - begun, 1)))
        except AgpError as error:
            job.note(f"{part} could not run here. {error}", level="warning")
            found.append(PartFound(part, not_run=error.message))
    metrics = {name: value for part in found for name, value in part.metrics.items()}
    limit = roofline(metrics, limits)
    if limit.rows:
        job.emit(limit)
        found.append(PartFound("limits", (limit,)))
    whole = round(time.monotonic() - began)
    rows: list[list[str | float | int | None]] = [
        [part.name, "not run" if part.not_run else "run", part.not_run, part.seconds]
        for part in found
        if part.name in parts
    ]
    columns = ["benchmark", "", "why not", "seconds"]
    job.emit(Table(title=f"Benchmarks on {name}, {whole} s", columns=columns, rows=rows))
    if kept is not None:
        write_report(
            kept, Report(machine=name, version=agp_tui.__version__, seconds=whole, parts=tuple(found))
        )
    missing = {part.name: part.not_run for part in found if part.not_run}
    return run.finished("bench all", name, metrics, {"not_run": missing, "seconds": whole})


def _renamed(metrics: Metrics, before: str) -> Metrics:
    return {before + name: value for name, value in metrics.items()}


class _Tables:
    """Keeps the tables that a part tells, and passes on all but its stages."""

    def __init__(self, whole: Job) -> None:
        self._whole = whole.subjob()
        self.tables: list[Table] = []

    def handle(self, event: Event) -> None:
        if isinstance(event, Table):
            self.tables.append(event)
        self._whole.emit(event)

    def close(self) -> None:
        """The whole job goes on."""
