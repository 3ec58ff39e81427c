"""Virtual keyboards: press and release single keys, without keeping state."""

import sys
from typing import Protocol

from agp_tui.errors import DisplayError
from agp_tui.keys.xserver import MAPPING_NOTIFY, Layout, connect


class VirtualKeyboard(Protocol):
    """Presses and releases keys by the names of `key_names`."""

    def press(self, key: str) -> None: ...

    def release(self, key: str) -> None: ...

    def flush(self) -> None:
        """Return when the system has processed all presses and releases."""
        ...


def open_virtual_keyboard(display: str | None, keys: tuple[str, ...]) -> VirtualKeyboard:
    """A virtual keyboard with these keys. Raises `AgpError` if there is none on this system."""
    if sys.platform in ("win32", "darwin"):
        from agp_tui.keys.pynput_backend import PynputKeyboard

        return PynputKeyboard(display, keys)
    return XTestKeyboard(display, keys)


class XTestKeyboard:
    """The keyboard of the XTEST extension, whose events look physical to games."""

    def __init__(self, display: str | None, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._connection = connect(display)
        if not self._connection.has_extension("XTEST"):
            raise DisplayError(
                f"Expected XTEST at {self._connection.get_display_name()}, found an X server without it.",
                "Only --dry-run can play there.",
            )
        self._layout = Layout.read(self._connection, keys)
        self._pressed_as: dict[str, int] = {}

    def press(self, key: str) -> None:
        from Xlib import X

        self._follow_layout()
        code = self._layout.codes[key][0]
        self._pressed_as[key] = code
        self._connection.xtest_fake_input(X.KeyPress, code)

    def release(self, key: str) -> None:
        from Xlib import X

        # The keycode that went down, even if the layout has changed since.
        code = self._pressed_as.pop(key, None) or self._layout.codes[key][0]
        self._connection.xtest_fake_input(X.KeyRelease, code)

    def flush(self) -> None:
        self._connection.sync()

    def _follow_layout(self) -> None:
        changed = False
        while self._connection.pending_events():
            changed |= self._connection.next_event().type == MAPPING_NOTIFY
        if changed:
            self._layout = Layout.read(self._connection, self._keys)
