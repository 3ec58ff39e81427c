"""Background load for measurements: processes that keep each core busy for a share of the time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from agp_tui.engine.cpu import available_cpus

PERIOD_SECONDS = 0.02
LOAD_SCRIPT = """
import sys, time
share, period = float(sys.argv[1]), float(sys.argv[2])
while True:
    end = time.perf_counter() + share * period
    while time.perf_counter() < end:
        pass
    time.sleep((1 - share) * period)
"""


@contextmanager
def busy_cores(share: float) -> Iterator[None]:
    """Keep each core busy for this share of the time, 0 to 1, while the context is open."""
    command = [sys.executable, "-c", LOAD_SCRIPT, str(share), str(PERIOD_SECONDS)]
    processes = [subprocess.Popen(command) for _ in range(available_cpus() if share else 0)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
