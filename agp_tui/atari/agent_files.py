"""Finds agents by name: saved among the models, and in the runs of trainings. Imports no torch."""

import difflib
from pathlib import Path

from agp_tui.errors import ModelError, SettingError

SUFFIX = ".agent.pt"
"""A saved agent is a file NAME.agent.pt among the models."""


def agent_path(models: Path, name: str) -> Path:
    """The file of a saved agent. Raises `SettingError` for an invalid name."""
    if not name or Path(name).name != name or name.startswith("."):
        raise SettingError(
            f"Expected a name for the saved agent, found {name!r}.",
            "Such as pong-1.",
            setting="save_best_as",
        )
    return models / f"{name}{SUFFIX}"


def find_agent(text: str, models: Path, runs: Path) -> Path:
    """The checkpoint of a file, a saved agent's name, or a run (its best one, else its last).

    A run is also found by a unique prefix or suffix of its id. Raises `ModelError` with the closest names.
    """
    path = Path(text).expanduser()
    runs_with_agents = [last.parent.parent for last in sorted(runs.glob("*-atari-*/checkpoints/last.pt"))]
    matching = [run for run in runs_with_agents if run.name.startswith(text) or run.name.endswith(text)]
    folders = [path, runs / text, *(matching if text and len(matching) == 1 else [])]
    in_runs = [folder / "checkpoints" / name for folder in folders for name in ("best.pt", "last.pt")]
    for candidate in (path, models / f"{text}{SUFFIX}", *in_runs):
        if candidate.is_file():
            return candidate.resolve()
    names = [one.name.removesuffix(SUFFIX) for one in sorted(models.glob(f"*{SUFFIX}"))]
    names += [run.name for run in runs_with_agents]
    close = difflib.get_close_matches(text, names, n=3, cutoff=0.4)
    if close:
        hint = f"Did you mean {', '.join(close)}?"
    else:
        hint = (
            f"Known here: {', '.join(names[-3:])}."
            if names
            else "There is none yet: agp atari train makes one."
        )
    raise ModelError(f"Expected an agent named {text!r}, found none.", hint)
