"""Capture: the region through shared memory on one connection, against two plain ways."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from agp_tui.bench.baselines import SocketRegion, whole_screen
from agp_tui.bench.options import CaptureOptions
from agp_tui.bench.private_display import a_screen
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError
from agp_tui.games.base import Pixels
from agp_tui.games.display_discovery import DisplayCandidate
from agp_tui.games.screen import Grabber, to_rgb
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

TURN = 10
"""Frames of one way before the next one has its turn."""
OURS, SOCKET, WHOLE = "region, shared memory", "region, socket", "whole screen, new connection"


@dataclass(frozen=True, slots=True)
class CaptureBench:
    """Times of one frame, from the call to RGB pixels, and median ratios of the plain ways to ours."""

    frames: int
    ours_ms: Percentiles
    socket_ms: Percentiles
    whole_ms: Percentiles
    socket_ratio: float
    whole_ratio: float

    def metrics(self) -> dict[str, float]:
        return {
            "capture_ms": self.ours_ms.p50,
            "capture_socket_ratio": self.socket_ratio,
            "capture_whole_screen_ratio": self.whole_ratio,
        }


def bench_capture(options: CaptureOptions, job: Job) -> CaptureBench:
    """Grab the middle of a real screen in turns. Emits a `Table`. Raises `DisplayError` without a display."""
    with a_screen(options.display) as screen:
        return _bench(screen, options, job)


def _bench(candidate: DisplayCandidate, options: CaptureOptions, job: Job) -> CaptureBench:
    name = candidate.name or None
    width, height = candidate.size or (options.size, options.size)
    side = min(options.size, width, height)
    box = ScreenRegion((width - side) // 2, (height - side) // 2, side, side)
    grabber, socket = Grabber(name, box), SocketRegion(name, box)
    ways: dict[str, Callable[[], Pixels]] = {
        OURS: lambda: to_rgb(grabber.grab(), (side, side)),
        SOCKET: socket.grab,
        WHOLE: lambda: whole_screen(name, box),
    }
    try:
        took = _in_turns(ways, options.frames, job)
    finally:
        socket.close()
        grabber.close()
    if not took[OURS]:
        raise DisplayError("Stopped before a frame was grabbed.", "Run agp bench capture again.")
    ours, over_socket, whole = (Percentiles.of(took[way]) for way in (OURS, SOCKET, WHOLE))
    result = CaptureBench(
        frames=len(took[OURS]),
        ours_ms=ours,
        socket_ms=over_socket,
        whole_ms=whole,
        socket_ratio=_ratio(over_socket, ours),
        whole_ratio=_ratio(whole, ours),
    )
    job.emit(_table(result, f"{side}x{side} of {width}x{height}"))
    return result


def _in_turns(ways: dict[str, Callable[[], Pixels]], frames: int, job: Job) -> dict[str, list[float]]:
    """Milliseconds by way, of so many frames each, in turns.

    The first frame of a turn is not counted: what follows another way's large copy, its caches cold,
    tells of that copy.
    """
    took: dict[str, list[float]] = defaultdict(list)
    while not job.stopping and len(took[OURS]) < frames:
        count = min(TURN, frames - len(took[OURS]))
        for way, grab in ways.items():
            grab()
            for _ in range(count):
                began = time.perf_counter_ns()
                grab()
                took[way].append((time.perf_counter_ns() - began) / 1e6)
    return took


def _ratio(slow: Percentiles, fast: Percentiles) -> float:
    return round(slow.p50 / fast.p50, 2) if fast.p50 else 0.0


def _table(result: CaptureBench, what: str) -> Table:
    return Table(
        title=f"Capture: one frame, {what}, {result.frames} of each in turns",
        columns=["method", "p50 ms", "p99 ms", "times ours"],
        rows=[
            [OURS, result.ours_ms.p50, result.ours_ms.p99, 1.0],
            [SOCKET, result.socket_ms.p50, result.socket_ms.p99, result.socket_ratio],
            [WHOLE, result.whole_ms.p50, result.whole_ms.p99, result.whole_ratio],
        ],
    )
