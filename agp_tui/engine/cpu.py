"""How many cores there are for us."""

import os


def cores() -> int:
    """Cores that this process may use; all there are where the system does not say."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
