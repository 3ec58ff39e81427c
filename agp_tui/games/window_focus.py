"""Whether the window of a game has the keyboard focus, on X11."""

import sys

from agp_tui.games.view import Tracked
from agp_tui.games.x_windows import XWindows


class WindowFocus:
    """Detects whether the window of a game has the focus, over an X connection of its own."""

    def __init__(self, display: str | None, game: Tracked) -> None:
        """`game` knows the window; without one, it is the window at the middle of its region, if any.

        Raises `DisplayError`.
        """
        self._game = game
        self._windows = XWindows(display)
        self._found: int | None = None
        """The window that appeared in the region of a game without one."""

    def has_focus(self) -> bool:
        """Whether keys reach the game; also true if there is no window in its region.

        False while the window of the game is closed: keys would go to another one. Raises `JobFailed` if
        the display is gone.
        """
        if self._game.window_lost:
            return False
        number = self._game.window_id
        if number is None:
            if self._found is None or self._windows.box(self._found) is None:
                x, y, width, height = self._game.box
                self._found = self._windows.top_level_at(x + width // 2, y + height // 2)
            if self._found is None:
                return True
            number = self._found
        window = self._windows.top_level(number)
        return window is not None and self._windows.top_level_with_focus() == window

    @property
    def has_window(self) -> bool:
        """Whether there was a window in the region when the focus was last checked."""
        return self._game.window_id is not None or self._found is not None

    def close(self) -> None:
        """May be called after the display is gone."""
        self._windows.close()


def can_detect_focus() -> bool:
    """Whether this system supports it."""
    return sys.platform not in ("win32", "darwin")
