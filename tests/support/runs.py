"""Runs in a folder as their processes leave them: ended ones, and one that goes on until it is stopped."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from agp_tui.engine.children import module_environment
from agp_tui.engine.events import Event, encode
from agp_tui.engine.runs import Run

WORKER = """
import signal, sys, time
from pathlib import Path
from agp_tui.engine.events import Failed, Finished, decode_event
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
    log.hear(event)
if not isinstance(event, Finished | Failed):
    while not stop:
        time.sleep(0.02)
    log.hear(Finished(job=run.job, run=run.id, stopped=True, report={"why": "stopped"}))
"""


def run_with(root: Path, job: str, request: dict[str, Any], *events: Event) -> Run:
    """A run that told these; where the last is no end, its process goes on until it is stopped."""
    run = Run.create(root, job, request)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(run.path)], stdin=subprocess.PIPE, env=module_environment()
    )
    assert worker.stdin is not None
    worker.stdin.write(b"".join(map(encode, events)))
    worker.stdin.close()
    if type(events[-1]).__name__ in ("Finished", "Failed"):
        worker.wait(20)
    else:
        while run.last_event() is None:
            assert worker.poll() is None
    return run
