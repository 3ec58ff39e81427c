"""From `agp record` to its first frame, against a bare script that grabs one frame of the same game."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import Table

GAME = "ALE/Pong-v5"
BARE = """
import ale_py, time
console = ale_py.ALEInterface()
console.loadROM(ale_py.roms.get_rom_path("pong"))
console.act(0)
console.getScreenRGB()
print(time.monotonic_ns())
"""


@dataclass(frozen=True)
class FirstFrame:
    """Seconds from the start of the process until the grab of its first frame, medians."""

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


def bench_first_frame(job: Job, *, rounds: int = 5) -> FirstFrame:
    """Both in turn. Tells a table. Raises `JobFailed` where a recording does not come about."""
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(_recorded())
        bare.append(_bare())
        if job.stopping:
            break
    found = FirstFrame(statistics.median(ours), statistics.median(bare))
    rows: list[list[str | float | int | None]] = [
        ["agp record", round(found.ours, 3), round(found.ratio, 2)],
        ["a bare script, nothing recorded", round(found.bare, 3), 1.0],
    ]
    job.emit(Table(title="First frame", columns=["program", "seconds", "ratio"], rows=rows))
    return found


def _recorded() -> float:
    with tempfile.TemporaryDirectory() as name:
        words = ("record", "--game", GAME, "--by", "expert", "--seconds", "0.2", "--json")
        begun = time.monotonic_ns()
        done = subprocess.run(
            module_command("agp_tui", *words),
            cwd=name,
            env=module_environment(AGP_FOLDERS_RECORDINGS=name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        for timeline in Path(name).rglob("timeline.jsonl"):
            for line in timeline.read_text().splitlines():
                if (fact := json.loads(line))["kind"] == "frame":
                    return float(fact["before_ns"] - begun) / 1e9
    raise JobFailed("Expected agp record to record a frame, found none.", done.stderr.decode()[-200:])


def _bare() -> float:
    begun = time.monotonic_ns()
    done = subprocess.run([sys.executable, "-P", "-c", BARE], capture_output=True, check=True)
    return float(int(done.stdout.split()[-1]) - begun) / 1e9
