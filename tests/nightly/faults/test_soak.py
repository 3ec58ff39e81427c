"""Soak tests: long recording and play at 60 fps under load, without growth or missed frames.

`make soak` runs them in parallel, each with its own background load. `AGP_SOAK_MINUTES` is the duration;
`make soak` sets it to 30.
"""

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.arena_window import Arena
from support.bright_model import BrightModel
from support.commands import Command, running_command
from support.fault_counts import log_faults
from support.xserver import XServer

from agp_tui.bench.background_load import busy_cores
from agp_tui.models.manifest import MODEL_FILE, read_manifest, write_manifest

pytestmark = [pytest.mark.display, pytest.mark.soak, pytest.mark.timeout(0)]

MINUTES = float(os.environ.get("AGP_SOAK_MINUTES", "0.4"))
FPS = 60
LOAD = 1 / 3
"""Fraction of the time in which other processes keep every core busy."""
WARMUP_FRACTION = 0.25
"""Fraction of the samples that is discarded at the start."""
GROWTH_MB = 16.0


@dataclass(frozen=True)
class Sample:
    """Resources of a process at one time."""

    memory_mb: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Sample":
        """The current values of process `pid`."""
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        return cls(
            memory_mb=int(status["VmRSS"].split()[0]) / 1024,
            files=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
            threads=int(status["Threads"]),
        )


def sample_process(command: Command, seconds: float) -> list[Sample]:
    """One sample per second for `seconds` after the start, without the warm-up."""
    command.wait_for_live(frames=1)
    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end - 1:
        time.sleep(1)
        samples.append(Sample.of(command.pid))
    return samples[round(WARMUP_FRACTION * len(samples)) :]


def check(activity: str, samples: list[Sample], finished: dict[str, Any]) -> None:
    """No resource grows, and more than 97 % of the frame slots are filled."""
    half = len(samples) // 2
    early, late = ([one.memory_mb for one in part] for part in (samples[:half], samples[half:]))
    growth = statistics.median(late) - statistics.median(early)
    slots = finished["frames"] + finished["missed"]
    filled = 100 * finished["frames"] / slots
    log_faults(
        f"{activity} for {MINUTES:g} minutes at {FPS} frames a second under background load",
        trials=slots,
        losses=finished["missed"],
        worst=f"{filled:.2f} % of the slots, jitter {finished['jitter_ms']['p99']:.1f} ms p99, "
        f"memory {growth:+.1f} MB in its second half of {statistics.median(late):.0f} MB",
    )
    assert growth < GROWTH_MB
    assert len({one.files for one in samples[half:]}) <= 2 and len({one.threads for one in samples}) <= 2
    assert max(one.files for one in samples[half:]) <= max(one.files for one in samples[:half])
    assert filled > 97


def test_long_recording_has_stable_memory_and_frame_rate(x_server: XServer, arena: Arena, home: Path) -> None:
    seconds = 60 * MINUTES
    words = ("record", "--game", "window", *arena.place, "--keys", "left,right", "--fps", str(FPS))
    with (
        busy_cores(LOAD),
        running_command(*words, "--seconds", f"{seconds:g}", home=home, display=x_server.name) as command,
    ):
        samples = sample_process(command, seconds)
        finished = command.result(60).finished
    check("recording", samples, finished)


def test_long_play_has_stable_memory_and_frame_rate(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    model = home / "models" / "fast"
    model.mkdir(parents=True)
    (model / MODEL_FILE).write_bytes((bright_model.folder / MODEL_FILE).read_bytes())
    write_manifest(model, msgspec.structs.replace(read_manifest(bright_model.folder), name="fast", fps=FPS))
    seconds = 60 * MINUTES
    words = ("play", str(model), *arena.field, "--seconds", f"{seconds:g}")
    arena.show("left")
    with busy_cores(LOAD), running_command(*words, home=home, display=x_server.name) as command:
        samples = sample_process(command, seconds)
        finished = command.result(60).finished
    check("playing", samples, finished)
