"""Who can play a game without a person's hands, to be chosen from: to record, to watch, to teach."""

from agp_tui.ui.client.catalog import Catalog
from agp_tui.ui.dialogs.choose import Choice
from agp_tui.ui.panes.atari_runs import trainings
from agp_tui.ui.when import ago


def scripted(game: str, catalog: Catalog) -> list[Choice]:
    """The expert, where there is one; also where the games were not looked at yet."""
    there = catalog.games is None or any(one.expert for one in catalog.games if one.id == game)
    return [Choice("expert", "a script that knows the game")] if there else []


def models(game: str, catalog: Catalog) -> list[Choice]:
    """Its models, the newest first."""
    return [Choice(one.name, "a model of it") for one in catalog.models_of(game)]


def agents(game: str, catalog: Catalog) -> list[Choice]:
    """The trainings of agents of the game, the newest first; each stands for the best agent of it."""
    return [Choice(one.id, f"an agent, {ago(one.created)}") for one in trainings(catalog.runs, game)]
