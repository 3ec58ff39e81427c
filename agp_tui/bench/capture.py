"""`agp bench capture`: a region through shared memory, against two simple methods."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from agp_tui.bench.baselines import SocketGrabber, capture_whole_screen
from agp_tui.bench.options import CaptureOptions
from agp_tui.bench.private_display import open_display
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError
from agp_tui.games.base import Pixels
from agp_tui.games.display_discovery import DisplayCandidate
from agp_tui.games.screen import Grabber, to_rgb
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

TURN = 10
"""Frames per method before the next method takes its turn."""
SHARED_MEMORY, SOCKET, WHOLE = "region, shared memory", "region, socket", "whole screen, new connection"


@dataclass(frozen=True, slots=True)
class CaptureBench:
    """Latency per frame, from the call to RGB pixels, and ratios of the medians to `shared_memory_ms`."""

    frames: int
    shared_memory_ms: Percentiles
    socket_ms: Percentiles
    whole_ms: Percentiles
    socket_ratio: float
    whole_ratio: float

    def metrics(self) -> dict[str, float]:
        return {
            "capture_ms": self.shared_memory_ms.p50,
            "capture_socket_ratio": self.socket_ratio,
            "capture_whole_screen_ratio": self.whole_ratio,
        }


def bench_capture(options: CaptureOptions, job: Job) -> CaptureBench:
    """Capture the centre of a screen with each method in turns. Emits a `Table`.

    Raises `DisplayError` without a display.
    """
    with open_display(options.display) as screen:
        return _bench(screen, options, job)


def _bench(candidate: DisplayCandidate, options: CaptureOptions, job: Job) -> CaptureBench:
    name = candidate.name or None
    width, height = candidate.size or (options.size, options.size)
    side = min(options.size, width, height)
    box = ScreenRegion((width - side) // 2, (height - side) // 2, side, side)
    grabber, socket = Grabber(name, box), SocketGrabber(name, box)
    methods: dict[str, Callable[[], Pixels]] = {
        SHARED_MEMORY: lambda: to_rgb(grabber.grab(), (side, side)),
        SOCKET: socket.grab,
        WHOLE: lambda: capture_whole_screen(name, box),
    }
    try:
        latencies = _in_turns(methods, options.frames, job)
    finally:
        socket.close()
        grabber.close()
    if not latencies[SHARED_MEMORY]:
        raise DisplayError("Stopped before a frame was captured.", "Run agp bench capture again.")
    shared, over_socket, whole = (
        Percentiles.of(latencies[method]) for method in (SHARED_MEMORY, SOCKET, WHOLE)
    )
    result = CaptureBench(
        frames=len(latencies[SHARED_MEMORY]),
        shared_memory_ms=shared,
        socket_ms=over_socket,
        whole_ms=whole,
        socket_ratio=_ratio(over_socket, shared),
        whole_ratio=_ratio(whole, shared),
    )
    job.emit(_table(result, f"{side}x{side} of {width}x{height}"))
    return result


def _in_turns(methods: dict[str, Callable[[], Pixels]], frames: int, job: Job) -> dict[str, list[float]]:
    """Milliseconds per frame by method, measured in turns.

    The first frame of a turn is not counted, since the copies of the other methods have evicted the caches.
    """
    latencies: dict[str, list[float]] = defaultdict(list)
    while not job.stopping and len(latencies[SHARED_MEMORY]) < frames:
        count = min(TURN, frames - len(latencies[SHARED_MEMORY]))
        for method, grab in methods.items():
            grab()
            for _ in range(count):
                start = time.perf_counter_ns()
                grab()
                latencies[method].append((time.perf_counter_ns() - start) / 1e6)
    return latencies


def _ratio(slow: Percentiles, fast: Percentiles) -> float:
    return round(slow.p50 / fast.p50, 2) if fast.p50 else 0.0


def _table(result: CaptureBench, region: str) -> Table:
    return Table(
        title=f"Capture: one frame, {region}, {result.frames} per method in turns",
        columns=["method", "p50 ms", "p99 ms", "ratio"],
        rows=[
            [SHARED_MEMORY, result.shared_memory_ms.p50, result.shared_memory_ms.p99, 1.0],
            [SOCKET, result.socket_ms.p50, result.socket_ms.p99, result.socket_ratio],
            [WHOLE, result.whole_ms.p50, result.whole_ms.p99, result.whole_ratio],
        ],
    )
