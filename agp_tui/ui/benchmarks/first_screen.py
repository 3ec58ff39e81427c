"""From the command to the first screen: the app against a bare app of the same library, in turn."""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.children import module_command, module_environment
from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed

PATIENCE_SECONDS = 30.0
BARE = """
from textual.app import App
from textual.widgets import Footer, Static

class Bare(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield Static("a bare screen")
        yield Footer()

Bare().run()
"""


@dataclass(frozen=True)
class FirstScreen:
    """Seconds from the start of the process until words of the screen reach the terminal, medians."""

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


def bench_first_screen(
    job: Job, folder: Path, *, rounds: int = 7, size: tuple[int, int] = (120, 36)
) -> FirstScreen:
    """Both in turn, in a terminal of `size` (columns, lines) of their own, started in `folder`.

    Tells a table. Raises `JobFailed` where an app does not come up.
    """
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(_seconds(module_command("agp_tui"), b"Recordings", folder, size))
        bare.append(_seconds([sys.executable, "-P", "-c", BARE], b"bare screen", folder, size))
        if job.stopping:
            break
    found = FirstScreen(statistics.median(ours), statistics.median(bare))
    rows: list[list[str | float | int | None]] = [
        ["agp", round(found.ours, 3), round(found.ratio, 2)],
        ["a bare Textual app", round(found.bare, 3), 1.0],
    ]
    job.emit(Table(title="First screen", columns=["app", "seconds", "ratio"], rows=rows))
    return found


def _seconds(command: list[str], marker: bytes, folder: Path, size: tuple[int, int]) -> float:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True,
        env=module_environment(TERM="xterm-256color", COLORTERM="truecolor"),
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while time.perf_counter() - begun < PATIENCE_SECONDS:
            if select.select([ours], [], [], 0.5)[0]:
                seen += os.read(ours, 1 << 16)
                if marker in seen:
                    return time.perf_counter() - begun
        raise JobFailed(f"Expected the first screen within {PATIENCE_SECONDS:.0f} s, found none.")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)
