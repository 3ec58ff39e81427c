"""A game on a screen: any region of a display is grabbed, and keys are held on its keyboard."""

import ctypes
import time
from typing import Any

import numpy as np

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError, JobFailed
from agp_tui.games.base import Frame, Origin, Pixels
from agp_tui.games.display_discovery import DisplayCandidate, find_display
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.keys.guard import KeyGuard
from agp_tui.keys.state import Keys


class ScreenGame:
    """A `Game` that is seen through mss and played through the key guard.

    Frames are `frame_size` squares (area interpolation), or as they were grabbed under
    `native_size`. What of the region is not on the screen is black.
    """

    def __init__(self, name: str, settings: GameSettings, display: DisplayCandidate | None = None) -> None:
        """Find the display (unless it was found) and look at it.

        Raises `DisplayError` where it cannot be seen or the region is off the screen, and
        `SettingError` where the settings name no region.
        """
        self.name = name
        self.keys = settings.keys
        self.region = ScreenRegion.of(settings)
        self._settings = settings
        candidate = display or find_display(settings)
        candidate.enter()
        self.display = candidate.name or None
        self._guard: KeyGuard | None = None
        self._grabber = Grabber(self.display, self.region)

    @property
    def origin(self) -> Origin:
        region = self.region
        return Origin("mss", (region.left, region.top, region.width, region.height), self.display)

    @property
    def frame_shape(self) -> tuple[int, int]:
        if self._settings.native_size:
            return self.region.height, self.region.width
        return self._settings.frame_size, self._settings.frame_size

    def grab(self) -> Frame:
        """The picture in the region now. Raises `JobFailed` if the display, or who holds keys, is gone."""
        if self._guard is not None:
            self._guard.check()
        before_ns = time.monotonic_ns()
        bgra = self._grabber.grab()
        after_ns = time.monotonic_ns()
        return Frame(to_rgb(bgra, self.frame_shape), before_ns, after_ns)

    def hold(self, keys: Keys) -> None:
        """Hold exactly these; the guard process starts with the first call. Raises as `KeyGuard` does."""
        if self._guard is None:
            self._guard = KeyGuard(self.display, self.keys)
        self._guard.hold(keys)

    def status(self) -> None:
        """A screen does not tell the score."""

    def close(self) -> None:
        if self._guard is not None:
            self._guard.close()
        self._grabber.close()


class Grabber:
    """Grabs one region of a display, or the whole, again and again, through changes of its resolution."""

    def __init__(self, display: str | None, box: ScreenRegion | None) -> None:
        """`box`: None for the whole display.

        Raises `DisplayError` where the display cannot be seen or the region is off it.
        """
        self._display = display
        self._box = box
        self._mss: Any = None
        self._open()

    def grab(self) -> Pixels:
        """BGRA uint8, shape (height, width, 4) of the box; alpha means nothing.

        Raises `JobFailed` if the display is gone, or the region no longer on it.
        """
        try:
            return self._grab()
        except _trouble():
            # The resolution changed, or the server is gone: only a new connection can tell.
            try:
                self._open()
                return self._grab()
            except _trouble() as problem:
                self.close()
                raise JobFailed(
                    f"Expected the display {self._display or 'of this desktop'} until the end, "
                    f"found that it can no longer be grabbed: {_words(problem)}",
                    "Start the game's display and this again.",
                ) from problem

    @property
    def seen(self) -> ScreenRegion:
        """What of the region is on the display."""
        return self._seen

    def reopen(self) -> None:
        """Connect anew, so that the display's present size is known. Raises `JobFailed` if it is gone."""
        try:
            self._open()
        except DisplayError as problem:
            raise JobFailed(problem.message, problem.hint) from problem

    def close(self) -> None:
        """May be called twice."""
        grabber, self._mss = self._mss, None
        if grabber is not None:
            try:
                grabber.close()
            except _trouble():
                return

    def _open(self) -> None:
        import mss

        self.close()
        try:
            self._mss = mss.MSS(display=self._display) if self._display else mss.MSS()
            whole = self._mss.monitors[0]
        except _trouble() as problem:
            raise DisplayError(
                f"Expected to see the display {self._display or 'of this desktop'}, found: {_words(problem)}",
                "See agp doctor for the displays here.",
            ) from problem
        screen = ScreenRegion(whole["left"], whole["top"], whole["width"], whole["height"])
        self._seen = self._box.on(screen, self._display or "") if self._box else screen
        self._request = {
            "left": self._seen.left,
            "top": self._seen.top,
            "width": self._seen.width,
            "height": self._seen.height,
        }

    def _grab(self) -> Pixels:
        seen = self._seen
        if self._mss is None:
            raise JobFailed("Expected an open display, found it closed.")
        shot = self._mss.grab(self._request)
        # A Retina screen gives more pixels than were asked for; the region's own size rules.
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        if (shot.height, shot.width) != (seen.height, seen.width):
            pixels = _scaled(pixels, (seen.height, seen.width))
        box = self._box or seen
        if seen == box:
            return pixels
        padded = np.zeros((box.height, box.width, 4), np.uint8)
        top, left = seen.top - box.top, seen.left - box.left
        padded[top : top + seen.height, left : left + seen.width] = pixels
        return padded


def to_rgb(bgra: Pixels, shape: tuple[int, int]) -> Pixels:
    """RGB uint8 of that (height, width) from BGRA, by area interpolation where the size differs."""
    import cv2

    if bgra.shape[:2] != shape:
        bgra = _scaled(bgra, shape)
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)


def _scaled(pixels: Pixels, shape: tuple[int, int]) -> Pixels:
    import cv2

    return np.asarray(cv2.resize(pixels, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


def _trouble() -> tuple[type[Exception], ...]:
    """What mss, or opening it again, raises when a display is gone, refuses or has changed."""
    from mss.exception import ScreenShotError

    return DisplayError, ScreenShotError, AssertionError, ctypes.ArgumentError, OSError


def _words(problem: Exception) -> str:
    text = (problem.message if isinstance(problem, DisplayError) else str(problem)).strip().splitlines()
    return f"{text[0].rstrip('.')}." if text else "its server is gone."
