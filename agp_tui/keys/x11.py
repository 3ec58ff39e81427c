"""Listens to the keyboards of an X server, on a thread and a connection of its own."""

import contextlib
import os
import select
import threading

from agp_tui.errors import DisplayError, JobFailed
from agp_tui.keys.rawinput import KEY_DOWN, KEY_UP, LAYOUT_CHANGED, RawEvent, RawInput, RawInputMissing
from agp_tui.keys.state import KeyEdge, Keys, KeyTracker, Who
from agp_tui.keys.xserver import Layout, connect, held_codes

__all__ = ["RawInputMissing", "X11Listener"]


class X11Listener:
    """A `KeyListener` through XInput2 raw events. See `listening.listen` for the arguments."""

    def __init__(self, display: str | None, keys: tuple[str, ...], virtual: Who | None) -> None:
        self._keys = keys
        self._virtual = virtual
        self._tracker = KeyTracker()
        self._lost = ""
        self._connection = connect(display)
        try:
            self._layout = Layout.read(self._connection, keys)
            self._input = RawInput(self._connection, (KEY_DOWN, KEY_UP))
            down = {code: self._layout.keys(code) for code in held_codes(self._connection)}
        except BaseException:
            self._connection.close()
            raise
        self._tracker.start({code: names for code, names in down.items() if names})
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True, name="keys")
        self._thread.start()

    def held(self) -> Keys:
        return self._tracker.held()

    def edges(self) -> list[KeyEdge]:
        edges = self._tracker.take()
        if self._lost and not edges:
            raise JobFailed(self._lost, "Start the game's display and this again.")
        return edges

    def wait(self, seconds: float) -> None:
        self._tracker.wait(seconds)

    def close(self) -> None:
        if self._wake_write < 0:
            return
        os.close(self._wake_write)
        self._wake_write = -1
        self._thread.join()
        os.close(self._wake_read)

    def _listen(self) -> None:
        name = self._connection.get_display_name()
        try:
            self._follow()
        except Exception as problem:
            # python-xlib raises all sorts of things when its server dies between two steps.
            self._lost = f"Expected the keyboard of {name} until the end, found it gone ({problem})."
        with contextlib.suppress(Exception):
            self._connection.close()

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for event in self._input.pending():
                self._take(event)
            if any(descriptor == self._wake_read for descriptor, _ in poll.poll()):
                return

    def _take(self, event: RawEvent) -> None:
        if event.kind == LAYOUT_CHANGED:
            # A layout that lacks one of the keys is no reason to lose the others.
            with contextlib.suppress(DisplayError):
                self._layout = Layout.read(self._connection, self._keys)
        elif event.kind == KEY_UP:
            self._tracker.release(event.device, event.detail, event.time_ns)
        elif event.kind == KEY_DOWN:
            who = self._virtual if event.virtual else "human"
            keys = self._layout.keys(event.detail)
            if who is not None and keys:
                self._tracker.press(event.device, event.detail, keys, event.time_ns, who)
