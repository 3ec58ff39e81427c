"""Raw input of an X server (XInput2): what every device does, whoever has the focus or a grab.

Protocol: https://www.x.org/releases/current/doc/inputproto/XI2proto.txt
"""

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from agp_tui.errors import DisplayError
from agp_tui.keys.xserver import MAPPING_NOTIFY, Connection

KEY_DOWN, KEY_UP, BUTTON_DOWN = 13, 14, 15
"""Kinds of raw events, by their numbers in the protocol."""

LAYOUT_CHANGED = 0
"""Kind of our own: another keyboard or layout came into force."""

_GENERIC_EVENT = 35
_NS_PER_MS = 1_000_000
_OLDEST_MS = 2_000
_BODY = struct.Struct("=HIIHHI")
"""Of a raw event, after its head: device, time, detail, source device, valuators, flags."""


class RawInputMissing(DisplayError):
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


class RawInput:
    """The raw events of a connection, which must serve nothing else."""

    def __init__(self, connection: Connection, kinds: tuple[int, ...]) -> None:
        from Xlib.ext import xinput

        extension = connection.query_extension(xinput.extname)
        if extension is None or not extension.present:
            raise RawInputMissing(
                f"Expected XInput2 at {connection.get_display_name()}, found an X server without it."
            )
        # python-xlib's own xinput_query_version() asks for 2.0, with which raw events stop while
        # another program has a grab, and which does not name the source device.
        version = xinput.XIQueryVersion(
            display=connection.display, opcode=extension.major_opcode, major_version=2, minor_version=2
        )
        if (version.major_version, version.minor_version) < (2, 1):
            raise RawInputMissing(
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
