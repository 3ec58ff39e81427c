"""Simple implementations of capture and pacing, as baselines."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from agp_tui.games.base import Pixels
from agp_tui.games.screen_region import ScreenRegion


def capture_whole_screen(display: str | None, box: ScreenRegion) -> Pixels:
    """Capture the whole monitor over a new connection and crop it; RGB, shape (height, width, 3)."""
    with _mss(display) as screen:
        monitor = screen.monitors[1]
        shot = np.array(screen.grab(monitor))
    top, left = box.top - monitor["top"], box.left - monitor["left"]
    return _rgb(shot[top : top + box.height, left : left + box.width])


class SocketGrabber:
    """Captures the region over one connection, through the socket instead of shared memory."""

    def __init__(self, display: str | None, box: ScreenRegion) -> None:
        self._screen = _mss(display)
        self._region = {"left": box.left, "top": box.top, "width": box.width, "height": box.height}

    def grab(self) -> Pixels:
        """The region as RGB, shape (height, width, 3)."""
        return _rgb(np.array(self._screen.grab(self._region)))

    def close(self) -> None:
        self._screen.close()


def timer_per_frame(fps: float, seconds: float, work: Callable[[], None]) -> list[int]:
    """Run `work` per frame, each frame setting a timer for the next; returns start times (monotonic, ns)."""
    starts: list[int] = []
    done = threading.Event()
    end = time.monotonic_ns() + round(seconds * 1e9)

    def frame() -> None:
        now = time.monotonic_ns()
        if now >= end:
            done.set()
            return
        starts.append(now)
        work()
        threading.Timer(1 / fps, frame).start()

    frame()
    done.wait()
    return starts


def _mss(display: str | None) -> Any:
    import mss

    options: dict[str, Any] = {"display": display} if display else {}
    if sys.platform.startswith("linux"):
        options["backend"] = "xgetimage"
    return mss.MSS(**options)


def _rgb(bgra: Pixels) -> Pixels:
    return np.ascontiguousarray(bgra[:, :, 2::-1])
