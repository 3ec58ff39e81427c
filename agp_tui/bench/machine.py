"""Which machine a figure comes from: without that it says nothing."""

import platform
from pathlib import Path

from agp_tui.engine.cpu import available_cpus


def machine() -> str:
    """Processor, cores that this process may use, system and Python, in one line."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()}, {available_cpus()} cores, {system}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
