"""How this program starts parts of itself as processes of their own."""

import os
import sys
from pathlib import Path

import agp_tui


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules. Files where the user happens to be are not imported."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment(**variables: str) -> dict[str, str]:
    """This environment with `variables`, in which our modules are found even where they are not installed."""
    root = str(Path(agp_tui.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **variables}
