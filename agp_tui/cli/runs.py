"""`agp runs`: long jobs, running or ended, from this or another terminal."""

import time

import msgspec
from cyclopts import App

from agp_tui.cli.confirm import Yes, confirmed
from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.run_job import follow_run, print_tables, settings_of
from agp_tui.config import Output
from agp_tui.engine.runs import Run, RunError
from agp_tui.files import delete_folder
from agp_tui.protocol.events import Failed, Finished, Table
from agp_tui.protocol.results import RunsResult
from agp_tui.protocol.summaries import RunSummary

app = App(
    name="runs", help="Long jobs: list, follow, stop, delete. They outlive the terminal that started them."
)


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """List all runs, oldest first, with their states.

    With --json the report's `runs` have `id`, `job`, `state`, `started`, `ended` (seconds since 1970),
    `seconds` so far and `result`: the final event, finished or failed, without its report.
    """
    runs = [_summary(run) for run in Run.all(settings_of(output).folder("runs"))]
    now = time.time()
    rows: list[list[str | float | int | None]] = [
        [one.id, one.job, one.state, round((now - one.started) / 3600, 2)] for one in runs
    ]
    table = Table(title="Runs", columns=["run", "job", "state", "hours ago"], rows=rows)
    return print_tables(output, "runs", table, report=RunsResult(runs=runs))


@app.command
def follow(run: str, *, output: OutputFlags = Output()) -> int:
    """Show all events of a run until it ends. Ctrl-C stops it; closing the terminal does not."""
    found = Run.find(settings_of(output).folder("runs"), run)
    if found.state() == "waiting":
        raise RunError(
            f"Expected a run that has started, found that {found.id} never did.",
            f"See {found.path}/narration.log.",
        )
    return follow_run(output, found)


@app.command
def stop(run: str, *, output: OutputFlags = Output()) -> int:
    """Stop a run; it saves a checkpoint first."""
    found = Run.find(settings_of(output).folder("runs"), run)
    found.stop()
    return print_tables(output, "runs", run=found.id)


@app.command
def delete(run: str, *, yes: Yes = False, output: OutputFlags = Output()) -> int:
    """Delete the folder of an ended run with its checkpoints. Asks for confirmation unless --yes is given.

    Exported models are not deleted.
    """
    found = Run.find(settings_of(output).folder("runs"), run)
    if found.alive():
        raise RunError(
            f"Expected a run that has ended, found {found.id} running.", f"agp runs stop {found.id}"
        )
    if not confirmed(found.path, yes, output):
        return 130
    try:
        delete_folder(found.path)
    except OSError as error:
        raise RunError(
            f"Expected to delete {found.path}, found: {error.strerror}.",
            "Check the permissions of the folder.",
        ) from error
    return print_tables(output, "runs", run=found.id)


def _summary(run: Run) -> RunSummary:
    """The facts of a run for a list; a damaged run is listed as damaged."""
    try:
        job: str | None = run.job
        state, started = run.state(), run.created
    except (RunError, KeyError, TypeError, ValueError):
        began = (run.path / "run.json").stat().st_mtime
        return RunSummary(id=run.id, state="damaged", started=began)
    last = None if state in ("running", "waiting") else run.last_event()
    ended = last.at if last else None
    until = time.time() if state == "running" else ended
    result = msgspec.to_builtins(last) if isinstance(last, Finished | Failed) else None
    return RunSummary(
        id=run.id,
        job=job,
        state=state,
        started=started,
        ended=ended,
        seconds=round(until - started, 1) if until else None,
        result={key: value for key, value in result.items() if key != "report"} if result else None,
    )
