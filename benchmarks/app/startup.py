"""Start-up times: `agp` to its first screen, and `agp record` to its first frame, against minimal scripts."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import Table
from benchmarks.app.terminal import in_terminal, wait_for

MINIMAL_APP = """
from textual.app import App
from textual.widgets import Footer, Static

class Minimal(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield Static("a minimal screen")
        yield Footer()

Minimal().run()
"""
GAME = "ALE/Pong-v5"
MINIMAL_CAPTURE = """
import ale_py, time
emulator = ale_py.ALEInterface()
emulator.loadROM(ale_py.roms.get_rom_path("pong"))
emulator.act(0)
emulator.getScreenRGB()
print(time.monotonic_ns())
"""


@dataclass(frozen=True)
class StartupTimes:
    """Median seconds from the start of the process."""

    agp: float
    baseline: float

    @property
    def ratio(self) -> float:
        return self.agp / self.baseline


def bench_first_screen(
    job: Job, folder: Path, *, rounds: int = 7, size: tuple[int, int] = (120, 36)
) -> StartupTimes:
    """Time until text of the first screen reaches the terminal of `size` (columns, lines). Emits a table.

    The app starts in `folder`. Raises `JobFailed` if an app does not start.
    """
    return _compare(
        job,
        rounds,
        lambda: _first_screen(module_command("agp_tui"), b"Recordings", folder, size),
        lambda: _first_screen([sys.executable, "-P", "-c", MINIMAL_APP], b"minimal screen", folder, size),
        Table(
            title="First screen",
            columns=["app", "seconds", "ratio"],
            rows=[["agp"], ["a minimal Textual app"]],
        ),
    )


def bench_first_frame(job: Job, *, rounds: int = 5) -> StartupTimes:
    """Time until the first frame is captured. Emits a table. Raises `JobFailed` if nothing is recorded."""
    return _compare(
        job,
        rounds,
        _first_recorded_frame,
        _first_frame_of_minimal_script,
        Table(
            title="First frame",
            columns=["program", "seconds", "ratio"],
            rows=[["agp record"], ["a minimal script without recording"]],
        ),
    )


def _compare(
    job: Job, rounds: int, agp: Callable[[], float], baseline: Callable[[], float], table: Table
) -> StartupTimes:
    """Both in turns; the columns of figures are added to the rows of `table`."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        times.append((agp(), baseline()))
        if job.stopping:
            break
    found = StartupTimes(*(statistics.median(column) for column in zip(*times, strict=True)))
    figures = ((found.agp, found.ratio), (found.baseline, 1.0))
    rows = [
        [*row, round(seconds, 3), round(ratio, 2)]
        for row, (seconds, ratio) in zip(table.rows, figures, strict=True)
    ]
    job.emit(Table(title=table.title, columns=table.columns, rows=rows))
    return found


def _first_screen(command: list[str], marker: bytes, folder: Path, size: tuple[int, int]) -> float:
    start = time.perf_counter()
    with in_terminal(command, folder, size) as (_process, terminal):
        wait_for(marker, terminal)
        return time.perf_counter() - start


def _first_recorded_frame() -> float:
    with tempfile.TemporaryDirectory() as name:
        arguments = ("record", "--game", GAME, "--by", "expert", "--seconds", "0.2", "--json")
        start_ns = time.monotonic_ns()
        done = subprocess.run(
            module_command("agp_tui", *arguments),
            cwd=name,
            env=module_environment(AGP_FOLDERS_RECORDINGS=name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        for timeline in Path(name).rglob("timeline.jsonl"):
            for line in timeline.read_text().splitlines():
                if (entry := json.loads(line))["kind"] == "frame":
                    return float(entry["before_ns"] - start_ns) / 1e9
    raise JobFailed("Expected agp record to record a frame, found none.", done.stderr.decode()[-200:])


def _first_frame_of_minimal_script() -> float:
    start_ns = time.monotonic_ns()
    done = subprocess.run([sys.executable, "-P", "-c", MINIMAL_CAPTURE], capture_output=True, check=True)
    return float(int(done.stdout.split()[-1]) - start_ns) / 1e9
