"""Running a job from the command line: who hears it, how it ends, what the exit code is."""

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

Detach = Annotated[bool, Parameter(negative=(), help="Return at once; agp runs follow RUN shows it later.")]


def settings_of(output: Output) -> LoadedConfig:
    """The settings file that this command reads."""
    return load_config(output.config)


def listener(output: Output) -> Listener:
    """Whoever reads this command's stdout: a program or a person."""
    if output.json:
        return stdout_sink()
    from agp_tui.cli.console_output import ConsoleOutput

    return ConsoleOutput()


def run_live(output: Output, name: str, settings: dict[str, Any], body: Callable[[Job], Finished]) -> int:
    """Run a job in this process until it ends or its owner does; the exit code."""
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
    """Start a run as a process of its own and follow it; the exit code.

    Ctrl-C stops the run. The terminal going away does not.
    """
    launch(run)
    if detach:
        tell(output, Finished(job=run.job, run=run.id))
        return 0
    return follow_run(output, run)


def follow_run(output: Output, run: Run) -> int:
    """Tell what a run tells until it ends; the exit code."""
    job = Job(listener(output))
    try:
        with job.stop_on_interrupt():
            return follow(run, job)
    finally:
        job.close()


def tell(output: Output, *events: AnyEvent) -> None:
    """Say something that needs no job."""
    heard = listener(output)
    for event in events:
        heard.handle(event)
    heard.close()


def shown(output: Output, end: Finished | Failed) -> int:
    """How a command ended that had a view of its own; the exit code."""
    tell(output, end)
    return end.exit_code if isinstance(end, Failed) else 0


def show(output: Output, job: str, *tables: Table, **figures: Any) -> int:
    """The end of a command that only shows something."""
    if output.json:
        tell(output, *tables, Finished(job=job, **figures))
    else:
        tell(output, *tables)
    return 0
