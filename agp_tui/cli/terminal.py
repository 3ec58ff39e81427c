"""Open the app if there is a terminal."""

import sys
from pathlib import Path

from agp_tui.errors import SettingError


def in_terminal() -> bool:
    """Whether stdin and stdout are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def open_app(config: Path | None = None) -> int:
    """Open the app. Without a terminal, raises `SettingError` that names the commands."""
    if not in_terminal():
        raise SettingError(
            "Expected a terminal for the app, found none.",
            "Type a command instead: agp demo, agp record, agp train, agp play. agp --help lists them.",
        )
    from agp_tui.ui.app import run_app

    return run_app(config)
