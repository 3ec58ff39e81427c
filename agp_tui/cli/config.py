"""`agp config`: what is set, and where it came from."""

import dataclasses

from cyclopts import App

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.running import settings_of, show
from agp_tui.config import Output
from agp_tui.engine.events import Table

app = App(name="config", help="The settings file: show, check, path.")


@app.command(name="show")
def show_(*, output: OutputFlags = Output()) -> int:
    """Every setting, its value and whether the file gives it."""
    loaded = settings_of(output)
    rows: list[list[str | float | int | None]] = []
    for section in dataclasses.fields(loaded.config):
        value = getattr(loaded.config, section.name)
        tables = value.items() if isinstance(value, dict) else [("", value)]
        for profile, table in tables:
            name = f"{section.name}.{profile}" if profile else section.name
            given = loaded.given.get(section.name, {})
            given = given.get(profile, {}) if profile else given
            for item in dataclasses.fields(table):
                where = "file" if item.name in given else "default"
                rows.append([f"[{name}]", item.name, str(getattr(table, item.name)), where])
    return show(
        output, "config", Table(title="Settings", columns=["section", "key", "value", "from"], rows=rows)
    )


@app.command
def check(*, output: OutputFlags = Output()) -> int:
    """Read the settings file and say whether it is right; exit code 2 where it is not."""
    loaded = settings_of(output)
    where = str(loaded.path) if loaded.path else "no file, the defaults hold"
    return show(output, "config", Table(title="Settings are right", columns=["file"], rows=[[where]]))


@app.command
def path(*, output: OutputFlags = Output()) -> int:
    """Where the settings file and the folders are."""
    loaded = settings_of(output)
    rows: list[list[str | float | int | None]] = [["config.toml", str(loaded.path) if loaded.path else None]]
    rows += [[name, str(loaded.folder(name))] for name in ("recordings", "models", "runs")]
    return show(output, "config", Table(title="Paths", columns=["what", "where"], rows=rows))
