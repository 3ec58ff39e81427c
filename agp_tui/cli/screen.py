"""`agp screen`: list, watch and pick points on displays."""

import dataclasses
from typing import Annotated

from cyclopts import App, Parameter

from agp_tui.cli.flags import OutputFlags, PointFlag, RegionFlag
from agp_tui.cli.run_job import print_tables, run_live, settings_of
from agp_tui.config import GameSettings, Output, check
from agp_tui.errors import SettingError
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import DisplaysResult
from agp_tui.protocol.summaries import DisplaySummary

app = App(name="screen", help="Displays: list, watch, pick a point by a click.")

ProfileFlag = Annotated[str | None, Parameter(help="Use the display of this profile in config.toml.")]
DisplayFlag = Annotated[str | None, Parameter(help="X display, such as :0. Detected if not given.")]


@app.command(name="list")
def list_(*, game: ProfileFlag = None, output: OutputFlags = Output()) -> int:
    """List displays with their sizes, and why each is usable or not."""
    from agp_tui.games.display_discovery import candidates

    found = candidates(dataclasses.replace(_place(game, output), display=None))
    rows: list[list[str | float | int | None]] = [
        [one.name or "this desktop", "yes" if one.usable else "no", one.reason, one.source] for one in found
    ]
    table = Table(title="displays", columns=["display", "usable", "reason", "from"], rows=rows)
    displays = [
        DisplaySummary(name=one.name, usable=one.usable, size=one.size, reason=one.reason, source=one.source)
        for one in found
    ]
    return print_tables(output, "screen", table, report=DisplaysResult(displays=displays))


@app.command
def watch(
    *,
    game: ProfileFlag = None,
    display: DisplayFlag = None,
    center: PointFlag | None = None,
    size: int | None = None,
    region: RegionFlag | None = None,
    follow: Annotated[bool, Parameter(negative=())] = False,
    output: OutputFlags = Output(),
) -> int:
    """Show a display, or a region as a recording would see it, until stopped.

    Parameters
    ----------
    center
        Centre of the region, X,Y in pixels of the display.
    size
        Side of the square region around the centre, in pixels.
    region
        The region as X,Y,WIDTH,HEIGHT in pixels.
    follow
        Show what agp record would record with this region in the profile of --game: the region in the window
        of the last recording.
    """
    from agp_tui.jobs.screen import ScreenWatchRequest, run_screen_watch

    place = _place(game, output, display)
    place = dataclasses.replace(place, center=center, region=region, size=size or place.size)
    if follow and game is None:
        raise SettingError("Expected a game with --follow, found none.", "Name it with --game.")
    loaded = settings_of(output)
    request = ScreenWatchRequest(
        place=check(place),
        game=game if follow else None,
        recordings=loaded.folder("recordings"),
        preview=loaded.config.preview,
    )
    arguments = {"display": place.display, "center": center, "size": place.size, "region": region}
    return run_live(output, "watch", arguments, lambda job: run_screen_watch(request, job))


@app.command
def pick(*, game: ProfileFlag = None, display: DisplayFlag = None, output: OutputFlags = Output()) -> int:
    """Wait for a click on the game's display and print its position."""
    from agp_tui.jobs.screen import run_screen_pick

    place = _place(game, output, display)
    return run_live(output, "pick", {"display": place.display}, lambda job: run_screen_pick(place, job))


def _place(game: str | None, output: Output, display: str | None = None) -> GameSettings:
    """The settings of the profile, or of [game], with this display."""
    config = settings_of(output).config
    place = config.games.get(game, config.game) if game else config.game
    return dataclasses.replace(place, display=display or place.display)
