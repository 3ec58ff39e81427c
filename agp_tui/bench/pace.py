"""Pace: the clock's absolute deadlines against one timer per frame."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agp_tui.bench.background_load import busy_cores
from agp_tui.bench.baselines import timer_per_frame
from agp_tui.bench.options import PaceOptions
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

ROUND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """How well one way kept its rate, over all its rounds."""

    frames: int
    filled: float
    """Share of the frames that were due."""
    off_ms: Percentiles
    """Deviation of the time between two frames from the period."""
    drift_ms: float
    """How much later than due the last frames of the rounds were, added up."""


@dataclass(frozen=True, slots=True)
class PaceBench:
    """Both ways, and how many frames ours gave for one of the plain way."""

    ours: Kept
    timers: Kept
    ratio: float

    def metrics(self) -> dict[str, float]:
        return {
            "pace_filled": self.ours.filled,
            "pace_timers_filled": self.timers.filled,
            "pace_drift_ms": self.ours.drift_ms,
            "pace_timers_drift_ms": self.timers.drift_ms,
            "pace_ratio": self.ratio,
        }


def bench_pace(options: PaceOptions, job: Job) -> PaceBench:
    """Rounds of a second in turns, the same work in each frame. Emits a `Table`.

    Raises `JobFailed` where the job is stopped before both ways had a round.
    """
    rounds: dict[str, list[list[tuple[int, int]]]] = {"ours": [], "timers": []}
    left = options.seconds
    with busy_cores(options.load):
        while left > 1e-9 and not job.stopping:
            seconds = min(ROUND_SECONDS, left)
            left -= seconds
            rounds["ours"].append(_clocked(options, seconds))
            starts = timer_per_frame(options.fps, seconds, _work(options.work_ms))
            rounds["timers"].append(list(enumerate(starts)))
    if not rounds["ours"]:
        raise JobStopped("Stopped before the first round was done.", "Run agp bench pace again.")
    due = sum(
        max(1, round(min(ROUND_SECONDS, options.seconds - done) * options.fps))
        for done in (number * ROUND_SECONDS for number in range(len(rounds["ours"])))
    )
    ours, timers = (_kept(rounds[way], options.fps, due) for way in ("ours", "timers"))
    result = PaceBench(ours, timers, round(ours.frames / timers.frames, 2) if timers.frames else 0.0)
    job.emit(_table(result, options))
    return result


def _clocked(options: PaceOptions, seconds: float) -> list[tuple[int, int]]:
    """Number and start of each frame on our clock."""
    clock, work, starts = Clock(options.fps), _work(options.work_ms), []
    for slot in clock.slots(seconds):
        starts.append((slot, time.monotonic_ns()))
        work()
    return starts


def _work(milliseconds: float) -> Callable[[], None]:
    def work() -> None:
        end = time.perf_counter_ns() + milliseconds * 1e6
        while time.perf_counter_ns() < end:
            pass

    return work


def _kept(rounds: list[list[tuple[int, int]]], fps: int, due: int) -> Kept:
    period = NS / fps
    frames = sum(len(starts) for starts in rounds)
    off = [
        abs(after - before - (number_after - number_before) * period) / 1e6
        for starts in rounds
        for (number_before, before), (number_after, after) in pairwise(starts)
    ]
    drift = sum(starts[-1][1] - starts[0][1] - starts[-1][0] * period for starts in rounds if starts)
    return Kept(frames, round(min(frames / due, 1.0), 4), Percentiles.of(off), round(drift / 1e6, 1))


def _table(result: PaceBench, options: PaceOptions) -> Table:
    rows: list[list[str | float | int | None]] = [
        [name, round(100 * kept.filled, 1), kept.off_ms.p50, kept.off_ms.p99, kept.drift_ms]
        for name, kept in (("absolute deadlines", result.ours), ("a timer per frame", result.timers))
    ]
    return Table(
        title=f"Pace: {options.fps} fps, {options.work_ms:g} ms of work per frame, {options.seconds:g} s each"
        + (f", each core {options.load:.0%} busy with other work" if options.load else ""),
        columns=["method", "filled %", "off p50 ms", "off p99 ms", "drift ms"],
        rows=rows,
    )
