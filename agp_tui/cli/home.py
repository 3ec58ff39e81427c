"""`agp` alone: the app where there is a terminal."""

import sys

from agp_tui.cli.flags import OutputFlags
from agp_tui.config import Output
from agp_tui.errors import SettingError


def home(*, output: OutputFlags = Output()) -> int:
    """Open the app. Without a terminal, say what to type instead."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError(
            "Expected a terminal for the app, found none.",
            "Type a command instead: agp demo, agp record, agp train, agp play. agp --help lists them.",
        )
    from agp_tui.ui.app import run_app

    return run_app(output)
