"""Measures a game's own delay from a key to the picture, for `agp doctor --game`."""

from contextlib import closing
from pathlib import Path

from agp_tui.config import GameSettings
from agp_tui.engine.clock import RealTime
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, Interrupted, JobStopped, SettingError
from agp_tui.games.factory import KnownViews, open_game
from agp_tui.games.ids import is_atari
from agp_tui.games.key_delay import KeyDelay, keys_to_press, measure_key_delay, save_key_delay
from agp_tui.games.screen import ScreenGame
from agp_tui.games.window_focus import WindowFocus, can_detect_focus
from agp_tui.keys.state import NO_KEYS
from agp_tui.protocol.summaries import Finding
from agp_tui.recording.library import known_views
from agp_tui.recording.meta import game_slug
from agp_tui.recording.store import find_recordings


def game_delay_finding(game: str, place: GameSettings, recordings: Path, chosen: bool, job: Job) -> Finding:
    """Measure it, and store it in the folder of the game's recordings, from where recordings copy it.

    `chosen`: whether the region was given by a flag or a variable. Raises `JobStopped` after a stop; all
    other errors become the finding.
    """
    name = f"delay of {game}"
    if is_atari(game):
        return Finding(name, None, "none to measure: the emulator runs in this process")
    try:
        found = _measured(game, place, recordings, chosen, job)
    except (JobStopped, Interrupted):
        raise
    except AgpError as error:
        return Finding(name, False, error.message, error.hint)
    save_key_delay(recordings / game_slug(game), found)
    return Finding(name, True if found.milliseconds is not None else None, found.text)


def _measured(game: str, place: GameSettings, recordings: Path, chosen: bool, job: Job) -> KeyDelay:
    if not can_detect_focus():
        raise SettingError(
            "Expected an X11 display to measure on, found a system that does not tell the keyboard focus.",
            "Nothing was pressed.",
        )
    views = known_views(find_recordings(recordings, game))
    known = KnownViews(views=views, owner="the last recording", chosen=chosen)
    with closing(open_game(game, place, RealTime(), job, known)) as opened:
        assert isinstance(opened, ScreenGame)
        keys = keys_to_press(opened.keys)
        with closing(WindowFocus(opened.display, opened.tracker)) as focus:
            opened.hold(NO_KEYS)
            job.note(
                f"Presses {', '.join(keys)} in {game} now, for about half a minute. The game's window must "
                "have the focus; do not use keyboard or mouse."
            )
            return measure_key_delay(opened, keys, focus, job)
