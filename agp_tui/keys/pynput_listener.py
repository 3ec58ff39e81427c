"""Listens to the keyboard through pynput: Windows, macOS, and X servers without XInput2."""

import os
import sys
import time
from typing import Any

from agp_tui.errors import JobFailed
from agp_tui.keys.pynput_keys import from_pynput, import_keyboard
from agp_tui.keys.state import KeyEdge, Keys, KeyTracker, Who
from agp_tui.keys.xserver import Layout, connect, held_codes

_HAND, _PROGRAM = 0, 1
"""What stands for the devices that press."""
START_SECONDS = 5.0


class PynputListener:
    """A `KeyListener` of one keyboard. What was held before it began is known on X only.

    Windows and macOS tell what a program pressed; on X pynput does not know.
    """

    def __init__(self, display: str | None, keys: tuple[str, ...], virtual: Who | None = "human") -> None:
        on_x = sys.platform not in ("win32", "darwin")
        if on_x and display:
            # pynput knows no other way to be told the display, and looks at it on import.
            os.environ["DISPLAY"] = display
        self._keys = keys
        self._virtual = virtual
        self._tells_apart = not on_x
        self._tracker = KeyTracker()
        self._names: dict[str, int] = {key: number for number, key in enumerate(keys)}
        self._tracker.start({self._names[key]: (key,) for key in _held(display, keys)} if on_x else {})
        self._down_as: dict[Any, str] = {}
        self._listener = import_keyboard().Listener(on_press=self._press, on_release=self._release)
        self._listener.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._listener.running and self._listener.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._listener.wait()

    def held(self) -> Keys:
        return self._tracker.held()

    def edges(self) -> list[KeyEdge]:
        edges = self._tracker.take()
        if not edges and self._listener is not None and not self._listener.is_alive():
            raise JobFailed("Expected the keyboard until the end, found it gone.", "Start this again.")
        return edges

    def wait(self, seconds: float) -> None:
        self._tracker.wait(seconds)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def _press(self, key: Any, injected: bool = False) -> None:
        time_ns = time.monotonic_ns()
        name = from_pynput(key)
        device, who = self._source(injected)
        if name in self._names and who is not None:
            self._down_as[_identity(key)] = name
            self._tracker.press(device, self._names[name], (name,), time_ns, who)

    def _release(self, key: Any, injected: bool = False) -> None:
        time_ns = time.monotonic_ns()
        # With Shift changed in between, the same key goes up under another character.
        name = self._down_as.pop(_identity(key), None) or from_pynput(key)
        if name in self._names:
            self._tracker.release(self._source(injected)[0], self._names[name], time_ns)

    def _source(self, injected: bool) -> tuple[int, Who | None]:
        if self._tells_apart and not injected:
            return _HAND, "human"
        return _PROGRAM, self._virtual


def _identity(key: Any) -> Any:
    return getattr(key, "vk", None) or key


def _held(display: str | None, keys: tuple[str, ...]) -> Keys:
    connection = connect(display)
    try:
        layout = Layout.read(connection, keys)
        return frozenset(key for code in held_codes(connection) for key in layout.keys(code))
    finally:
        connection.close()
