"""A connection to an X server and the layout of its keyboard. Knows nothing of listening or pressing."""

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

from agp_tui.errors import DisplayError
from agp_tui.key_names import KEYSYMS, OTHER_KEYSYMS

Connection = Any
"""A `Xlib.display.Display`, which has no types of its own."""

MAPPING_NOTIFY = 34
"""Core event: the keyboard's layout changed."""


def connect(name: str | None) -> Connection:
    """A connection to that display, to `$DISPLAY` for None. Raises `DisplayError`."""
    from Xlib import display, error

    try:
        # python-xlib prints its warnings to stdout, which may carry a stream of events.
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
    """Which keycodes carry which keys."""

    codes: dict[str, tuple[int, ...]]
    """Keycodes by our name of the key; the first one is pressed, all of them are heard."""

    @classmethod
    def read(cls, connection: Connection, keys: tuple[str, ...]) -> "Layout":
        """The layout in force, for these keys. Raises `DisplayError` where one is not on the keyboard.

        A key counts by what stands on it: the keysym is looked for without Shift first, then with
        it and in the other groups, so `1` is found on a French keyboard and `keypad_8` under Num Lock.
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
        """Our names of what is on that keycode; mostly one or none."""
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
