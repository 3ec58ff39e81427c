"""Other work on this machine, made on purpose: processes that keep each core busy for a part of the time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from agp_tui.engine.cpu import available_cpus

PERIOD_SECONDS = 0.02
BURNER = """
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
    """While inside, as many processes as there are cores work for that share of the time; none at 0."""
    command = [sys.executable, "-c", BURNER, str(share), str(PERIOD_SECONDS)]
    burners = [subprocess.Popen(command) for _ in range(available_cpus() if share else 0)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
