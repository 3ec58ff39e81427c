"""From the command to the first screen: the app against a bare app of the same library, in turn."""

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command
from agp_tui.protocol.events import Table
from benchmarks.app.terminal import in_terminal, wait_for

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
    begun = time.perf_counter()
    with in_terminal(command, folder, size) as (_process, terminal):
        wait_for(marker, terminal)
        return time.perf_counter() - begun
