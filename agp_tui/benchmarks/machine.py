"""Which machine a figure comes from: without that it says nothing."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores that this process may use, system and Python, in one line."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()}, {cores()} cores, {system}, Python {platform.python_version()}"


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
