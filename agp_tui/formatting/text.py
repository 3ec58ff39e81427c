"""Durations and states as text. Imports nothing of ours: the first screen needs it at once."""

import time


def duration_text(seconds: float) -> str:
    """Seconds as `45 s`, `12 min`, `3.5 h` or `4 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def age_text(moment: float) -> str:
    """The time since `moment` (seconds since 1970), such as `12 min ago`."""
    return f"{duration_text(max(0.0, time.time() - moment))} ago"


def clock_text(seconds: float) -> str:
    """Seconds as `1:05.3`."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def hours_text(seconds: float) -> str:
    """Seconds as `1:05` or `2:03:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


STATES = {
    "running": ("▶ running", "green"),
    "finished": ("✓ finished", ""),
    "stopped": ("■ stopped", "yellow"),
    "failed": ("✗ failed", "red"),
    "died": ("✗ died", "red"),
    "waiting": ("· waiting", "dim"),
    "damaged": ("✗ damaged", "red"),
}
"""By state: its words, and rich's style for them."""


def state_text(state: str) -> str:
    """The words of a state."""
    return STATES.get(state, (state, ""))[0]
