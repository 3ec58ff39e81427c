"""Choices of players other than a human: experts, models and agents of a game."""

from agp_tui.engine.runs import Run
from agp_tui.formatting.text import age_text, state_text
from agp_tui.protocol.events import Finished
from agp_tui.ui.client.catalog import Catalog, RunItem
from agp_tui.ui.dialogs.choose import Choice

JOB = "atari"
CHECKPOINT = "last.pt"


def trainings(runs: tuple[RunItem, ...], game: str = "") -> list[RunItem]:
    """The Atari trainings of a game, or of all games, newest first."""
    return [one for one in runs if one.job == JOB and one.game == (game or one.game)]


def choices(found: list[RunItem]) -> list[Choice]:
    """The trainings as dialog choices, found by a part of the game's name."""
    return [
        Choice(one.id, f"{state_text(one.state)}, {age_text(one.created)}", f"{one.game} {one.id[-4:]}")
        for one in found
    ]


def is_resumable(run: Run) -> bool:
    """Whether the run can be resumed: not running, not finished, with a checkpoint."""
    if run.alive() or not (run.checkpoints / CHECKPOINT).is_file():
        return False
    last = run.last_event()
    return not isinstance(last, Finished) or last.stopped


def scripted(game: str, catalog: Catalog) -> list[Choice]:
    """The expert if the game has one, or if the games are not known yet."""
    available = catalog.games is None or any(one.expert for one in catalog.games if one.id == game)
    return [Choice("expert", "a script that knows the game")] if available else []


def models(game: str, catalog: Catalog) -> list[Choice]:
    """The models of the game, newest first."""
    return [Choice(one.name, "a model of it") for one in catalog.models_of(game)]


def agents(game: str, catalog: Catalog) -> list[Choice]:
    """The agent trainings of the game, newest first; a run id stands for its best agent."""
    return [Choice(one.id, f"an agent, {age_text(one.created)}") for one in trainings(catalog.runs, game)]
