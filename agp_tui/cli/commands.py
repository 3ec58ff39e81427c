"""The command tree. The module of a command is imported only when the command runs."""

import difflib
from collections.abc import Sequence

from cyclopts import App

from agp_tui import __version__
from agp_tui.cli.home import home
from agp_tui.cli.setting_sources import fill_from_settings
from agp_tui.errors import SettingError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (
        "demo:demo",
        "Run the whole imitation loop on an Atari game, from recording to a table of scores.",
    ),
    "record": ("record:record", "Record a game: its frames and the keys held."),
    "recordings": (
        "recordings:app",
        "Recordings: list, info, replay, check, repair, import, export, delete.",
    ),
    "screen": ("screen:app", "Displays: list, watch, pick a point by a click."),
    "train": ("train:train", "Train a model on the recordings of a game and export it."),
    "export": ("train:export", "Export a checkpoint to a model that plays."),
    "models": ("models:app", "Exported models: list, info, measure, steady, diagnose, delete."),
    "play": ("play:play", "Let a model play a game."),
    "practice": (
        "train:practice",
        "Improve a model by DAgger: it plays, a teacher corrects it, it trains on the corrections.",
    ),
    "bench": ("bench:app", "Benchmarks against a baseline in the same run."),
    "atari": ("atari:app", "Atari: list games; train, evaluate, watch and record agents."),
    "runs": ("runs:app", "Long jobs, running or ended: list, follow, stop, delete."),
    "doctor": ("doctor:doctor", "Check this machine: displays, keyboards, runtime, disk."),
    "config": ("config:app", "The settings file: show, check, set, unset, path, text."),
}
"""By command: its function below `agp_tui.cli`, and its line in `agp --help`."""


def app_for(words: Sequence[str]) -> App:
    """The cyclopts app for one command line.

    Only the command in use provides its full help; the others provide one line. Raises `SettingError` for
    an unknown command.
    """
    app = App(
        name="agp",
        help="Record a game with the keys you hold, learn to play it, take the keyboard.",
        version=__version__,
        config=(fill_from_settings,),
        help_format="markdown" if words and words[0] in COMMANDS else "plaintext",
    )
    app.default(home)
    command = words[0] if words else ""
    if command and command not in COMMANDS and not command.startswith("-"):
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        cure = f"Did you mean agp {near[0]}?" if near else "agp --help lists them."
        raise SettingError(f"Expected a command ({', '.join(COMMANDS)}), found {command!r}.", cure)
    for place, (name, (where, line)) in enumerate(COMMANDS.items()):
        shown = None if name == command else line
        app.command(f"agp_tui.cli.{where}", name=name, help=shown, sort_key=place)
    return app
