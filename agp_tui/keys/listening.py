"""Key listeners: report the keys pressed on a keyboard, whichever window has the focus."""

import sys
import time
from typing import Protocol

from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, OwnKeys, Who


class KeyListener(Protocol):
    """Reports edges of chosen keys from its creation until `close`."""

    def held(self) -> Keys:
        """The keys held after the edges read so far; at first, those held at creation."""
        ...

    def edges(self) -> list[KeyEdge]:
        """The edges since the last call, in order of time, without auto-repeat.

        Does not block. Raises `JobFailed` if the keyboard is gone.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Wait for an edge, for at most `seconds`."""
        ...

    def close(self) -> None:
        """Stop listening. May be called twice."""
        ...


class SilentListener:
    """A listener without a keyboard: it never reports an edge."""

    def held(self) -> Keys:
        return NO_KEYS

    def edges(self) -> list[KeyEdge]:
        return []

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        return


def listen(
    display: str | None, keys: tuple[str, ...], virtual: Who | None = "human", own: OwnKeys | None = None
) -> KeyListener:
    """Listen for `keys` (to record and to act on) on the keyboard of `display`.

    `virtual` is who presses the keys of a virtual keyboard (XTEST): a person through x11vnc, or a model;
    None ignores them. Presses of a physical keyboard are always a person's. If the system does not
    distinguish the two, all keyboards count as virtual. With `own` (X11 only) the keys that this process
    presses are distinguished from those of a person at the same virtual keyboard.
    Raises `DisplayError` if there is no such display, or its keyboard lacks one of the keys.
    """
    if sys.platform in ("win32", "darwin"):
        from agp_tui.keys.pynput_backend import PynputListener

        return PynputListener(display, keys, virtual)
    from agp_tui.keys.xinput2 import X11Listener, XInput2Missing

    try:
        return X11Listener(display, keys, virtual, own)
    except XInput2Missing:
        from agp_tui.keys.pynput_backend import PynputListener

        return PynputListener(display, keys, virtual)
