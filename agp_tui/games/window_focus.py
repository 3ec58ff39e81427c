"""Whether the window of a game has the keyboard focus, on X11."""

import sys
from typing import Any

from agp_tui.errors import JobFailed
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.keys.xserver import Connection, connect

NOTHING, POINTER = 0, 1
"""Results of `XGetInputFocus`: no window, or the window under the pointer."""


class WindowFocus:
    """Detects whether the window in a screen region has the focus, over an X connection of its own."""

    def __init__(self, display: str | None, region: ScreenRegion) -> None:
        """The window of the game is the one at the middle of `region`. Raises `DisplayError`."""
        self._middle = region.left + region.width // 2, region.top + region.height // 2
        self._connection: Connection = connect(display)
        self._root = self._connection.screen().root
        self._game = self._window_at(self._middle)

    def has_focus(self) -> bool:
        """Whether keys reach the game; also true if there is no window in its region.

        Raises `JobFailed` if the display is gone.
        """
        from Xlib.error import XError

        try:
            # A restarted game has a new window.
            if self._game is None or not self._exists(self._game):
                self._game = self._window_at(self._middle)
            return self._game is None or self._with_focus() == self._game
        except XError:
            # A window closed between two requests.
            return False
        except Exception as error:
            # python-xlib raises all sorts of things when its server dies between two steps.
            raise JobFailed(
                f"The display {self._connection.get_display_name()} is gone ({error}).",
                "Start the game's display and this again.",
            ) from error

    def close(self) -> None:
        """May be called after the display is gone."""
        if self._connection.display.socket_error is None:
            self._connection.close()

    def _window_at(self, place: tuple[int, int]) -> int | None:
        """The top-level window at a point, with its decoration; None for the root."""
        return _number(self._root.translate_coords(self._root, *place).child)

    def _with_focus(self) -> int | None:
        """The top-level window with the focus."""
        focus = _number(self._connection.get_input_focus().focus)
        if focus == POINTER:
            return _number(self._root.query_pointer().child)
        while focus not in (NOTHING, None):
            window = self._connection.create_resource_object("window", focus)
            parent = _number(window.query_tree().parent)
            if parent in (self._root.id, NOTHING, None):
                break
            focus = parent
        return focus

    def _exists(self, number: int) -> bool:
        from Xlib.error import BadWindow

        try:
            self._connection.create_resource_object("window", number).get_attributes()
        except BadWindow:
            return False
        return True


def can_detect_focus() -> bool:
    """Whether this system supports it."""
    return sys.platform not in ("win32", "darwin")


def _number(window: Any) -> int | None:
    """The id of a window from python-xlib, which is an object or a number; None for 0."""
    number = int(getattr(window, "id", window))
    return number or None
