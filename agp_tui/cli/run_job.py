"""Run a job from the command line: output, signals and exit code."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter

from agp_tui.config import Output
from agp_tui.config.file import LoadedConfig, load_config
from agp_tui.engine.job import Job, Listener
from agp_tui.engine.launcher import follow, launch
from agp_tui.engine.runs import Run
from agp_tui.engine.sinks import stdout_sink
from agp_tui.errors import AgpError, Interrupted
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Started, Table

Detach = Annotated[
    bool, Parameter(negative=(), help="Return immediately; agp runs follow RUN shows the run later.")
]


def settings_of(output: Output) -> LoadedConfig:
    """Load the settings of this command."""
    return load_config(output.config)


def listener(output: Output) -> Listener:
    """The listener for stdout: JSON lines for a program, text for a person."""
    if output.json:
        return stdout_sink()
    from agp_tui.cli.console_output import ConsoleOutput

    return ConsoleOutput()


def run_live(output: Output, name: str, settings: dict[str, Any], body: Callable[[Job], Finished]) -> int:
    """Run a job in this process until it or its owner ends; returns the exit code."""
    job = Job(listener(output))
    try:
        with job.stop_on_signals():
            if output.json:
                job.read_commands(sys.stdin.buffer)
            job.emit(Started(job=name, settings=settings))
            job.emit(body(job))
        return 130 if job.interrupted else 0
    except AgpError as error:
        if job.interrupted:
            raise Interrupted(error.message, error.hint) from error
        raise
    finally:
        job.close()


def run_long(output: Output, run: Run, detach: bool = False) -> int:
    """Start a run as a detached process and follow it; returns the exit code.

    Ctrl-C stops the run; closing the terminal does not.
    """
    launch(run)
    if detach:
        print_events(output, Finished(job=run.job, run=run.id))
        return 0
    return follow_run(output, run)


def follow_run(output: Output, run: Run) -> int:
    """Print the events of a run until it ends; returns the exit code."""
    job = Job(listener(output))
    try:
        with job.stop_on_interrupt():
            return follow(run, job)
    finally:
        job.close()


def print_events(output: Output, *events: AnyEvent) -> None:
    """Print events without a job."""
    sink = listener(output)
    for event in events:
        sink.handle(event)
    sink.close()


def print_result(output: Output, end: Finished | Failed) -> int:
    """Print the result of a command that had its own view; returns the exit code."""
    print_events(output, end)
    return end.exit_code if isinstance(end, Failed) else 0


def print_tables(output: Output, job: str, *tables: Table, **fields: Any) -> int:
    """Print tables, and with `--json` a `Finished` event with these fields; returns the exit code."""
    if output.json:
        print_events(output, *tables, Finished(job=job, **fields))
    else:
        print_events(output, *tables)
    return 0
