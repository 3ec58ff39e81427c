"""Run folders written by real worker processes: ended runs, and runs that last until stopped."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment
from agp_tui.protocol.events import Event, Progress, encode_event

WORKER = """
import signal, sys, time
from pathlib import Path
from agp_tui.protocol.events import Failed, Finished, decode_event
from agp_tui.engine.runs import Run, RunLog
run = Run(Path(sys.argv[1]))
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
run.claim()
(run.checkpoints / "last.pt").touch()
log = RunLog(run)
event = None
for line in sys.stdin.buffer:
    event = decode_event(line)
    log.handle(event)
if not isinstance(event, Finished | Failed):
    while not stop:
        time.sleep(0.02)
    log.handle(Finished(job=run.job, run=run.id, stopped=True, report={"why": "stopped"}))
"""


START_SECONDS = 1_000_000.0
"""Start time of the scripted runs (Unix time in seconds)."""


def training_progress(
    at: float, total: int, metrics: Callable[[int], dict[str, float]]
) -> tuple[Progress, ...]:
    """Eight progress events of a training, one second apart; `metrics` by step."""
    return tuple(
        Progress(
            done=100 * step, total=total, unit="frames", rate=812.0, seconds_left=12.0,
            metrics={"loss": 1 / step, "epoch": 1.0, **metrics(step)}, at=at + step,
        )
        for step in range(1, 9)
    )  # fmt: skip


def freeze_run_view_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Fix the clock of the run view at `seconds` after the start of the runs."""
    monkeypatch.setattr(
        "agp_tui.ui.components.run_view.view.time", SimpleNamespace(time=lambda: START_SECONDS + seconds)
    )


def create_run(root: Path, job: str, request: dict[str, Any], *events: Event) -> Run:
    """A run with these events; its process continues until stopped if the last event is not an end."""
    run = Run.create(root, job, request)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(run.path)], stdin=subprocess.PIPE, env=module_environment()
    )
    assert worker.stdin is not None
    worker.stdin.write(b"".join(map(encode_event, events)))
    worker.stdin.close()
    if type(events[-1]).__name__ in ("Finished", "Failed"):
        worker.wait(20)
    else:
        while run.last_event() is None:
            assert worker.poll() is None
    return run
