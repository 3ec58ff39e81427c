"""Our own commands, run by a benchmark as a person would run them, and told to stop where it ends first."""

import contextlib
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import AnyEvent, Failed, Finished, read_events


class Commands:
    """Commands that run in `folder`, which is where they look for settings.

    May be used by several threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ending = False

    def run(self, *words: str, hear: Callable[[AnyEvent], None] = lambda _event: None) -> Finished | None:
        """The result of `agp WORDS`, its events heard on the way; None where `end` comes before it.

        Raises `JobFailed` where the command does.
        """
        if self._ending:
            return None
        process = subprocess.Popen(
            module_command("agp_tui", *words, "--json"),
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
                hear(last)
        finally:
            process.wait()
            self._running.discard(process)
        if self._ending:
            return None
        if isinstance(last, Finished):
            return last
        problem = last.error if isinstance(last, Failed) else "it ended without a result"
        raise JobFailed(f"agp {' '.join(words)} failed: {problem}", "Run it by itself to see more.")

    def end(self) -> None:
        """Tell those that run to stop; no other one begins."""
        self._ending = True
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
