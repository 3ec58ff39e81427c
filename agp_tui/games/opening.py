"""From a game's name and settings to a game that can be played."""

import dataclasses

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Time
from agp_tui.games.atari import AtariGame, default_keys, is_atari
from agp_tui.games.base import Game

ARROWS = ("up", "left", "right", "down")


def complete(name: str, settings: GameSettings) -> GameSettings:
    """The same settings with the game's own keys where none are named."""
    if settings.keys:
        return settings
    keys = default_keys(name) if is_atari(name) else ARROWS
    return dataclasses.replace(settings, keys=keys)


def open_game(name: str, settings: GameSettings, source: Time) -> Game:
    """The Atari game of that id, or the region of the screen that `settings` tell.

    Raises `SettingError` for an unknown Atari id and `DisplayError` where there is no screen.
    """
    settings = complete(name, settings)
    if is_atari(name):
        return AtariGame(name, settings, source)
    from agp_tui.games.screen import ScreenGame

    return ScreenGame(name, settings)
