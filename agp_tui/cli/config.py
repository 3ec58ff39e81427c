"""`agp config`: what is set, and where it came from."""

import dataclasses
import sys

from cyclopts import App

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.running import settings_of, show
from agp_tui.config import GameSettings, Output
from agp_tui.config_file import Loaded, sections_of
from agp_tui.engine.events import Table

app = App(name="config", help="The settings file: show, check, path, text.")

Row = list[str | float | int | None]


@app.command(name="show")
def show_(*, output: OutputFlags = Output()) -> int:
    """Every setting, its value and where it comes from."""
    loaded = settings_of(output)
    rows: list[Row] = []
    for section in dataclasses.fields(loaded.config):
        value = getattr(loaded.config, section.name)
        if section.name == "games":
            for name, profile in value.items():
                rows += _rows(loaded, f"games.{name}", profile, sections_of(GameSettings, name))
        else:
            rows += _rows(loaded, section.name, value, (section.name,))
    return show(
        output, "config", Table(title="Settings", columns=["section", "key", "value", "from"], rows=rows)
    )


def _rows(loaded: Loaded, name: str, settings: object, sections: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    for item in dataclasses.fields(settings):  # type: ignore[arg-type]
        given = loaded.chosen(sections, item.name)
        value = getattr(settings, item.name)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        rows.append([f"[{name}]", item.name, text, given.source if given else "default"])
    return rows


@app.command
def check(*, output: OutputFlags = Output()) -> int:
    """Read the settings and say whether they are right; exit code 2 where they are not."""
    loaded = settings_of(output)
    where = str(loaded.path) if loaded.path else "no file, the defaults hold"
    return show(output, "config", Table(title="Settings are right", columns=["file"], rows=[[where]]))


@app.command
def path(*, output: OutputFlags = Output()) -> int:
    """Where the settings file and the folders are."""
    loaded = settings_of(output)
    rows: list[Row] = [["config.toml", str(loaded.path) if loaded.path else None]]
    rows += [[name, str(loaded.folder(name))] for name in ("recordings", "models", "runs")]
    return show(output, "config", Table(title="Paths", columns=["what", "where"], rows=rows))


@app.command
def text() -> int:
    """A settings file in which every setting stands with its help: agp config text > config.toml."""
    from agp_tui.config_text import config_text

    sys.stdout.write(config_text())
    return 0
