"""Connections to an X server, and the layout of its keyboard."""

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

from agp_tui.errors import DisplayError
from agp_tui.key_names import KEYSYMS, OTHER_KEYSYMS

Connection = Any
"""A `Xlib.display.Display`, which is untyped."""

MAPPING_NOTIFY = 34
"""The core event of a changed keyboard layout."""


def connect(name: str | None) -> Connection:
    """Connect to a display; None means `$DISPLAY`. Raises `DisplayError`."""
    from Xlib import display, error

    try:
        # python-xlib prints warnings to stdout, which may carry JSON events.
        with contextlib.redirect_stdout(sys.stderr):
            return display.Display(name)
    except (
        error.DisplayError,
        error.ConnectionClosedError,
        error.XauthError,
        OSError,
        ValueError,
    ) as problem:
        reason = str(problem).rstrip(". \n")
        raise DisplayError(
            f"Expected an X server at display {name or '$DISPLAY'}, found none that answers: {reason}.",
            "See agp doctor for the displays here.",
        ) from problem


@dataclass(frozen=True)
class Layout:
    """The keycodes of each key."""

    codes: dict[str, tuple[int, ...]]
    """Keycodes by key name; the first one is used to press the key, all of them to listen."""

    @classmethod
    def read(cls, connection: Connection, keys: tuple[str, ...]) -> "Layout":
        """The current layout of these keys. Raises `DisplayError` if one is not on the keyboard.

        Keysyms are matched without Shift first, then with it and in the other groups, so that `1` is found
        on a French keyboard and `keypad_8` under Num Lock.
        """
        first = connection.display.info.min_keycode
        rows = connection.get_keyboard_mapping(first, connection.display.info.max_keycode - first + 1)
        codes = {key: _codes(rows, first, key) for key in keys}
        missing = [key for key, found in codes.items() if not found]
        if missing:
            raise DisplayError(
                f"Expected the keys {', '.join(missing)} on the keyboard of {connection.get_display_name()}, "
                "found a layout without them.",
                "Choose other keys, or another layout with setxkbmap.",
            )
        return cls(codes)

    def keys(self, code: int) -> tuple[str, ...]:
        """The key names on a keycode, usually none or one."""
        return tuple(key for key, codes in self.codes.items() if code in codes)


def _codes(rows: Any, first: int, key: str) -> tuple[int, ...]:
    for keysym in (KEYSYMS[key], *OTHER_KEYSYMS.get(key, ())):
        for level in range(max((len(row) for row in rows), default=0)):
            found = tuple(
                first + i for i, row in enumerate(rows) if level < len(row) and row[level] == keysym
            )
            if found:
                return found
    return ()


def held_codes(connection: Connection) -> frozenset[int]:
    """The keycodes that are down now (XQueryKeymap)."""
    octets = connection.query_keymap()
    return frozenset(code for code in range(256) if octets[code // 8] & (1 << code % 8))
