"""Confirmation before a deletion: a question, or --yes."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agp_tui.config import Output
from agp_tui.errors import SettingError

Yes = Annotated[bool, Parameter(negative=(), help="Do not ask.")]


def confirmed(path: Path, yes: bool, output: Output) -> bool:
    """Whether `path` may be deleted. Raises `SettingError` if there is nobody to ask."""
    if yes:
        return True
    if output.json or not sys.stdin.isatty():
        raise SettingError("Expected a terminal to confirm the deletion, found none.", "Add --yes.")
    try:
        return input(f"Delete {path}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
