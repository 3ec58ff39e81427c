"""Whether a game's window has the keyboard: keys that are pressed while it has not reach something else."""

import sys
from typing import Any

from agp_tui.errors import JobFailed
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.keys.xserver import Connection, connect

NOTHING, POINTER = 0, 1
"""Of `XGetInputFocus`: nobody hears the keyboard; whatever is under the pointer does."""


class WindowFocus:
    """Tells whether the window in a region has the focus. Only for X11; a connection of its own."""

    def __init__(self, display: str | None, box: ScreenRegion) -> None:
        """`box` is where the game is seen; its window is the one in the middle. Raises `DisplayError`."""
        self._middle = box.left + box.width // 2, box.top + box.height // 2
        self._connection: Connection = connect(display)
        self._root = self._connection.screen().root
        self._game = self._window_at(self._middle)

    def has_focus(self) -> bool:
        """Whether keys reach the game; also True where no window is to be seen in its region.

        Raises `JobFailed` if the display is gone.
        """
        from Xlib.error import XError

        try:
            # A game that was started anew, or came up only now, has another window than before.
            if self._game is None or not self._exists(self._game):
                self._game = self._window_at(self._middle)
            return self._game is None or self._with_focus() == self._game
        except XError:
            # A window went away between two questions; the next call sees what is left.
            return False
        except Exception as problem:
            # python-xlib raises all sorts of things when its server dies between two steps.
            raise JobFailed(
                f"Expected the display {self._connection.get_display_name()} until the end, "
                f"found it gone ({problem}).",
                "Start the game's display and this again.",
            ) from problem

    def close(self) -> None:
        """May be called after the display is gone."""
        if self._connection.display.socket_error is None:
            self._connection.close()

    def _window_at(self, place: tuple[int, int]) -> int | None:
        """The window on the root there, with all decoration; None for the bare root."""
        return _number(self._root.translate_coords(self._root, *place).child)

    def _with_focus(self) -> int | None:
        """The window on the root that the keyboard belongs to, as a whole."""
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
    """Whether it can be known on this system."""
    return sys.platform not in ("win32", "darwin")


def _number(window: Any) -> int | None:
    """Of a window as python-xlib gives it: an object, or a number where it is none."""
    number = int(getattr(window, "id", window))
    return number or None
