"""Pace: the clock's absolute deadlines against one timer per frame."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agp_tui.benchmarks.asked import PaceAsked
from agp_tui.benchmarks.others import busy_cores
from agp_tui.benchmarks.plain_ways import timer_per_frame
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
    """How far the time between two frames was from the one asked for."""
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


def bench_pace(asked: PaceAsked, job: Job) -> PaceBench:
    """Rounds of a second in turns, the same work in each frame. Emits a `Table`.

    Raises `JobFailed` where the job is stopped before both ways had a round.
    """
    rounds: dict[str, list[list[tuple[int, int]]]] = {"ours": [], "timers": []}
    left = asked.seconds
    with busy_cores(asked.load):
        while left > 1e-9 and not job.stopping:
            seconds = min(ROUND_SECONDS, left)
            left -= seconds
            rounds["ours"].append(_clocked(asked, seconds))
            starts = timer_per_frame(asked.fps, seconds, _work(asked.work_ms))
            rounds["timers"].append(list(enumerate(starts)))
    if not rounds["ours"]:
        raise JobStopped("Stopped before the first round was done.", "Run agp bench pace again.")
    due = sum(
        max(1, round(min(ROUND_SECONDS, asked.seconds - done) * asked.fps))
        for done in (number * ROUND_SECONDS for number in range(len(rounds["ours"])))
    )
    ours, timers = (_kept(rounds[way], asked.fps, due) for way in ("ours", "timers"))
    result = PaceBench(ours, timers, round(ours.frames / timers.frames, 2) if timers.frames else 0.0)
    job.emit(_table(result, asked))
    return result


def _clocked(asked: PaceAsked, seconds: float) -> list[tuple[int, int]]:
    """Number and start of each frame on our clock."""
    clock, work, starts = Clock(asked.fps), _work(asked.work_ms), []
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


def _table(result: PaceBench, asked: PaceAsked) -> Table:
    rows: list[list[str | float | int | None]] = [
        [name, round(100 * kept.filled, 1), kept.off_ms.p50, kept.off_ms.p99, kept.drift_ms]
        for name, kept in (("absolute deadlines", result.ours), ("a timer per frame", result.timers))
    ]
    return Table(
        title=f"Pace: {asked.fps} fps, {asked.work_ms:g} ms of work a frame, {asked.seconds:g} s each way"
        + (f", each core {asked.load:.0%} busy with other work" if asked.load else ""),
        columns=["way", "filled %", "off p50 ms", "off p99 ms", "drift ms"],
        rows=rows,
    )
