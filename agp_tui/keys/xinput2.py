"""Listens to the keyboards of an X server, on a thread and a connection of its own."""

import contextlib
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from agp_tui.errors import DisplayError, JobFailed
from agp_tui.keys.state import KeyEdge, Keys, KeyTracker, Who
from agp_tui.keys.xserver import MAPPING_NOTIFY, Connection, Layout, connect, held_codes

KEY_DOWN, KEY_UP, BUTTON_DOWN = 13, 14, 15
"""Kinds of raw events, by their numbers in the protocol."""

LAYOUT_CHANGED = 0
"""Kind of our own: another keyboard or layout came into force."""

_GENERIC_EVENT = 35
_NS_PER_MS = 1_000_000
_OLDEST_MS = 2_000
_BODY = struct.Struct("=HIIHHI")
"""Of a raw event, after its head: device, time, detail, source device, valuators, flags."""


class XInput2Missing(DisplayError):
    """The X server has no XInput 2.1."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """Something that a device did. `detail` is the keycode or the number of the mouse's button."""

    kind: int
    detail: int
    device: int
    virtual: bool
    """Whether a program did it through XTEST rather than a hand."""
    time_ns: int


class RawInputStream:
    """The raw events of a connection, which must serve nothing else."""

    def __init__(self, connection: Connection, kinds: tuple[int, ...]) -> None:
        from Xlib.ext import xinput

        extension = connection.query_extension(xinput.extname)
        if extension is None or not extension.present:
            raise XInput2Missing(
                f"Expected XInput2 at {connection.get_display_name()}, found an X server without it."
            )
        # python-xlib's own xinput_query_version() asks for 2.0, with which raw events stop while
        # another program has a grab, and which does not name the source device.
        version = xinput.XIQueryVersion(
            display=connection.display, opcode=extension.major_opcode, major_version=2, minor_version=2
        )
        if (version.major_version, version.minor_version) < (2, 1):
            raise XInput2Missing(
                f"Expected XInput 2.1 at {connection.get_display_name()}, "
                f"found {version.major_version}.{version.minor_version}."
            )
        devices = connection.xinput_query_device(xinput.AllDevices).devices
        self._virtual = {device.deviceid for device in devices if "XTEST" in str(device.name)}
        self._opcode = extension.major_opcode
        self._connection = connection
        # Of the masters only: a key of any keyboard comes once, with the keyboard as its source.
        mask = sum(1 << kind for kind in kinds)
        connection.screen().root.xinput_select_events([(xinput.AllMasterDevices, mask)])
        connection.sync()

    def pending(self) -> Iterator[RawEvent]:
        """What happened since the last call. Raises whatever python-xlib does when the server is gone."""
        arrival_ns = time.monotonic_ns()
        while self._connection.pending_events():
            event = self._connection.next_event()
            if event.type == MAPPING_NOTIFY:
                self._connection.refresh_keyboard_mapping(event)
                yield RawEvent(LAYOUT_CHANGED, 0, 0, False, arrival_ns)
            elif event.type == _GENERIC_EVENT and event.extension == self._opcode:
                _, server_ms, detail, source, _, _ = _BODY.unpack_from(event.data)
                time_ns = event_time(server_ms, arrival_ns)
                yield RawEvent(event.evtype, detail, source, source in self._virtual, time_ns)


def event_time(server_ms: int, arrival_ns: int) -> int:
    """When it happened, on our monotonic clock.

    An X server here counts the same monotonic clock in milliseconds (32 bits), so its own time is
    exact to a millisecond however late we read. With a server elsewhere the arrival has to do.
    """
    arrival_ms = arrival_ns // _NS_PER_MS
    age_ms = (arrival_ms - server_ms) & 0xFFFFFFFF
    if age_ms > _OLDEST_MS:
        return arrival_ns
    return min(arrival_ns, (arrival_ms - age_ms) * _NS_PER_MS + _NS_PER_MS // 2)


__all__ = ["X11Listener", "XInput2Missing"]


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
            self._input = RawInputStream(self._connection, (KEY_DOWN, KEY_UP))
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
