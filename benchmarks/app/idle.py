"""What the app costs while nobody does anything: its share of a core, and what it sends to its terminal."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command
from agp_tui.errors import MissingPart
from agp_tui.protocol.events import Table
from benchmarks.app.terminal import in_terminal, read, wait_for

SETTLE_SECONDS = 4.0
SIZE = (120, 36)


@dataclass(frozen=True)
class Idle:
    """Of one core, 0 to 1; bytes a second to the terminal."""

    share: float
    bytes_a_second: float


def bench_idle(job: Job, folder: Path, seconds: float = 15.0) -> Idle:
    """The app's first screen, left alone. Tells a table. Raises `MissingPart` where /proc tells no times."""
    if not sys.platform.startswith("linux"):
        raise MissingPart("Expected /proc to tell processor times, found another system than Linux.")
    with in_terminal(module_command("agp_tui"), folder, SIZE) as (process, terminal):
        wait_for(b"Recordings", terminal)
        _drain(terminal, SETTLE_SECONDS)
        before, begun = _seconds_of(process.pid), time.monotonic()
        sent = _drain(terminal, seconds)
        spent, took = _seconds_of(process.pid) - before, time.monotonic() - begun
    found = Idle(spent / took, sent / took)
    rows: list[list[str | float | int | None]] = [
        ["of a core", f"{found.share:.2%}"],
        ["to the terminal", f"{found.bytes_a_second:.0f} bytes a second"],
    ]
    job.emit(Table(title="The app left alone", columns=["what", "value"], rows=rows))
    return found


def _drain(terminal: int, seconds: float) -> int:
    """Read for so long; how many bytes came."""
    end, count = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        count += len(read(terminal, left))
    return count


def _seconds_of(pid: int) -> float:
    """Processor time of a process, all threads, in user and system mode (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
