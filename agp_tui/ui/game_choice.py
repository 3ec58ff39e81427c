"""Which games there are to choose from, and what is known of one before anything runs."""

import os
from typing import TYPE_CHECKING

from agp_tui.games.names import is_atari

if TYPE_CHECKING:
    from agp_tui.config import Config
    from agp_tui.ui.client.catalog import Catalog
    from agp_tui.ui.dialogs.choose import Choice

FIRST_GAME = "ALE/Pong-v5"
"""The game of somebody who has none yet: it runs everywhere."""


def first_game(config: "Config") -> str:
    """The game to begin with, before it is known what there is."""
    return next(iter(config.games), FIRST_GAME)


def likely_game(config: "Config", catalog: "Catalog") -> str:
    """The game of somebody who has chosen none: the first profile, else what was recorded last."""
    if config.games or not catalog.recordings:
        return first_game(config)
    return max(catalog.recordings, key=lambda one: one.stamp).game


def display_of(config: "Config", game: str) -> str:
    """Its own display, else that of the settings or of this terminal; none for Atari."""
    if not game or is_atari(game):
        return ""
    return config.games.get(game, config.game).display or os.environ.get("DISPLAY", "")


def known_games(config: "Config", catalog: "Catalog") -> "list[Choice]":
    """Profiles, games with recordings or models, then every Atari game."""
    from agp_tui.ui.dialogs.choose import Choice

    notes: dict[str, str] = dict.fromkeys(config.games, "your profile")
    for recording in catalog.recordings or ():
        notes.setdefault(recording.game, "recorded")
    for model in catalog.models or ():
        if model.game:
            notes.setdefault(model.game, "has a model")
    for atari in sorted(catalog.games or (), key=lambda one: not one.expert):
        notes.setdefault(atari.id, "Atari, with an expert to watch" if atari.expert else "Atari")
    return [Choice(name, note) for name, note in notes.items()]
