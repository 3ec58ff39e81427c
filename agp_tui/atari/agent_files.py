"""Where agents are kept: in the runs that trained them, and under names among the models. Quick to import."""

import difflib
from pathlib import Path

from agp_tui.errors import ModelError, SettingError

SUFFIX = ".agent.pt"
"""A kept agent is a file NAME.agent.pt among the models."""


def kept_as(models: Path, name: str) -> Path:
    """The file of an agent's name. Raises `SettingError` for a name that is none."""
    if not name or Path(name).name != name or name.startswith("."):
        raise SettingError(
            f"Expected a name to keep the agent under, found {name!r}.",
            "Such as pong-1.",
            setting="save_best_as",
        )
    return models / f"{name}{SUFFIX}"


def find_agent(text: str, models: Path, runs: Path) -> Path:
    """The checkpoint that a person means: a file, a kept name, or a run (its best one, else its last).

    A run may be named by the beginning or the end of its id, where no other has it. Raises `ModelError`
    with the nearest names.
    """
    given = Path(text).expanduser()
    trained = [path.parent.parent for path in sorted(runs.glob("*-atari-*/checkpoints/last.pt"))]
    meant = [run for run in trained if run.name.startswith(text) or run.name.endswith(text)]
    folders = [given, runs / text, *(meant if text and len(meant) == 1 else [])]
    of_run = [folder / "checkpoints" / name for folder in folders for name in ("best.pt", "last.pt")]
    for candidate in (given, models / f"{text}{SUFFIX}", *of_run):
        if candidate.is_file():
            return candidate.resolve()
    names = [path.name.removesuffix(SUFFIX) for path in sorted(models.glob(f"*{SUFFIX}"))]
    names += [run.name for run in trained]
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.4)
    if near:
        cure = f"Did you mean {', '.join(near)}?"
    else:
        cure = (
            f"Known here: {', '.join(names[-3:])}."
            if names
            else "There is none yet: agp atari train makes one."
        )
    raise ModelError(f"Expected an agent named {text!r}, found none.", cure)
