"""Games on a screen: a region of a display is grabbed, and keys are held on its keyboard."""

import ctypes
import time
from typing import Any

import numpy as np

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError, JobFailed
from agp_tui.games.base import Frame, Origin, Pixels
from agp_tui.games.display_discovery import DisplayCandidate, find_display
from agp_tui.games.region_tracker import RegionTracker, open_window_system
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.games.view import View
from agp_tui.keys.guard import KeyGuard
from agp_tui.keys.state import Keys


class ScreenGame:
    """A `Game` grabbed through mss and played through the key guard.

    Frames are `frame_size` squares (area interpolation), or with `native_size` of the size that the region
    has at the start. Pixels of the region off the screen are black. The region follows the game's window.
    """

    def __init__(
        self,
        name: str,
        settings: GameSettings,
        display: DisplayCandidate | None = None,
        tracker: RegionTracker | None = None,
    ) -> None:
        """Open the display, which is found by the settings if not given.

        `tracker` has the region, instead of the settings, and is closed with the game. Raises
        `DisplayError` if the display cannot be grabbed or the region is off the screen, and `SettingError`
        if the settings name no region.
        """
        self.name = name
        self.keys = settings.keys
        region = tracker.region if tracker is not None else ScreenRegion.of(settings)
        candidate = display or find_display(settings)
        candidate.enter()
        self.display = candidate.name or None
        self._guard: KeyGuard | None = None
        self._grabber = Grabber(self.display, region)
        self.tracker = tracker or RegionTracker.of_region(open_window_system(self.display), region)
        size = settings.frame_size
        self.frame_shape = (region.height, region.width) if settings.native_size else (size, size)

    @property
    def region(self) -> ScreenRegion:
        """The region now."""
        return self.tracker.region

    @property
    def origin(self) -> Origin:
        screen = self._grabber.screen
        view = View(
            region=self.tracker.box, display_size=(screen.width, screen.height), window=self.tracker.window
        )
        return Origin("mss", self.tracker.box, self.display, view)

    def grab(self) -> Frame:
        """The current frame. Raises `JobFailed` if the display or the key guard is gone."""
        if self._guard is not None:
            self._guard.check()
        if self.tracker.update():
            self._grabber.move(self.tracker.region)
        before_ns = time.monotonic_ns()
        bgra = self._grabber.grab()
        after_ns = time.monotonic_ns()
        return Frame(to_rgb(bgra, self.frame_shape), before_ns, after_ns)

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys; the first call starts the guard. Raises as `KeyGuard` does."""
        if self._guard is None:
            self._guard = KeyGuard(self.display, self.keys)
        self._guard.hold(keys)

    def status(self) -> None:
        """None: a screen does not report a score."""

    def close(self) -> None:
        if self._guard is not None:
            self._guard.close()
        self._grabber.close()
        self.tracker.close()


class Grabber:
    """Grabs a region of a display, or all of it; survives changes of the resolution."""

    def __init__(self, display: str | None, region: ScreenRegion | None) -> None:
        """`region`: None for the whole display.

        Raises `DisplayError` if the display cannot be grabbed or the region is off it.
        """
        self._display = display
        self._region = region
        self._mss: Any = None
        self.screen: ScreenRegion
        """All monitors."""
        self._open()

    def grab(self) -> Pixels:
        """BGRA uint8, shape (height, width, 4) of the region; alpha is undefined.

        Raises `JobFailed` if the display is gone, or the region no longer on it.
        """
        try:
            return self._grab()
        except _display_errors():
            # The resolution changed, or the server is gone: reconnect to find out.
            try:
                self._open()
                return self._grab()
            except _display_errors() as error:
                self.close()
                raise JobFailed(
                    f"The display {self._display or 'of this desktop'} can no longer be grabbed: "
                    f"{_first_line(error)}",
                    "Start the game's display and this again.",
                ) from error

    @property
    def visible(self) -> ScreenRegion:
        """The part of the region on the display."""
        return self._visible

    def move(self, region: ScreenRegion) -> None:
        """Grab another region from now on; the part of it off the screen is black, even all of it."""
        self._region = region
        try:
            self._visible = region.on(self.screen, self._display or "")
        except DisplayError:
            self._visible = ScreenRegion(region.left, region.top, 0, 0)
        self._request = _request(self._visible)

    def reopen(self) -> None:
        """Reconnect, to update the size of the display. Raises `JobFailed` if it is gone."""
        try:
            self._open()
        except DisplayError as error:
            raise JobFailed(error.message, error.hint) from error

    def close(self) -> None:
        """May be called twice."""
        grabber, self._mss = self._mss, None
        if grabber is not None:
            try:
                grabber.close()
            except _display_errors():
                return

    def _open(self) -> None:
        import mss

        self.close()
        try:
            self._mss = mss.MSS(display=self._display) if self._display else mss.MSS()
            whole = self._mss.monitors[0]
        except _display_errors() as error:
            raise DisplayError(
                f"The display {self._display or 'of this desktop'} cannot be grabbed: {_first_line(error)}",
                "See agp doctor for the displays here.",
            ) from error
        screen = ScreenRegion(whole["left"], whole["top"], whole["width"], whole["height"])
        self.screen = screen
        self._visible = self._region.on(screen, self._display or "") if self._region else screen
        self._request = _request(self._visible)

    def _grab(self) -> Pixels:
        visible = self._visible
        if self._mss is None:
            raise JobFailed("The display is closed.")
        if self._region is not None and not visible.width:
            return np.zeros((self._region.height, self._region.width, 4), np.uint8)
        shot = self._mss.grab(self._request)
        # A Retina screen returns more pixels than requested.
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        if (shot.height, shot.width) != (visible.height, visible.width):
            pixels = _scaled(pixels, (visible.height, visible.width))
        region = self._region or visible
        if visible == region:
            return pixels
        padded = np.zeros((region.height, region.width, 4), np.uint8)
        top, left = visible.top - region.top, visible.left - region.left
        padded[top : top + visible.height, left : left + visible.width] = pixels
        return padded


def _request(region: ScreenRegion) -> dict[str, int]:
    return {"left": region.left, "top": region.top, "width": region.width, "height": region.height}


def to_rgb(bgra: Pixels, shape: tuple[int, int]) -> Pixels:
    """Convert BGRA to RGB uint8 of shape (height, width), with area interpolation if the size differs."""
    import cv2

    if bgra.shape[:2] != shape:
        bgra = _scaled(bgra, shape)
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)


def _scaled(pixels: Pixels, shape: tuple[int, int]) -> Pixels:
    import cv2

    return np.asarray(cv2.resize(pixels, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


def _display_errors() -> tuple[type[Exception], ...]:
    """The errors of mss for a display that is gone, refuses or has changed."""
    from mss.exception import ScreenShotError

    return DisplayError, ScreenShotError, AssertionError, ctypes.ArgumentError, OSError


def _first_line(error: Exception) -> str:
    text = (error.message if isinstance(error, DisplayError) else str(error)).strip().splitlines()
    return f"{text[0].rstrip('.')}." if text else "its server is gone."
