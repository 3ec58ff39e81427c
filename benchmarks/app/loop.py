"""A live job at 60 frames a second with the app open and without it, in turn: what each costs the other."""

import asyncio
import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agp_tui.bench.background_load import busy_cores
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, JobStopped
from agp_tui.protocol.events import Failed, Finished, Live, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.components.live_view import LiveView
from benchmarks.app.preview import CountingDriver

GAME = "ALE/Pong-v5"
TICK_SECONDS = 0.01
SETTLE_SECONDS = 2.0
TERMINAL = (120, 40)
"""Columns and lines."""


@dataclass(frozen=True)
class LoopCost:
    """Of all rounds together."""

    lateness_ms: Percentiles
    """How late the app's event loop wakes a task that sleeps 10 ms, while the job runs."""
    with_app: float
    """Frames a second that the job reaches with the app open; medians of the rounds."""
    alone: float
    missed_with_app: int
    missed_alone: int
    filled: float
    """Share of the slots that the job met with the app open."""
    jitter_ms: Percentiles
    """How long after its deadline a frame of the job began, with the app open; the worst round."""
    bytes_a_second: float
    """What the app sends to its terminal."""

    @property
    def ratio(self) -> float:
        """The engine's frames with the app against without."""
        return self.with_app / self.alone


def bench_loop(
    job: Job, *, fps: int = 60, seconds: float = 8.0, rounds: int = 2, load: float = 0.0
) -> LoopCost:
    """An expert's game is recorded, with the app's live view of it and without, `rounds` times each.

    Other processes keep each core busy for the share `load` of the time. Tells a table. Raises `JobFailed`
    where the recording does not run, or the job is stopped.
    """
    lateness: list[float] = []
    open_results: list[Finished] = []
    alone_results: list[Finished] = []
    sent = 0.0
    with tempfile.TemporaryDirectory() as folder, _folders(Path(folder)), busy_cores(load):
        words = _words(fps, seconds)
        for _ in range(rounds):
            alone_results.append(asyncio.run(_alone(words)))
            finished, late, bytes_sent = asyncio.run(_with_app(words))
            open_results.append(finished)
            lateness += late
            sent += bytes_sent / seconds / rounds
            if job.stopping:
                raise JobStopped("Stopped before the benchmark was over.")
    found = LoopCost(
        percentiles(lateness),
        _median([one.fps or 0.0 for one in open_results]),
        _median([one.fps or 0.0 for one in alone_results]),
        sum(one.missed or 0 for one in open_results),
        sum(one.missed or 0 for one in alone_results),
        _filled(open_results),
        max((one.jitter_ms for one in open_results if one.jitter_ms), key=lambda jitter: jitter.p99),
        sent,
    )
    rows: list[list[str | float | int | None]] = [
        ["event loop late, p50", f"{found.lateness_ms.p50:.1f} ms"],
        ["event loop late, p99", f"{found.lateness_ms.p99:.1f} ms"],
        ["engine alone", f"{found.alone:.2f} fps, {found.missed_alone} missed"],
        ["engine with the app", f"{found.with_app:.2f} fps, {found.missed_with_app} missed"],
        ["slots filled with the app", f"{found.filled:.2%}"],
        ["a frame late with the app, p50", f"{found.jitter_ms.p50:.2f} ms"],
        ["a frame late with the app, p99", f"{found.jitter_ms.p99:.2f} ms"],
        ["ratio", round(found.ratio, 4)],
        ["to the terminal", f"{found.bytes_a_second / 1000:.1f} kB a second"],
    ]
    busy = f", each core {load:.0%} busy with other work" if load else ""
    job.emit(Table(title=f"A job at {fps} fps and the app{busy}", columns=["what", "value"], rows=rows))
    return found


def percentiles(values: list[float]) -> Percentiles:
    """p50, p95, p99 of the values, the nearest above. Zeros without any."""
    ordered = sorted(values) or [0.0]

    def at(part: float) -> float:
        return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)]

    return Percentiles(at(0.5), at(0.95), at(0.99))


def _words(fps: int, seconds: float) -> tuple[str, ...]:
    return ("record", "--game", GAME, "--by", "expert", "--fps", str(fps), "--seconds", f"{seconds:g}")


@contextmanager
def _folders(folder: Path) -> Iterator[None]:
    """Recordings and all else go there, of this process and those it starts."""
    before = dict(os.environ)
    os.environ |= {f"AGP_FOLDERS_{name}": str(folder / name) for name in ("RECORDINGS", "MODELS", "RUNS")}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _alone(words: tuple[str, ...]) -> Finished:
    async with JobProcess(*words) as job:
        *_, end = [event async for event in job.events()]
    if isinstance(end, Failed):
        raise JobFailed(end.error, end.hint)
    assert isinstance(end, Finished)
    return end


async def _with_app(words: tuple[str, ...]) -> tuple[Finished, list[float], int]:
    """The job's result, milliseconds by which the loop was late, bytes that the terminal was sent."""
    app = AgpApp()
    app.driver_class = CountingDriver
    result: list[Finished] = []
    late: list[float] = []
    running = asyncio.create_task(app.run_async(size=TERMINAL))
    try:
        await asyncio.sleep(SETTLE_SECONDS)
        with app._context():
            await app.action_go("record")
        await asyncio.sleep(SETTLE_SECONDS)
        view, driver = app.screen.query_one(LiveView), app._driver
        assert isinstance(driver, CountingDriver)
        before = driver.sent
        watching = asyncio.create_task(_lateness(late))
        try:
            async for event in app.run_live("REC", *words):
                match event:
                    case Live():
                        view.show(event)
                    case Finished():
                        result.append(event)
                    case Failed():
                        raise JobFailed(event.error, event.hint)
        finally:
            watching.cancel()
        return result[0], late, driver.sent - before
    finally:
        app.exit()
        await running


def _filled(results: list[Finished]) -> float:
    frames, missed = (sum(getattr(one, name) or 0 for one in results) for name in ("frames", "missed"))
    return float(frames / (frames + missed)) if frames else 0.0


async def _lateness(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        late.append(max(0.0, time.perf_counter() - due) * 1000)


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
