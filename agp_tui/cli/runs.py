"""`agp runs`: long jobs, alive or ended, from this terminal or an earlier one."""

import time

from cyclopts import App

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.running import follow_run, settings_of, show
from agp_tui.config import Output
from agp_tui.engine.events import Table
from agp_tui.engine.runs import Run, RunError

app = App(name="runs", help="Long jobs: list, follow, stop. They outlive the terminal that began them.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every run, oldest first, with its state."""
    rows = [_row(run) for run in Run.all(settings_of(output).folder("runs"))]
    return show(output, "runs", Table(title="Runs", columns=["run", "job", "state", "hours ago"], rows=rows))


@app.command
def follow(run: str, *, output: OutputFlags = Output()) -> int:
    """Tell what a run told and tells, until it ends. Ctrl-C stops the run; closing the terminal does not."""
    found = Run.find(settings_of(output).folder("runs"), run)
    if found.state() == "waiting":
        raise RunError(
            f"Expected a run that has begun, found that {found.id} never did.",
            f"See {found.path}/narration.log.",
        )
    return follow_run(output, found)


@app.command
def stop(run: str, *, output: OutputFlags = Output()) -> int:
    """Ask a run to come to its end; it saves a checkpoint first."""
    found = Run.find(settings_of(output).folder("runs"), run)
    found.stop()
    return show(output, "runs", run=found.id)


def _row(run: Run) -> list[str | float | int | None]:
    try:
        return [run.id, run.job, run.state(), _age(run)]
    except RunError:
        return [run.id, None, "damaged", _age(run)]


def _age(run: Run) -> float:
    return round((time.time() - (run.path / "run.json").stat().st_mtime) / 3600, 2)
