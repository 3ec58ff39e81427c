"""What kind of terminal this is, as far as settings depend on it."""

import os


def over_ssh() -> bool:
    """Whether this is a login from another machine, where each byte has a way to go."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
