"""The windows of an X11 display: listing them, their titles, classes and positions, and the focus."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from agp_tui.errors import JobFailed
from agp_tui.games.view import Box, Window, WindowInfo
from agp_tui.keys.xserver import Connection, connect

POINTER = 1
"""The focus is with the window under the pointer."""
VIEWABLE, INPUT_OUTPUT = 2, 1
"""`map_state` and `win_class` of a window that is shown."""
MIN_SIDE = 16
"""Smaller windows are helpers of a toolkit, not games."""
MAX_TITLE = 200
MAX_DEPTH, MAX_WIDTH = 4, 32
"""Levels of decoration, and windows of a level, that are searched for the window of the program."""

T = TypeVar("T")


class XWindows:
    """A `WindowSystem` over a connection of its own. Not thread-safe."""

    def __init__(self, display: str | None) -> None:
        """Connect. Raises `DisplayError`."""
        self._connection: Connection = connect(display)
        self._root = self._connection.screen().root
        self._atoms: dict[str, int] = {}

    def windows(self) -> list[Window]:
        """The windows that the window manager lists; without one, all that are shown, except popups."""
        return self._checked(self._windows, [])

    def at(self, x: int, y: int) -> Window | None:
        """The top-level window at a point, without its decoration; None for the background."""
        return self._checked(lambda: self._window_of(self.top_level_at(x, y)), None)

    def box(self, number: int) -> Box | None:
        """Position and size of the window of this id; None if it is closed."""
        return self._checked(lambda: self._box(self._object(number)), None)

    def top_level_at(self, x: int, y: int) -> int | None:
        """The top-level window at a point, with its decoration; None for the background."""
        return self._checked(lambda: _number(self._root.translate_coords(self._root, x, y).child), None)

    def top_level(self, number: int) -> int | None:
        """The top-level window, with its decoration, that contains a window; None if it is closed."""
        return self._checked(lambda: self._ancestor(number), None)

    def top_level_with_focus(self) -> int | None:
        """The top-level window, with its decoration, that has the keyboard focus."""

        def find() -> int | None:
            focus = _number(self._connection.get_input_focus().focus)
            if focus == POINTER:
                return _number(self._root.query_pointer().child)
            return focus and self._ancestor(focus)

        return self._checked(find, None)

    def close(self) -> None:
        """May be called after the display is gone."""
        # python-xlib flushes first, which fails if it has not noticed yet that its server is gone.
        with contextlib.suppress(Exception):
            self._connection.close()

    def _checked(self, request: Callable[[], T], closed: T) -> T:
        """The answer; `closed` if a window was closed between two requests. Raises `JobFailed`."""
        from Xlib.error import XError

        try:
            return request()
        except XError:
            return closed
        except JobFailed:
            raise
        except Exception as error:
            # python-xlib raises all sorts of things when its server dies between two steps.
            raise JobFailed(
                f"The display {self._connection.get_display_name()} is gone ({error}).",
                "Start the game's display and this again.",
            ) from error

    def _windows(self) -> list[Window]:
        listed = self._property(self._root, "_NET_CLIENT_LIST")
        if listed is not None:
            found = [self._checked(partial(self._read, int(number)), None) for number in listed.value]
            return [one for one in found if one is not None and min(one.info.box[2:]) >= MIN_SIDE]
        tops = [int(child.id) for child in self._root.query_tree().children]
        shown = [self._checked(partial(self._shown, top), None) for top in tops]
        regular = [window for window, popup in filter(None, shown) if not popup]
        # A full-screen game may avoid the window manager as a popup does.
        return regular or [window for window, _ in filter(None, shown)]

    def _shown(self, top: int) -> tuple[Window, bool] | None:
        """A top-level window that is shown, and whether it is a popup."""
        if (window := self._window_of(top)) is None:
            return None
        if not window.visible or min(window.info.box[2:]) < MIN_SIDE:
            return None
        return window, bool(self._object(top).get_attributes().override_redirect)

    def _window_of(self, top: int | None) -> Window | None:
        """The window of the program in a top-level window: the one with `WM_STATE`, or itself."""
        if top is None:
            return None
        level = [top]
        for _ in range(MAX_DEPTH):
            for number in level[:MAX_WIDTH]:
                if self._property(self._object(number), "WM_STATE") is not None:
                    return self._read(number)
            parents = [self._object(number) for number in level[:MAX_WIDTH]]
            level = [int(child.id) for parent in parents for child in parent.query_tree().children]
        return self._read(top)

    def _read(self, number: int) -> Window | None:
        window = self._object(number)
        attributes = window.get_attributes()
        if attributes.win_class != INPUT_OUTPUT:
            return None
        instance, class_name = self._class_of(window)
        info = WindowInfo(
            title=self._title_of(window),
            class_name=class_name,
            instance=instance,
            box=self._box(window),
        )
        return Window(number, info, attributes.map_state == VIEWABLE)

    def _box(self, window: Any) -> Box:
        geometry, corner = window.get_geometry(), self._root.translate_coords(window, 0, 0)
        return int(corner.x), int(corner.y), int(geometry.width), int(geometry.height)

    def _title_of(self, window: Any) -> str:
        for name in ("_NET_WM_NAME", "WM_NAME"):
            if (found := self._property(window, name)) is not None and found.format == 8:
                return _plain_text(found.value)
        return ""

    def _class_of(self, window: Any) -> tuple[str, str]:
        found = self._property(window, "WM_CLASS")
        if found is None or found.format != 8:
            return "", ""
        instance, _, class_name = bytes(found.value).partition(b"\0")
        return _plain_text(instance), _plain_text(class_name.partition(b"\0")[0])

    def _property(self, window: Any, name: str) -> Any:
        """A property of any type; None if the window does not have it."""
        if name not in self._atoms:
            self._atoms[name] = self._connection.intern_atom(name)
        any_type = 0
        return window.get_full_property(self._atoms[name], any_type)

    def _ancestor(self, number: int) -> int:
        while True:
            parent = _number(self._object(number).query_tree().parent)
            if parent is None or parent == self._root.id:
                return number
            number = parent

    def _object(self, number: int) -> Any:
        return self._connection.create_resource_object("window", number)


def _number(window: Any) -> int | None:
    """The id of a window from python-xlib, which is an object or a number; None for 0."""
    number = int(getattr(window, "id", window))
    return number or None


def _plain_text(value: Any) -> str:
    """The text of a property: printable characters only, since any program may set it."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    text = raw.decode("utf-8", "replace").strip("\0")
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_TITLE]
