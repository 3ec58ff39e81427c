"""`agp record`: frames of a game with the keys held."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from agp_tui.cli.flags import Game, GameFlags, OutputFlags, RecordFlags, TerminalFlags
from agp_tui.cli.run_job import run_live, settings_of, shown
from agp_tui.cli.terminal import in_terminal
from agp_tui.config import GameSettings, Output, RecordSettings, TerminalSettings, check
from agp_tui.config.file import LoadedConfig
from agp_tui.errors import SettingError

if TYPE_CHECKING:
    from agp_tui.jobs.record import RecordRequest


def record(
    *,
    game: Game,
    place: GameFlags = GameSettings(),
    settings: RecordFlags = RecordSettings(),
    terminal: TerminalFlags = TerminalSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Record a game: its frames and the keys held, by a person, an expert, a model or an Atari agent.

    A person plays on the game's own screen; without --center or --region, a click there chooses
    the middle of the region. Esc on the game's keyboard ends the recording, and so does Ctrl-C here.
    An Atari game is played by hand with --by terminal: its picture and your keys are in this terminal.
    """
    from agp_tui.jobs.record import TERMINAL, RecordRequest, run_record

    loaded = settings_of(output)
    asked = RecordRequest(
        game=game,
        place=check(place),
        settings=check(settings),
        recordings=loaded.folder("recordings"),
        models=loaded.folder("models"),
        runs=loaded.folder("runs"),
        preview=loaded.config.preview,
        terminal=check(terminal),
    )
    if settings.by == TERMINAL and not output.json:
        return _played_here(loaded, asked, output)
    told = {"game": game} | asdict(place) | asdict(settings) | asdict(terminal)
    return run_live(output, "record", told, lambda job: run_record(asked, job))


def _played_here(loaded: LoadedConfig, asked: "RecordRequest", output: Output) -> int:
    """Run this very command, as programs do, behind a view in which a person plays; the exit code."""
    from agp_tui.ui.command_app import play_in_terminal

    if not in_terminal():
        raise SettingError(
            "Expected a terminal to play in, found none.",
            "Run it in one; a program sends keys as commands, with --json.",
        )
    return shown(output, play_in_terminal(loaded, f"You play {asked.game}", asked.terminal, *sys.argv[1:]))
