"""The region of a game on its display, which follows the game's window while it moves."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from agp_tui.errors import JobFailed
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.games.view import (
    Box,
    View,
    Window,
    WindowInfo,
    WindowSystem,
    matching_windows,
    placed,
    resize_warning,
)
from agp_tui.games.x_windows import XWindows

FOLLOW_SECONDS = 0.1
"""Interval at which the position of the window is read: two requests to the X server."""

Report = Callable[[str, str], object]
"""Takes a sentence and its level, as `Job.note`."""


def open_window_system(display: str | None) -> WindowSystem | None:
    """The windows of a display; None on a system where they cannot be found. Raises `DisplayError`."""
    return None if sys.platform in ("win32", "darwin") else XWindows(display)


class RegionTracker:
    """Follows a window: its region moves and scales with it. Not thread-safe, except for reading."""

    def __init__(
        self, windows: WindowSystem | None, view: View, window: Window | None, report: Report | None = None
    ) -> None:
        """`view` is the region for the window of `view`, which is `window` now. Closes `windows` at the end.

        A region without a window stays where it is. `report` receives what happens to the window.
        """
        self._windows = windows
        self._view = view
        self._window = window
        self._report = report or (lambda _text, _level: None)
        self._next = 0.0
        self._told_of_move = False
        self.box: Box = placed(view, window.info.box) if window is not None else view.region
        self.window_id = window.id if window is not None else None
        self.window_lost = False

    @classmethod
    def of_region(
        cls, windows: WindowSystem | None, region: ScreenRegion, report: Report | None = None
    ) -> "RegionTracker":
        """Follows the window that is now at the middle of a region."""
        window = windows.at(*region.middle) if windows is not None else None
        return cls(windows, View(region=region.box, window=window.info if window else None), window, report)

    @property
    def region(self) -> ScreenRegion:
        """The region now."""
        return ScreenRegion(*self.box)

    @property
    def window(self) -> WindowInfo | None:
        """The window as it was last seen."""
        return self._window.info if self._window is not None else None

    def update(self) -> bool:
        """Follow the window; whether the region has changed. Does nothing if the display is gone."""
        if self._windows is None or self._window is None or (now := time.monotonic()) < self._next:
            return False
        self._next = now + FOLLOW_SECONDS
        before = self._window
        try:
            found = self._find(self._windows, before)
        except JobFailed:
            # Whoever grabs the display reports that, and reconnects if it is back.
            self.close()
            return False
        if found is None:
            if not self.window_lost:
                self.window_lost, self.window_id = True, None
                self._report(f"The game's window {before.info.name} is closed.", "warning")
            return False
        self._window, self.window_id = found, found.id
        if self.window_lost:
            self.window_lost = False
            self._report(f"The game's window {found.info.name} is open again.", "info")
        if found.info.box == before.info.box:
            return False
        self.box = placed(self._view, found.info.box)
        self._report_change(before.info, found.info)
        return True

    def close(self) -> None:
        """May be called twice."""
        windows, self._windows = self._windows, None
        if windows is not None:
            windows.close()

    def _find(self, windows: WindowSystem, before: Window) -> Window | None:
        """The window where it is now, or that of a restarted game if only one window matches."""
        if (box := windows.box(before.id)) is not None:
            return replace(before, info=msgspec.structs.replace(before.info, box=box))
        found = matching_windows(before.info, windows.windows())
        return found[0] if len(found) == 1 and found[0].visible else None

    def _report_change(self, before: WindowInfo, now: WindowInfo) -> None:
        if before.box[2:] != now.box[2:]:
            warning = resize_warning(self._view, now, "the view")
            self._report(warning or f"The window {now.name} has its old size again.", "warning")
        elif not self._told_of_move:
            self._told_of_move = True
            self._report("The game's window moved; the region follows it.", "info")
