"""The trainings of agents among all runs."""

from agp_tui.engine.events import Finished
from agp_tui.engine.runs import Run
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.dialogs.choose import Choice
from agp_tui.ui.states import state_text
from agp_tui.ui.when import ago

JOB = "atari"
CHECKPOINT = "last.pt"


def trainings(runs: tuple[RunItem, ...], game: str = "") -> list[RunItem]:
    """Those of a game, or of all, newest first."""
    return [one for one in runs if one.job == JOB and one.game == (game or one.game)]


def choices(found: list[RunItem]) -> list[Choice]:
    """To choose one of them by a part of its game's name."""
    return [
        Choice(one.id, f"{state_text(one.state)}, {ago(one.created)}", f"{one.game} {one.id[-4:]}")
        for one in found
    ]


def can_go_on(run: Run) -> bool:
    """Whether it is at rest, has a checkpoint, and did not come to its end."""
    if run.alive() or not (run.checkpoints / CHECKPOINT).is_file():
        return False
    last = run.last_event()
    return not isinstance(last, Finished) or last.stopped
