"""Start a long job as a detached process and follow its events.

The worker runs in its own session, so it outlives the terminal, and writes only to its run folder, so
nobody has to read from it.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run, RunError
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import AnyEvent, Failed, Finished

START_SECONDS = 30.0


def launch(run: Run) -> None:
    """Start the worker of `run`; returns once the worker has registered itself in the folder.

    Raises `RunError` if the run is running already and `JobFailed`, with the last line that the worker
    printed, if the worker does not start.
    """
    if run.alive():
        raise RunError(
            f"Expected the run {run.id} to have ended, found it running.", f"agp runs follow {run.id}"
        )
    before = run.pid
    with (run.path / "narration.log").open("ab") as narration:
        worker = subprocess.Popen(
            module_command("agp_tui.worker", str(run.path)),
            env=module_environment(),
            stdin=subprocess.DEVNULL,
            stdout=narration,
            stderr=narration,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = worker.poll() is not None
        # If `python` is a launcher of the real interpreter, the registered pid is not the child's.
        if run.pid not in (None, before):
            return
        if ended:
            break
        time.sleep(0.02)
    # A worker reported as not started must not run later.
    worker.kill()
    worker.wait()
    raise JobFailed(
        f"Expected the run {run.id} to start, found: {last_words(run)}", f"See {run.path}/narration.log."
    )


def follow(run: Run, job: Job) -> int:
    """Forward the events of `run` to `job` until the run ends; returns the exit code.

    A stop of `job` is passed on to the run, which then finishes by itself.
    """
    stop_requested = False
    end: AnyEvent | None = None
    for event in follow_to_end(run):
        if event is not None:
            job.emit(event)
            end = event
        if job.stopping and not stop_requested:
            stop_requested = True
            with contextlib.suppress(RunError):
                run.stop()
    if stop_requested and run.state() != "died":
        return 130
    if isinstance(end, Finished):
        # Another terminal may have stopped it.
        return 130 if end.stopped else 0
    return end.exit_code if isinstance(end, Failed) else 1


def follow_to_end(run: Run, poll_seconds: float = 0.1) -> Iterator[AnyEvent | None]:
    """The events of `run`, past and future; the last one is `Finished` or `Failed`.

    If its process is gone without a result, a `Failed` is added. Yields None if there is nothing new.
    """
    ended = False
    for event in run.follow(poll_seconds):
        yield event
        ended = isinstance(event, Finished | Failed)
    if not ended:
        yield Failed(
            error=f"The run {run.id} ended without a result: {last_words(run)}",
            hint=f"See {run.path}/narration.log; agp runs list shows every run.",
        )


def last_words(run: Run) -> str:
    """The last line that the worker of a run printed."""
    try:
        lines = (run.path / "narration.log").read_text(errors="replace").split("\n")
    except OSError:
        return "nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
