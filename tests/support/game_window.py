"""Starts the tiny game window and collects what it tells."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from support.xserver import XServer

PROGRAM = Path(__file__).parent / "window.py"


@dataclass(frozen=True)
class Report:
    """A key event as the window got it."""

    key: str
    down: bool
    time_ns: int


class GameWindow:
    """A running game window with the keyboard's focus, at `left`, `top`, `size` pixels wide and high."""

    def __init__(self, server: XServer, left: int = 100, top: int = 100, size: int = 256) -> None:
        self.left, self.top, self.size = left, top, size
        self.reports: list[Report] = []
        self._ready = threading.Event()
        env = {"DISPLAY": server.name, "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(left), str(top), str(size)], env=env, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read, daemon=True).start()
        # Without a window manager nobody hands out the focus: it follows the pointer.
        deadline = time.monotonic() + 30
        while not self._ready.wait(0.2):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise RuntimeError("the game window did not come up")
            server.xdotool("mousemove", str(left + size // 2), str(top + size // 2))

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Report]:
        """The reports so far, once there are `count` of them or the time is up."""
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
            else:
                self.reports.append(Report(facts["key"], facts["down"], facts["time_ns"]))
