"""`agp screen`: the displays that games are on, to look at and to choose from."""

import dataclasses
from typing import Annotated

from cyclopts import App, Parameter

from agp_tui.cli.flags import OutputFlags, PointFlag, RegionFlag
from agp_tui.cli.run_job import run_live, settings_of, show
from agp_tui.config import GameSettings, Output, check
from agp_tui.protocol.events import Table

app = App(name="screen", help="Displays: list them, watch one, pick a point on one by a click.")

ProfileFlag = Annotated[
    str | None, Parameter(help="A profile of config.toml, for the display that it names.")
]
DisplayFlag = Annotated[str | None, Parameter(help="X display, such as :0. Found by itself otherwise.")]


@app.command(name="list")
def list_(*, game: ProfileFlag = None, output: OutputFlags = Output()) -> int:
    """Every display that a game may be on, with its size, and why it can be used or not."""
    from agp_tui.games.display_discovery import candidates

    found = candidates(dataclasses.replace(_place(game, output), display=None))
    rows: list[list[str | float | int | None]] = [
        [one.name or "this desktop", "yes" if one.usable else "no", one.reason, one.source] for one in found
    ]
    table = Table(title="displays", columns=["display", "usable", "reason", "from"], rows=rows)
    report = [
        {
            "name": one.name,
            "usable": one.usable,
            "size": one.size,
            "reason": one.reason,
            "source": one.source,
        }
        for one in found
    ]
    return show(output, "screen", table, report={"displays": report})


@app.command
def watch(
    *,
    game: ProfileFlag = None,
    display: DisplayFlag = None,
    center: PointFlag | None = None,
    size: int | None = None,
    region: RegionFlag | None = None,
    output: OutputFlags = Output(),
) -> int:
    """Show a whole display, or a region of it as a recording would see it, until it is stopped.

    Parameters
    ----------
    center
        Middle of the region, X,Y in pixels of the display.
    size
        Side of the square region around the middle, in pixels.
    region
        The region itself: X,Y,WIDTH,HEIGHT in pixels.
    """
    from agp_tui.jobs.screen import ScreenWatchRequest, run_screen_watch

    place = _place(game, output, display)
    place = dataclasses.replace(place, center=center, region=region, size=size or place.size)
    asked = ScreenWatchRequest(place=check(place), preview=settings_of(output).config.preview)
    told = {"display": place.display, "center": center, "size": place.size, "region": region}
    return run_live(output, "watch", told, lambda job: run_screen_watch(asked, job))


@app.command
def pick(*, game: ProfileFlag = None, display: DisplayFlag = None, output: OutputFlags = Output()) -> int:
    """Wait for a click on the game's display and tell where it was."""
    from agp_tui.jobs.screen import run_screen_pick

    place = _place(game, output, display)
    return run_live(output, "pick", {"display": place.display}, lambda job: run_screen_pick(place, job))


def _place(game: str | None, output: Output, display: str | None = None) -> GameSettings:
    """The profile's settings, or those of [game], on that display."""
    config = settings_of(output).config
    place = config.games.get(game, config.game) if game else config.game
    return dataclasses.replace(place, display=display or place.display)
