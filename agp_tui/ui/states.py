"""How a run stands, as people see it."""

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
