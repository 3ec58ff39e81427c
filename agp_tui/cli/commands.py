"""The tree of commands. Each lives in a module that is imported only when it is asked for."""

import difflib
from collections.abc import Sequence

from cyclopts import App

from agp_tui import __version__
from agp_tui.cli.home import home
from agp_tui.cli.setting_sources import fill_from_settings
from agp_tui.errors import SettingError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo:demo", "The whole loop on Atari, from nothing to a table of scores."),
    "record": ("record:record", "Record a game: its frames and the keys held."),
    "recordings": (
        "recordings:app",
        "Recordings: list, info, replay, check, repair, import, export, delete.",
    ),
    "screen": ("screen:app", "Displays: list them, watch one, pick a point on one by a click."),
    "train": ("train:train", "Train a model on the recordings of a game and export it."),
    "export": ("train:export", "Make a model that plays from a checkpoint."),
    "models": ("models:app", "Exported models: list, info, measure, delete."),
    "play": ("play:play", "Let a model play."),
    "practice": ("train:practice", "Let a model play while a teacher corrects it, and learn from that."),
    "bench": ("bench:app", "Benchmarks: ours against the plain way, in the same run."),
    "atari": ("atari:app", "Atari: list games, train, eval, watch and film agents."),
    "runs": ("runs:app", "Long jobs, alive or ended: list, follow, stop, delete."),
    "doctor": ("doctor:doctor", "Look over this machine: what helps, what hinders, what to do."),
    "config": ("config:app", "The settings file: show, check, set, unset, path, text."),
}
"""Each command: where it is below `agp_tui.cli`, and its line in `agp --help`."""


def app_for(words: Sequence[str]) -> App:
    """The app for one command line.

    Its first word's command brings its own, longer help; of the others only the line here is needed.
    Raises `SettingError` where that word is no command.
    """
    app = App(
        name="agp",
        help="Record a game with the keys you hold, learn to play it, take the keyboard.",
        version=__version__,
        config=(fill_from_settings,),
        help_format="markdown" if words and words[0] in COMMANDS else "plaintext",
    )
    app.default(home)
    asked = words[0] if words else ""
    if asked and asked not in COMMANDS and not asked.startswith("-"):
        near = difflib.get_close_matches(asked, COMMANDS, n=1)
        cure = f"Did you mean agp {near[0]}?" if near else "agp --help lists them."
        raise SettingError(f"Expected a command ({', '.join(COMMANDS)}), found {asked!r}.", cure)
    for place, (name, (where, line)) in enumerate(COMMANDS.items()):
        shown = None if name == asked else line
        app.command(f"agp_tui.cli.{where}", name=name, help=shown, sort_key=place)
    return app
