"""A real X server without a screen, and input at its keyboard."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from Xlib import X, display
from Xlib.ext import xinput
from Xlib.protocol import rq

from agp_tui.key_names import KEYSYMS

STARTUP_SECONDS = 20.0


@dataclass(frozen=True)
class XServer:
    """A running `Xvfb`; `name` is its display, such as `:7`."""

    name: str
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(
        cls, size: str = "1024x768x24", number: int | None = None, authority: Path | None = None
    ) -> "XServer":
        """Start a server, on a free display number unless `number` is given."""
        read_end, write_end = os.pipe()
        command = ["Xvfb", "-displayfd", str(write_end), "-noreset", "-nolisten", "tcp", "-screen", "0", size]
        command += [f":{number}"] if number is not None else []
        command += ["-auth", str(authority)] if authority else []
        process = subprocess.Popen(
            command, pass_fds=[write_end], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(write_end)
        answer = _read_line(read_end)
        os.close(read_end)
        if not answer:
            process.kill()
            process.wait()
            raise RuntimeError("Xvfb did not report its display number")
        return cls(f":{answer}", process)

    def kill(self) -> None:
        """Kill it, like a crash."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Terminate it, so that it removes its socket and its lock."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()

    def xdotool(self, *arguments: str) -> None:
        """Run `xdotool` on this display."""
        subprocess.run(["xdotool", *arguments], env=display_environment(self.name), check=True)


def _read_line(descriptor: int) -> str:
    # The newline comes in a separate write, and the server ends if it is not read.
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], STARTUP_SECONDS)
        chunk = os.read(descriptor, 32) if ready else b""
        if not chunk:
            return ""
        line += chunk
    return line.decode().strip()


def display_environment(name: str) -> dict[str, str]:
    """The environment of a program on the display `name`."""
    return {**os.environ, "DISPLAY": name}


def missing_programs() -> list[str]:
    """The missing programs of the display tests."""
    return [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]


BLUE, ORANGE = 0x102030, 0xFF8000
BLUE_RGB, ORANGE_RGB = [0x10, 0x20, 0x30], [0xFF, 0x80, 0x00]


@contextlib.contextmanager
def painted_blue(name: str, *orange: int) -> "Iterator[Observer]":
    """A blue screen with an orange rectangle: x, y, width, height."""
    with observe(name) as observer:
        observer.fill(BLUE)
        observer.paint(ORANGE, *orange)
        yield observer


@contextlib.contextmanager
def observe(name: str) -> "Iterator[Observer]":
    """A separate connection to inspect the server and paint on it."""
    connection = display.Display(name)
    try:
        yield Observer(connection)
    finally:
        connection.close()


class Observer:
    """Reads the pressed keys of a server, and paints on its screen."""

    def __init__(self, connection: display.Display) -> None:
        self._connection = connection

    def down(self) -> frozenset[int]:
        """The keycodes that are currently down."""
        octets = self._connection.query_keymap()
        return frozenset(code for code in range(256) if octets[code // 8] & (1 << code % 8))

    @contextlib.contextmanager
    def physical_keyboard(self) -> "Iterator[PhysicalKeyboard]":
        """A keyboard that this server treats as a physical device."""
        keyboard = PhysicalKeyboard(self._connection)
        try:
            yield keyboard
        finally:
            keyboard.release_all()

    def keycode(self, keysym: int) -> int:
        """The keycode of a keysym."""
        return int(self._connection.keysym_to_keycode(keysym))

    @contextlib.contextmanager
    def focused_window(self) -> Iterator[Callable[[], int]]:
        """A focused window; yields a function that counts its new key presses, with repeats."""
        root = self._connection.screen().root
        window = root.create_window(
            0, 0, 10, 10, 0, X.CopyFromParent, event_mask=X.KeyPressMask | X.ExposureMask
        )
        window.map()
        while self._connection.next_event().type != X.Expose:
            pass
        window.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        self._connection.sync()

        def presses() -> int:
            self._connection.sync()
            events = [self._connection.next_event() for _ in range(self._connection.pending_events())]
            return sum(event.type == X.KeyPress for event in events)

        yield presses
        window.destroy()
        self._connection.sync()

    def resize(self, width: int, height: int) -> None:
        """Reduce the screen resolution (RandR)."""
        root = self._connection.screen().root
        resources = root.xrandr_get_screen_resources()
        crtc, output, stamp = resources.crtcs[0], resources.outputs[0], resources.config_timestamp
        name = f"{width}x{height}"
        mode = (0, width, height, 60 * width * height, *(width,) * 3, 0, *(height,) * 3, len(name), 0)
        made = root.xrandr_create_mode(mode, name).mode
        self._connection.xrandr_add_output_mode(output, made)
        self._connection.xrandr_set_crtc_config(crtc, stamp, 0, 0, 0, 1, [])
        root.xrandr_set_screen_size(width, height, width // 4, height // 4)
        self._connection.xrandr_set_crtc_config(crtc, stamp, 0, 0, made, 1, [output])
        self._connection.sync()

    def fill(self, color: int) -> None:
        """Paint the whole screen with one colour (0xRRGGBB)."""
        root = self._connection.screen().root
        geometry = root.get_geometry()
        context = root.create_gc(foreground=color, subwindow_mode=X.IncludeInferiors)
        root.fill_rectangle(context, 0, 0, geometry.width, geometry.height)
        self._connection.sync()

    def paint(self, color: int, x: int, y: int, width: int, height: int) -> None:
        """Paint a rectangle with one colour (0xRRGGBB)."""
        root = self._connection.screen().root
        context = root.create_gc(foreground=color, subwindow_mode=X.IncludeInferiors)
        root.fill_rectangle(context, x, y, width, height)
        self._connection.sync()


class _DeviceInput(rq.Request):  # type: ignore[misc]
    """XTEST FakeInput for a given device, which python-xlib lacks."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("event_type"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("delay_ms"),
        rq.Pad(23),
        rq.Card8("device"),
    )


class PhysicalKeyboard:
    """Xvfb's own keyboard, pressed through XTEST device input.

    The source of its events is not the XTEST keyboard, so they count as physical input.
    """

    def __init__(self, connection: display.Display) -> None:
        devices = connection.xinput_query_device(xinput.AllDevices).devices
        (self._device,) = (one.deviceid for one in devices if str(one.name) == "Xvfb keyboard")
        self._first = connection.query_extension(xinput.extname).first_event
        self._opcode = connection.query_extension("XTEST").major_opcode
        self._connection = connection
        self._down: list[str] = []

    def press(self, key: str) -> None:
        """Press a key, by its agp name."""
        self._down.append(key)
        self._send(1, key)

    def release(self, key: str) -> None:
        self._down.remove(key)
        self._send(2, key)

    def release_all(self) -> None:
        """Release all pressed keys."""
        for key in list(self._down):
            self.release(key)

    def _send(self, kind: int, key: str) -> None:
        _DeviceInput(
            display=self._connection.display,
            opcode=self._opcode,
            event_type=self._first + kind,
            detail=self._connection.keysym_to_keycode(KEYSYMS[key]),
            delay_ms=0,
            device=self._device,
        )
        self._connection.sync()
