"""Opens a game by its name and settings: an Atari game, or a region of the screen."""

import dataclasses

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Time
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped
from agp_tui.games.atari import AtariGame, default_keys
from agp_tui.games.base import Game
from agp_tui.games.ids import is_atari

ARROWS = ("up", "left", "right", "down")


def complete(name: str, settings: GameSettings) -> GameSettings:
    """The settings with the default keys of the game, if they name none."""
    if settings.keys:
        return settings
    keys = default_keys(name) if is_atari(name) else ARROWS
    return dataclasses.replace(settings, keys=keys)


def open_game(name: str, settings: GameSettings, source: Time, job: Job) -> Game:
    """Open the Atari game of an id, or a region of the screen, which a click chooses if none is set.

    Raises `SettingError` for an unknown Atari id, `DisplayError` without a screen, and
    `JobFailed` if the job is stopped before the click.
    """
    settings = complete(name, settings)
    if is_atari(name):
        return AtariGame(name, settings, source)
    from agp_tui.games.click_to_choose import choose_center
    from agp_tui.games.display_discovery import FROM_ENVIRONMENT, FROM_SETTINGS, find_display
    from agp_tui.games.screen import ScreenGame

    display = find_display(settings)
    if display.name and display.source not in (FROM_SETTINGS, FROM_ENVIRONMENT):
        job.note(f"{name} is on the display {display.name} ({display.source}); --display chooses another.")
    if settings.region is None and settings.center is None:
        job.note(f"Click on the middle of {name} on the display {display.name}.")
        display.enter()
        center = choose_center(display.name or None, job)
        if center is None:
            raise JobStopped("Stopped before a region was chosen.", "Give it with --center X,Y or --region.")
        job.note(f"The region is {settings.size} pixels around {center[0]},{center[1]}.")
        settings = dataclasses.replace(settings, center=center)
    return ScreenGame(name, settings, display)
