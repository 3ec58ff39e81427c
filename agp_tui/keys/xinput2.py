"""XInput2: raw input events of an X server, and the key listener that reads them.

Raw events arrive whichever window has the focus or a grab.
Protocol: https://www.x.org/releases/current/doc/inputproto/XI2proto.txt
"""

import contextlib
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from agp_tui.errors import DisplayError, JobFailed
from agp_tui.keys.state import OWN_DEVICE, KeyEdge, Keys, KeyTracker, OwnKeys, Who
from agp_tui.keys.xserver import MAPPING_NOTIFY, Connection, Layout, connect, held_codes

KEY_DOWN, KEY_UP, BUTTON_DOWN = 13, 14, 15
"""Event types of the protocol."""

LAYOUT_CHANGED = 0
"""An event type of this module: the keyboard or its layout changed."""

_GENERIC_EVENT = 35
_NS_PER_MS = 1_000_000
_OLDEST_MS = 2_000
_BODY = struct.Struct("=HIIHHI")
"""The body of a raw event: device, time, detail, source device, valuators, flags."""


class XInput2Missing(DisplayError):
    """The X server has no XInput 2.1."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event of a device. `detail` is the keycode or the mouse button."""

    kind: int
    detail: int
    device: int
    virtual: bool
    """Whether a program sent it through XTEST."""
    time_ns: int


class RawInputStream:
    """The raw events of a connection, which must not be used for anything else."""

    def __init__(self, connection: Connection, kinds: tuple[int, ...]) -> None:
        from Xlib.ext import xinput

        extension = connection.query_extension(xinput.extname)
        if extension is None or not extension.present:
            raise XInput2Missing(
                f"Expected XInput2 at {connection.get_display_name()}, found an X server without it."
            )
        # python-xlib's xinput_query_version() requests 2.0, in which raw events stop during another
        # program's grab and lack the source device.
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
        # Master devices only: each key event arrives once, with its keyboard as the source.
        mask = sum(1 << kind for kind in kinds)
        connection.screen().root.xinput_select_events([(xinput.AllMasterDevices, mask)])
        connection.sync()

    def pending(self) -> Iterator[RawEvent]:
        """The events since the last call. Raises various errors of python-xlib if the server is gone."""
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
    """The time of an event on the monotonic clock, in ns.

    A local X server counts the same clock in ms (32 bits), so its time is exact to 1 ms however late the
    event is read. For a remote server, the arrival time is used.
    """
    arrival_ms = arrival_ns // _NS_PER_MS
    age_ms = (arrival_ms - server_ms) & 0xFFFFFFFF
    if age_ms > _OLDEST_MS:
        return arrival_ns
    return min(arrival_ns, (arrival_ms - age_ms) * _NS_PER_MS + _NS_PER_MS // 2)


__all__ = ["X11Listener", "XInput2Missing"]


class X11Listener:
    """A `KeyListener` on a thread and an X connection of its own. Arguments: see `listening.listen`."""

    def __init__(
        self, display: str | None, keys: tuple[str, ...], virtual: Who | None, own: OwnKeys | None = None
    ) -> None:
        self._keys = keys
        self._virtual = virtual
        self._own = own
        self._tracker = KeyTracker()
        self._error = ""
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

    def down(self, who: Who) -> Keys:
        """The keys that `who` holds now, whether or not their edges were read."""
        return self._tracker.down(who)

    def edges(self) -> list[KeyEdge]:
        edges = self._tracker.drain()
        if self._error and not edges:
            raise JobFailed(self._error, "Start the game's display and this again.")
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
            self._read_events()
        except Exception as error:
            # python-xlib raises errors of many types if its server dies between two steps.
            self._error = f"The keyboard of {name} is gone ({error})."
        with contextlib.suppress(Exception):
            self._connection.close()

    def _read_events(self) -> None:
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for event in self._input.pending():
                self._handle(event)
            if any(descriptor == self._wake_read for descriptor, _ in poll.poll()):
                return

    def _handle(self, event: RawEvent) -> None:
        if event.kind == LAYOUT_CHANGED:
            # If the new layout lacks one of the keys, keep the old layout for the others.
            with contextlib.suppress(DisplayError):
                self._layout = Layout.read(self._connection, self._keys)
        elif event.kind == KEY_UP:
            device = OWN_DEVICE if self._is_own(event) else event.device
            self._tracker.release(device, event.detail, event.time_ns)
        elif event.kind == KEY_DOWN:
            keys = self._layout.keys(event.detail)
            if self._own is not None and self._is_own(event):
                self._tracker.press(OWN_DEVICE, event.detail, keys, event.time_ns, self._own.who)
                return
            who = self._virtual if event.virtual else "human"
            if who is not None and keys:
                self._tracker.press(event.device, event.detail, keys, event.time_ns, who)

    def _is_own(self, event: RawEvent) -> bool:
        """Whether this process sent a key event.

        If it and a person at a remote desktop hold the same key, the first release is the person's as long
        as this process wants the key held.
        """
        if self._own is None or not event.virtual:
            return False
        wanted = bool(self._own.wanted.intersection(self._layout.keys(event.detail)))
        mine = self._tracker.is_down(OWN_DEVICE, event.detail)
        if event.kind == KEY_DOWN:
            return wanted and not mine
        return mine and not (wanted and self._tracker.is_down(event.device, event.detail))
