"""Who can play a game without a person's hands, to be chosen from: to record, to watch, to teach."""

from agp_tui.engine.runs import Run
from agp_tui.formatting.text import age_text, state_text
from agp_tui.protocol.events import Finished
from agp_tui.ui.client.catalog import Catalog, RunItem
from agp_tui.ui.dialogs.choose import Choice

JOB = "atari"
CHECKPOINT = "last.pt"


def trainings(runs: tuple[RunItem, ...], game: str = "") -> list[RunItem]:
    """Those of a game, or of all, newest first."""
    return [one for one in runs if one.job == JOB and one.game == (game or one.game)]


def choices(found: list[RunItem]) -> list[Choice]:
    """To choose one of them by a part of its game's name."""
    return [
        Choice(one.id, f"{state_text(one.state)}, {age_text(one.created)}", f"{one.game} {one.id[-4:]}")
        for one in found
    ]


def can_go_on(run: Run) -> bool:
    """Whether it is at rest, has a checkpoint, and did not come to its end."""
    if run.alive() or not (run.checkpoints / CHECKPOINT).is_file():
        return False
    last = run.last_event()
    return not isinstance(last, Finished) or last.stopped


def scripted(game: str, catalog: Catalog) -> list[Choice]:
    """The expert, where there is one; also where the games were not looked at yet."""
    there = catalog.games is None or any(one.expert for one in catalog.games if one.id == game)
    return [Choice("expert", "a script that knows the game")] if there else []


def models(game: str, catalog: Catalog) -> list[Choice]:
    """Its models, the newest first."""
    return [Choice(one.name, "a model of it") for one in catalog.models_of(game)]


def agents(game: str, catalog: Catalog) -> list[Choice]:
    """The trainings of agents of the game, the newest first; each stands for the best agent of it."""
    return [Choice(one.id, f"an agent, {age_text(one.created)}") for one in trainings(catalog.runs, game)]
