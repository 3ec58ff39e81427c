"""Runs `agp` commands for benchmarks, as users run them."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import AnyEvent, Failed, Finished, read_events

POLL_SECONDS = 0.2


class CommandRunner:
    """Runs commands in `folder`, where they look for settings. Thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    def run(
        self, *arguments: str, on_event: Callable[[AnyEvent], None] = lambda _event: None
    ) -> Finished | None:
        """Run `agp ARGUMENTS` and return its result; None after `stop`.

        Raises `JobFailed` if the command fails.
        """
        if self._stopped:
            return None
        process = subprocess.Popen(
            module_command("agp_tui", *arguments, "--json"),
            cwd=self._folder,
            env=module_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._running.add(process)
        last: AnyEvent | None = None
        try:
            assert process.stdout is not None
            for last in read_events(iter(process.stdout)):
                on_event(last)
        finally:
            process.wait()
            self._running.discard(process)
        if self._stopped:
            return None
        if isinstance(last, Finished):
            return last
        reason = last.error if isinstance(last, Failed) else "it ended without a result"
        raise JobFailed(f"agp {' '.join(arguments)} failed: {reason}", "Run the command to see its output.")

    def stop(self) -> None:
        """Interrupt the running commands; further ones do not start."""
        self._stopped = True
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def commands_in(folder: Path, job: Job) -> Iterator[CommandRunner]:
    """A command runner that stops when the job is stopped."""
    commands, closed = CommandRunner(folder), threading.Event()

    def stop_with_job() -> None:
        while not closed.wait(POLL_SECONDS):
            if job.stopping:
                commands.stop()
                return

    watcher = threading.Thread(target=stop_with_job, daemon=True)
    watcher.start()
    try:
        yield commands
    finally:
        closed.set()
        watcher.join()
        commands.stop()
