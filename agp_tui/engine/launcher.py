"""Starting a long job as a process of its own and following what it tells.

The worker gets a session of its own, so it outlives the terminal, and writes to its run folder
only, so nobody has to read from it.
"""

import contextlib
import subprocess
import time

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run, RunError
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import Failed, Finished

START_SECONDS = 30.0


def launch(run: Run) -> None:
    """Start the worker of `run` and return once it has claimed the folder.

    Raises `RunError` where it runs already and `JobFailed`, with its last words, where it does not
    come up.
    """
    if run.alive():
        raise RunError(
            f"Expected the run {run.id} to be at rest, found it running.", f"agp runs follow {run.id}"
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
        # Where python is a launcher of the real one, the claim has another number than the child.
        if run.pid not in (None, before):
            return
        if ended:
            break
        time.sleep(0.02)
    # Whoever was told that it did not start must not find it running later.
    worker.kill()
    worker.wait()
    raise JobFailed(
        f"Expected the run {run.id} to start, found: {last_words(run)}", f"See {run.path}/narration.log."
    )


def follow(run: Run, job: Job) -> int:
    """Pass on everything that `run` tells until it ends; its exit code.

    A stop of `job` is passed on to the run, which then ends in its own time.
    """
    asked_to_stop = False
    end: Finished | Failed | None = None
    for event in run.follow():
        if event is not None:
            job.emit(event)
        if isinstance(event, Finished | Failed):
            end = event
        if job.stopping and not asked_to_stop:
            asked_to_stop = True
            with contextlib.suppress(RunError):
                run.stop()
    if end is not None and asked_to_stop:
        return 130
    if isinstance(end, Finished):
        # Another terminal may have stopped it.
        return 130 if end.stopped else 0
    if end is None:
        end = Failed(
            error=f"The run {run.id} ended without a word: {last_words(run)}",
            hint=f"See {run.path}/narration.log.",
        )
        job.emit(end)
    return end.exit_code


def last_words(run: Run) -> str:
    """The last line of a run's narration."""
    try:
        lines = (run.path / "narration.log").read_text(errors="replace").split("\n")
    except OSError:
        return "nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
