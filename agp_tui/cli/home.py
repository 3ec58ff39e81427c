"""`agp` alone: the app."""

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.terminal import open_app
from agp_tui.config import Output


def home(*, output: OutputFlags = Output()) -> int:
    """Open the app. Without a terminal, say what to type instead."""
    return open_app(output.config)
