"""Overhead of the app: on a job at 60 frames per second, on its own event loop, and when idle."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agp_tui.bench.background_load import busy_cores
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command
from agp_tui.errors import JobFailed, JobStopped, MissingPart
from agp_tui.protocol.events import Failed, Finished, Live, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.components.live_view import LiveView
from benchmarks.app.preview import CountingDriver
from benchmarks.app.terminal import in_terminal, read, wait_for

GAME = "ALE/Pong-v5"
TICK_SECONDS = 0.01
SETTLE_SECONDS = 2.0
TERMINAL = (120, 40)
"""Columns and lines."""
IDLE_SETTLE_SECONDS = 4.0
IDLE_TERMINAL = (120, 36)


@dataclass(frozen=True)
class JobOverhead:
    """A job with the app and without it, over all rounds."""

    event_loop_delay_ms: Percentiles
    """Delay with which the event loop of the app resumes a task that sleeps 10 ms, during the job."""
    with_app: float
    """Frames per second of the job, median of the rounds."""
    alone: float
    missed_with_app: int
    missed_alone: int
    filled: float
    """Share of the slots that the job filled with the app."""
    jitter_ms: Percentiles
    """Delay of the frames of the job after their deadlines, with the app; the worst round."""
    bytes_per_second: float
    """Output of the app to its terminal."""

    @property
    def ratio(self) -> float:
        """Frames per second with the app over those without it."""
        return self.with_app / self.alone


def bench_job_overhead(
    job: Job, *, fps: int = 60, seconds: float = 8.0, rounds: int = 2, load: float = 0.0
) -> JobOverhead:
    """Record an expert's game in `rounds` with the app and its live picture, and without. Emits a table.

    Background processes keep each core busy for the share `load` of the time. Raises `JobFailed` if the
    recording fails, `JobStopped` if the job is stopped.
    """
    delays: list[float] = []
    open_results: list[Finished] = []
    alone_results: list[Finished] = []
    sent = 0.0
    with tempfile.TemporaryDirectory() as folder, _artifacts_in(Path(folder)), busy_cores(load):
        arguments = _record_arguments(fps, seconds)
        for _ in range(rounds):
            alone_results.append(asyncio.run(_run_alone(arguments)))
            finished, late, bytes_sent = asyncio.run(_run_with_app(arguments))
            open_results.append(finished)
            delays += late
            sent += bytes_sent / seconds / rounds
            if job.stopping:
                raise JobStopped("Stopped before the benchmark was over.")
    found = JobOverhead(
        Percentiles.of(delays),
        statistics.median([one.fps or 0.0 for one in open_results]),
        statistics.median([one.fps or 0.0 for one in alone_results]),
        sum(one.missed or 0 for one in open_results),
        sum(one.missed or 0 for one in alone_results),
        _filled(open_results),
        max((one.jitter_ms for one in open_results if one.jitter_ms), key=lambda jitter: jitter.p99),
        sent,
    )
    rows: list[list[str | float | int | None]] = [
        ["event loop delay, p50", f"{found.event_loop_delay_ms.p50:.1f} ms"],
        ["event loop delay, p99", f"{found.event_loop_delay_ms.p99:.1f} ms"],
        ["job without the app", f"{found.alone:.2f} fps, {found.missed_alone} missed"],
        ["job with the app", f"{found.with_app:.2f} fps, {found.missed_with_app} missed"],
        ["slots filled with the app", f"{found.filled:.2%}"],
        ["frame delay with the app, p50", f"{found.jitter_ms.p50:.2f} ms"],
        ["frame delay with the app, p99", f"{found.jitter_ms.p99:.2f} ms"],
        ["ratio", round(found.ratio, 4)],
        ["terminal output", f"{found.bytes_per_second / 1000:.1f} kB/s"],
    ]
    background = f", each core {load:.0%} busy with other work" if load else ""
    job.emit(
        Table(
            title=f"A job at {fps} fps with and without the app{background}",
            columns=["measurement", "value"],
            rows=rows,
        )
    )
    return found


def _record_arguments(fps: int, seconds: float) -> tuple[str, ...]:
    return ("record", "--game", GAME, "--by", "expert", "--fps", str(fps), "--seconds", f"{seconds:g}")


@contextmanager
def _artifacts_in(folder: Path) -> Iterator[None]:
    """Recordings, models and runs of this process and its children go to `folder`."""
    before = dict(os.environ)
    os.environ |= {f"AGP_FOLDERS_{name}": str(folder / name) for name in ("RECORDINGS", "MODELS", "RUNS")}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _run_alone(arguments: tuple[str, ...]) -> Finished:
    async with JobProcess(*arguments) as job:
        *_, last = [event async for event in job.events()]
    if isinstance(last, Failed):
        raise JobFailed(last.error, last.hint)
    assert isinstance(last, Finished)
    return last


async def _run_with_app(arguments: tuple[str, ...]) -> tuple[Finished, list[float], int]:
    """The result of the job, event loop delays in milliseconds, and bytes sent to the terminal."""
    app = AgpApp()
    app.driver_class = CountingDriver
    result: list[Finished] = []
    delays: list[float] = []
    running = asyncio.create_task(app.run_async(size=TERMINAL))
    try:
        await asyncio.sleep(SETTLE_SECONDS)
        with app._context():
            await app.action_go("record")
        await asyncio.sleep(SETTLE_SECONDS)
        view, driver = app.screen.query_one(LiveView), app._driver
        assert isinstance(driver, CountingDriver)
        before = driver.sent
        measuring = asyncio.create_task(_measure_delays(delays))
        try:
            async for event in app.run_live("REC", *arguments):
                match event:
                    case Live():
                        view.show(event)
                    case Finished():
                        result.append(event)
                    case Failed():
                        raise JobFailed(event.error, event.hint)
        finally:
            measuring.cancel()
        return result[0], delays, driver.sent - before
    finally:
        app.exit()
        await running


def _filled(results: list[Finished]) -> float:
    frames, missed = (sum(getattr(one, name) or 0 for one in results) for name in ("frames", "missed"))
    return float(frames / (frames + missed)) if frames else 0.0


async def _measure_delays(delays: list[float]) -> None:
    while True:
        deadline = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        delays.append(max(0.0, time.perf_counter() - deadline) * 1000)


@dataclass(frozen=True)
class IdleCost:
    """CPU use as a share of one core, and bytes per second to the terminal."""

    cpu_share: float
    bytes_per_second: float


def bench_idle(job: Job, folder: Path, seconds: float = 15.0) -> IdleCost:
    """Measure the app on its first screen without input. Emits a table. Needs /proc (`MissingPart`)."""
    if not sys.platform.startswith("linux"):
        raise MissingPart("Expected Linux, whose /proc has the CPU time of a process, found another system.")
    with in_terminal(module_command("agp_tui"), folder, IDLE_TERMINAL) as (process, terminal):
        wait_for(b"Recordings", terminal)
        _drain(terminal, IDLE_SETTLE_SECONDS)
        before, start = _cpu_seconds(process.pid), time.monotonic()
        sent = _drain(terminal, seconds)
        cpu_seconds, duration = _cpu_seconds(process.pid) - before, time.monotonic() - start
    found = IdleCost(cpu_seconds / duration, sent / duration)
    rows: list[list[str | float | int | None]] = [
        ["share of a core", f"{found.cpu_share:.2%}"],
        ["terminal output", f"{found.bytes_per_second:.0f} bytes/s"],
    ]
    job.emit(Table(title="The idle app", columns=["measurement", "value"], rows=rows))
    return found


def _drain(terminal: int, seconds: float) -> int:
    """Read for `seconds`; returns the number of bytes."""
    deadline, count = time.monotonic() + seconds, 0
    while (remaining := deadline - time.monotonic()) > 0:
        count += len(read(terminal, remaining))
    return count


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process, user and system (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
