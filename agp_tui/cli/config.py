"""`agp config`: show, validate and edit the settings."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter
from msgspec import UNSET, UnsetType

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.run_job import print_tables, settings_of
from agp_tui.config import Config, Output
from agp_tui.config.file import FileError, LoadedConfig
from agp_tui.errors import SettingError
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import ConfigResult, ConfigSetResult, ConfigUnsetResult

app = App(name="config", help="The settings file: show, check, set, unset, path, text.")

Row = list[str | float | int | None]


@app.command(name="show")
def show_(*, output: OutputFlags = Output()) -> int:
    """List all settings with their values and sources.

    With --json the report has `settings`, with everything that a form needs, and `file`. For an invalid
    file it has the defaults and `error`.
    """
    from agp_tui.config.form_fields import list_settings, problem

    error_report: dict[str, str | None] | UnsetType = UNSET
    try:
        loaded = settings_of(output)
    except FileError as error:
        if not output.json:
            raise
        loaded = LoadedConfig(Config(), error.file)
        error_report = problem(error)
    settings = list_settings(loaded)
    file = str(loaded.path) if loaded.path else None
    report = ConfigResult(settings=settings, file=file, error=error_report)
    rows: list[Row] = [
        [f"[{one['section']}]", one["key"], _shown(one["value"]), one["source"]] for one in settings
    ]
    table = Table(title="Settings", columns=["section", "key", "value", "from"], rows=rows)
    return print_tables(output, "config", table, report=report)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command(name="set")
def set_(
    *words: Annotated[
        str,
        Parameter(allow_leading_hyphen=True, help="SECTION.KEY VALUE, repeatable: game.fps 60"),
    ],
    output: OutputFlags = Output(),
) -> int:
    """Set values in config.toml: SECTION.KEY VALUE. Comments are preserved, invalid values are rejected.

    Lists are comma-separated: game.keys up,left. Profiles of games are games.NAME; new ones are created.
    A missing settings file is created in the working directory, with all settings in it.
    """
    from agp_tui.config.editing import file_to_edit, set_values

    if not words or len(words) % 2:
        raise SettingError(
            f"Expected SECTION.KEY VALUE, found {' '.join(words) or 'nothing'}.",
            "Such as: agp config set game.fps 60",
        )
    path = file_to_edit(output.config)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    set_values(path, pairs)
    rows: list[Row] = [[name, value] for name, value in pairs]
    table = Table(title=f"Set in {path}", columns=["setting", "value"], rows=rows)
    return print_tables(output, "config", table, report=ConfigSetResult(file=str(path), set=dict(pairs)))


@app.command
def unset(
    *names: Annotated[str, Parameter(help="SECTION.KEY, repeatable, or games.NAME.")],
    output: OutputFlags = Output(),
) -> int:
    """Reset settings to their defaults: SECTION.KEY. games.NAME removes a whole profile."""
    from agp_tui.config.editing import file_to_edit
    from agp_tui.config.editing import unset as unset_values

    if not names:
        raise SettingError("Expected SECTION.KEY, found nothing.", "Such as: agp config unset game.fps")
    path = file_to_edit(output.config)
    unset_values(path, names)
    rows: list[Row] = [[name] for name in names]
    table = Table(title=f"Reset to the default in {path}", columns=["setting"], rows=rows)
    return print_tables(output, "config", table, report=ConfigUnsetResult(file=str(path), unset=list(names)))


@app.command
def check(*, output: OutputFlags = Output()) -> int:
    """Validate the settings; exit code 2 if they are invalid."""
    loaded = settings_of(output)
    where = str(loaded.path) if loaded.path else "no file, all defaults"
    return print_tables(output, "config", Table(title="Valid settings", columns=["file"], rows=[[where]]))


@app.command
def path(*, output: OutputFlags = Output()) -> int:
    """Show the paths of the settings file and the folders."""
    loaded = settings_of(output)
    rows: list[Row] = [["config.toml", str(loaded.path) if loaded.path else None]]
    rows += [[name, str(loaded.folder(name))] for name in ("recordings", "models", "runs")]
    return print_tables(output, "config", Table(title="Paths", columns=["what", "where"], rows=rows))


@app.command
def text() -> int:
    """Print a settings file with all settings and their help: agp config text > config.toml."""
    from agp_tui.config.template import config_text

    sys.stdout.write(config_text())
    return 0
