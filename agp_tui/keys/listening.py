"""Hearing which keys are pressed on a game's keyboard, whatever window has the focus."""

import sys
import time
from typing import Protocol

from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who


class KeyListener(Protocol):
    """Hears chosen keys from the moment it is made until `close`."""

    def held(self) -> Keys:
        """The keys down as far as `edges` told; before its first call, those down from the start."""
        ...

    def edges(self) -> list[KeyEdge]:
        """The edges since the last call, in order of time; auto-repeat is not one.

        Never waits. Raises `JobFailed` once the keyboard can no longer be heard.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Sleep until there are edges to take, or so long."""
        ...

    def close(self) -> None:
        """Stop listening. May be called twice."""
        ...


class SilentListener:
    """A game without a keyboard: nothing is ever heard."""

    def held(self) -> Keys:
        return NO_KEYS

    def edges(self) -> list[KeyEdge]:
        return []

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing to close."""


def listen(display: str | None, keys: tuple[str, ...], virtual: Who | None = "human") -> KeyListener:
    """Hear `keys` (ours to act on as well as those to record) on the keyboard of `display`.

    `virtual` says whose the presses of a virtual keyboard (XTEST) are: a person's who plays through
    x11vnc, or a model's; None leaves them out. What a real keyboard does is always a person's. Where the
    system does not tell the two apart, all keyboards count as virtual ones.
    Raises `DisplayError` where there is no such display, or a key that is not on its keyboard.
    """
    if sys.platform in ("win32", "darwin"):
        from agp_tui.keys.pynput_backend import PynputListener

        return PynputListener(display, keys, virtual)
    from agp_tui.keys.xinput2 import X11Listener, XInput2Missing

    try:
        return X11Listener(display, keys, virtual)
    except XInput2Missing:
        from agp_tui.keys.pynput_backend import PynputListener

        return PynputListener(display, keys, virtual)
