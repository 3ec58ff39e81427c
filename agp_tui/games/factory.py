"""Opens a game by its name and settings: an Atari game, or a region of the screen.

The region of a screen game comes from a flag or variable, else the profile, else a known view (of the model
or of the last recording), whose window is found again, else a click.
"""

import dataclasses
import shlex
from contextlib import ExitStack
from dataclasses import dataclass

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Time
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, JobStopped
from agp_tui.games.atari import AtariGame, default_keys
from agp_tui.games.base import Game
from agp_tui.games.display_discovery import (
    FROM_ENVIRONMENT,
    FROM_SETTINGS,
    DisplayCandidate,
    find_display,
    usable_displays,
)
from agp_tui.games.ids import is_atari
from agp_tui.games.region_tracker import RegionTracker, open_window_system
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.games.view import (
    SIMILAR_TITLE,
    View,
    Window,
    WindowSystem,
    comma_separated,
    find_window,
    resize_warning,
    size_warning,
    title_similarity,
)

ARROWS = ("up", "left", "right", "down")


@dataclass(frozen=True, kw_only=True)
class KnownViews:
    """Earlier views of a game, and whether the settings overrule them."""

    views: tuple[View, ...] = ()
    """Newest first."""
    owner: str = ""
    """What they belong to in sentences, such as `the last recording`."""
    chosen: bool = True
    """Whether the region in the settings was given by a flag or a variable, as opposed to the profile."""
    by_size: bool = False
    """Whether a profile with a region of the same size counts as this view, wherever it is."""

    @classmethod
    def of_model(cls, name: str, view: View | None, chosen: bool) -> "KnownViews":
        """The view of a model."""
        views = (view,) if view is not None else ()
        return cls(views=views, owner=f"the model {name}", chosen=chosen, by_size=True)

    def at(self, region: ScreenRegion | None) -> View | None:
        """The view to use with the region of the settings; None if that region is used as it is."""
        newest = self.views[0] if self.views else None
        if region is None:
            return newest
        if self.chosen or newest is None:
            return None
        same_size = newest if self.by_size and newest.region[2:] == region.box[2:] else None
        return next((view for view in self.views if view.region == region.box), same_size)


def complete(name: str, settings: GameSettings) -> GameSettings:
    """The settings with the default keys of the game, if they name none."""
    if settings.keys:
        return settings
    keys = default_keys(name) if is_atari(name) else ARROWS
    return dataclasses.replace(settings, keys=keys)


def open_game(
    name: str, settings: GameSettings, source: Time, job: Job, known: KnownViews = KnownViews()
) -> Game:
    """Open the Atari game of an id, or a region of the screen.

    Raises `SettingError` for an unknown Atari id, `DisplayError` without a screen or if the window of a
    known view is not there, and `JobStopped` if the job is stopped before a click.
    """
    settings = complete(name, settings)
    if is_atari(name):
        return AtariGame(name, settings, source)
    from agp_tui.games.screen import ScreenGame

    with ExitStack() as opened:
        display, tracker = locate(name, settings, known, job)
        opened.callback(tracker.close)
        game = ScreenGame(name, settings, display, tracker)
        opened.pop_all()
        return game


def locate(
    name: str, settings: GameSettings, known: KnownViews, job: Job
) -> tuple[DisplayCandidate, RegionTracker]:
    """The display of a screen game and its region there, which a click chooses if nothing else does.

    Raises as `open_game`.
    """
    region = _region_of(settings)
    view = known.at(region)
    if view is not None and view.window is not None:
        found = _find_view(view, settings, known.owner)
        if found is not None:
            return _follow(name, view, *found, known, job)
    display = find_display(settings)
    display.enter()
    if display.name and display.source not in (FROM_SETTINGS, FROM_ENVIRONMENT):
        job.note(f"{name} is on the display {display.name} ({display.source}); --display chooses another.")
    if region is None:
        region = ScreenRegion(*view.region) if view is not None else _clicked(name, settings, display, job)
    tracker = RegionTracker.of_region(open_window_system(display.name or None), region, job.note)
    if known.views:
        _warn_of_other_view(name, known, tracker, display, job)
    return display, tracker


def _region_of(settings: GameSettings) -> ScreenRegion | None:
    if settings.region is None and settings.center is None:
        return None
    return ScreenRegion.of(settings)


def _find_view(
    view: View, settings: GameSettings, owner: str
) -> tuple[DisplayCandidate, WindowSystem, Window] | None:
    """The window of a view, on the first display that has it; None on a system where it cannot be found."""
    missing: DisplayError | None = None
    for display in usable_displays(settings):
        display.enter()
        windows = open_window_system(display.name or None)
        if windows is None:
            return None
        try:
            return display, windows, find_window(view, windows.windows(), owner)
        except DisplayError as error:
            windows.close()
            missing = missing or error
    assert missing is not None
    raise missing


def _follow(
    name: str,
    view: View,
    display: DisplayCandidate,
    windows: WindowSystem,
    window: Window,
    known: KnownViews,
    job: Job,
) -> tuple[DisplayCandidate, RegionTracker]:
    assert view.window is not None
    tracker = RegionTracker(windows, view, window, job.note)
    x, y, width, height = tracker.box
    where = f" on the display {display.name}" if display.name else ""
    job.note(
        f"{name} is in the window {window.info.name}{where}, {width}x{height} pixels at {x},{y}, "
        f"as in {known.owner}."
    )
    if (similarity := title_similarity(view.window, window.info)) < 1.0:
        level = "warning" if similarity < SIMILAR_TITLE else "info"
        job.note(f"The title of the window was {view.window.title!r} in {known.owner}.", level)
    if warning := resize_warning(view, window.info, known.owner):
        job.note(warning, "warning")
    return display, tracker


def _clicked(name: str, settings: GameSettings, display: DisplayCandidate, job: Job) -> ScreenRegion:
    from agp_tui.games.click_to_choose import choose_center

    job.note(f"Click on the middle of {name} on the display {display.name}.")
    center = choose_center(display.name or None, job)
    if center is None:
        raise JobStopped("Stopped before a region was chosen.", "Give it with --center X,Y or --region.")
    job.note(f"The region is {settings.size} pixels around {center[0]},{center[1]}.")
    return ScreenRegion.of(dataclasses.replace(settings, center=center))


def _warn_of_other_view(
    name: str, known: KnownViews, tracker: RegionTracker, display: DisplayCandidate, job: Job
) -> None:
    """Warn if a region that was not taken from the newest view shows the game differently."""
    view = known.views[0]
    window = tracker.window if view.window is not None else None
    source = "the chosen region" if known.chosen else f"the region of the profile {name}"
    if warning := size_warning(view, tracker.box, window, known.owner, source):
        cure = (
            f"Leave out --center, --size and --region to use that of {known.owner}."
            if known.chosen
            else f"To use that of {known.owner}: agp config set "
            f"{shlex.quote(f'games.{name}.region')} {comma_separated(view.region)}"
        )
        job.note(f"{warning} {cure}", "warning")
    elif view.window is None and display.size is not None and view.display_size not in (None, display.size):
        sizes = "{}x{} instead of {}x{}".format(*display.size, *(view.display_size or ()))
        job.note(f"The display is {sizes} as in {known.owner}.", "warning")
