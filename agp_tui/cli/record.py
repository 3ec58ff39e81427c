"""`agp record`: record the frames of a game and the keys held."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from agp_tui.cli.flags import Game, GameFlags, OutputFlags, RecordFlags, TerminalFlags
from agp_tui.cli.run_job import print_result, run_live, settings_of
from agp_tui.cli.setting_sources import is_region_chosen
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
    """Record a game: its frames and the keys held by a person, an expert, a model or an Atari agent.

    A person plays on the screen of the game. Without --center or --region, the region is that of the game's
    profile, else that of the last recording, in the same window wherever it is now; else a click sets its
    centre. Esc on the game's keyboard or Ctrl-C here ends the recording. With --by terminal you play an Atari
    game in this terminal.
    """
    from agp_tui.jobs.record import TERMINAL, RecordRequest, run_record

    loaded = settings_of(output)
    request = RecordRequest(
        game=game,
        place=check(place),
        chosen_region=is_region_chosen(loaded, game, place),
        profiles=loaded.config.games,
        settings=check(settings),
        recordings=loaded.folder("recordings"),
        models=loaded.folder("models"),
        runs=loaded.folder("runs"),
        preview=loaded.config.preview,
        terminal=check(terminal),
    )
    if settings.by == TERMINAL and not output.json:
        return _play_in_terminal(loaded, request, output)
    arguments = {"game": game} | asdict(place) | asdict(settings) | asdict(terminal)
    return run_live(output, "record", arguments, lambda job: run_record(request, job))


def _play_in_terminal(loaded: LoadedConfig, request: "RecordRequest", output: Output) -> int:
    """Run this command as a subprocess behind a view in which a person plays; returns the exit code."""
    from agp_tui.ui.command_app import play_in_terminal

    if not in_terminal():
        raise SettingError(
            "Expected a terminal to play in, found none.",
            "Run it in a terminal; programs send keys as commands, with --json.",
        )
    return print_result(
        output, play_in_terminal(loaded, f"You play {request.game}", request.terminal, *sys.argv[1:])
    )
