"""Start the arena window, collect its reports, and decode its pictures."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from support.arena import BITS, KEYS
from support.xserver import XServer, display_environment

PROGRAM = Path(__file__).parent / "arena.py"


@dataclass(frozen=True)
class KeyReport:
    """A key event received by the window."""

    key: str
    down: bool
    time_ns: int


@dataclass(frozen=True)
class PaintedPicture:
    """A picture that the arena had painted at `time_ns`."""

    count: int
    held: frozenset[str]
    side: str
    time_ns: int


class Arena:
    """A running arena window with the focus: `size` x `size` pixels at (`left`, `top`)."""

    def __init__(
        self, server: XServer, left: int = 100, top: int = 100, size: int = 256, name: str = "arena"
    ) -> None:
        """`name` is the title and the class of the window."""
        self.left, self.top, self.size = left, top, size
        self._server, self._name = server, name
        self.reports: list[KeyReport] = []
        self.pictures: list[PaintedPicture] = []
        self._ready = threading.Event()
        env = {
            "DISPLAY": server.name,
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",
            "SDL_VIDEO_X11_WMCLASS": name,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(left), str(top), str(size)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        threading.Thread(target=self._read, daemon=True).start()
        # Without a window manager the focus follows the pointer.
        deadline = time.monotonic() + 30
        while not self._ready.wait(0.2):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise RuntimeError("the arena did not start")
            server.xdotool("mousemove", *map(str, self.center))

    @property
    def center(self) -> tuple[int, int]:
        return self.left + self.size // 2, self.top + self.size // 2

    @property
    def place(self) -> tuple[str, ...]:
        """Command-line flags that select the whole window."""
        return ("--center", f"{self.center[0]},{self.center[1]}", "--size", str(self.size))

    @property
    def field(self) -> tuple[str, ...]:
        """Command-line flags that select the field below the key squares."""
        quarter = self.size // 4
        return ("--region", f"{self.left},{self.top + quarter},{self.size},{self.size - quarter}")

    def show(self, side: str) -> None:
        """Put the target to the `left` or `right`, or take it away (`none`)."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{side}\n".encode())
        self._process.stdin.flush()

    def move(self, left: int, top: int) -> None:
        """Move the window, and the pointer into it."""
        self.left, self.top = left, top
        self._server.xdotool("search", "--class", self._name, "windowmove", "--sync", str(left), str(top))
        self._server.xdotool("mousemove", *map(str, self.center))

    def resize(self, width: int, height: int) -> None:
        """Resize the window and its picture; returns when it has the size and no longer moves."""
        self.show(f"{width} {height}")
        deadline = time.monotonic() + 5
        while self._geometry_size() != f"{width}x{height}" and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)

    def _geometry_size(self) -> str:
        words = ["xdotool", "search", "--class", self._name, "getwindowgeometry"]
        done = subprocess.run(
            words, env=display_environment(self._server.name), capture_output=True, text=True, check=True
        )
        return done.stdout.rsplit("Geometry: ", 1)[-1].strip()

    def wait_for(self, count: int, seconds: float = 5.0) -> list[KeyReport]:
        """The key reports, after `count` of them have arrived or the time is up."""
        deadline = time.monotonic() + seconds
        while len(self.reports) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return list(self.reports)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            facts = json.loads(line)
            if "ready" in facts:
                self._ready.set()
            elif "painted" in facts:
                held, side = frozenset(facts["held"]), facts["side"]
                self.pictures.append(PaintedPicture(facts["painted"], held, side, facts["time_ns"]))
            else:
                self.reports.append(KeyReport(facts["key"], facts["down"], facts["time_ns"]))


def picture_number(pixels: NDArray[np.uint8]) -> int:
    """Decode the picture counter from a frame of the whole window."""
    block, row = pixels.shape[1] // BITS, pixels.shape[0] // 16
    return sum(1 << bit for bit in range(BITS) if pixels[row, bit * block + block // 2].mean() > 127)


def keys_in_picture(pixels: NDArray[np.uint8]) -> frozenset[str]:
    """Decode the held keys from a frame of the whole window."""
    side = pixels.shape[0] // 8
    return frozenset(
        key for number, key in enumerate(KEYS) if pixels[side + side // 2, number * side + side // 2, 1] > 127
    )
