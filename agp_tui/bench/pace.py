"""`agp bench pace`: absolute deadlines against one timer per frame."""

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
class PaceResult:
    """Frames and timing errors of one method over all rounds."""

    frames: int
    filled: float
    """Share of the due frames that ran."""
    deviation_ms: Percentiles
    """Deviation of the interval between two frames from the period."""
    drift_ms: float
    """Delay of the last frame of each round, summed over the rounds."""


@dataclass(frozen=True, slots=True)
class PaceBench:
    """Both methods, and the ratio of their numbers of frames."""

    deadlines: PaceResult
    timers: PaceResult
    ratio: float

    def metrics(self) -> dict[str, float]:
        return {
            "pace_filled": self.deadlines.filled,
            "pace_timers_filled": self.timers.filled,
            "pace_drift_ms": self.deadlines.drift_ms,
            "pace_timers_drift_ms": self.timers.drift_ms,
            "pace_ratio": self.ratio,
        }


def bench_pace(options: PaceOptions, job: Job) -> PaceBench:
    """Run both methods in turns of a second with the same work per frame. Emits a `Table`.

    Raises `JobStopped` if the job is stopped before the end of the first round.
    """
    rounds: dict[str, list[list[tuple[int, int]]]] = {"deadlines": [], "timers": []}
    remaining = options.seconds
    with busy_cores(options.load):
        while remaining > 1e-9 and not job.stopping:
            seconds = min(ROUND_SECONDS, remaining)
            remaining -= seconds
            rounds["deadlines"].append(_run_with_deadlines(options, seconds))
            starts = timer_per_frame(options.fps, seconds, _work(options.work_ms))
            rounds["timers"].append(list(enumerate(starts)))
    if not rounds["deadlines"]:
        raise JobStopped("Stopped before the first round was done.", "Run agp bench pace again.")
    due = sum(
        max(1, round(min(ROUND_SECONDS, options.seconds - done) * options.fps))
        for done in (number * ROUND_SECONDS for number in range(len(rounds["deadlines"])))
    )
    deadlines, timers = (_evaluate(rounds[method], options.fps, due) for method in ("deadlines", "timers"))
    result = PaceBench(
        deadlines, timers, round(deadlines.frames / timers.frames, 2) if timers.frames else 0.0
    )
    job.emit(_table(result, options))
    return result


def _run_with_deadlines(options: PaceOptions, seconds: float) -> list[tuple[int, int]]:
    """Slot and start time of each frame, with `Clock`."""
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


def _evaluate(rounds: list[list[tuple[int, int]]], fps: int, due: int) -> PaceResult:
    period = NS / fps
    frames = sum(len(starts) for starts in rounds)
    deviations = [
        abs(after - before - (number_after - number_before) * period) / 1e6
        for starts in rounds
        for (number_before, before), (number_after, after) in pairwise(starts)
    ]
    drift = sum(starts[-1][1] - starts[0][1] - starts[-1][0] * period for starts in rounds if starts)
    return PaceResult(
        frames, round(min(frames / due, 1.0), 4), Percentiles.of(deviations), round(drift / 1e6, 1)
    )


def _table(result: PaceBench, options: PaceOptions) -> Table:
    methods = (("absolute deadlines", result.deadlines), ("one timer per frame", result.timers))
    load = f", each core {options.load:.0%} busy with other work" if options.load else ""
    work = f"{options.work_ms:g} ms of work per frame"
    return Table(
        title=f"Pace: {options.fps} fps, {work}, {options.seconds:g} s per method{load}",
        columns=["method", "filled %", "deviation p50 ms", "deviation p99 ms", "drift ms"],
        rows=[
            [
                name,
                round(100 * found.filled, 1),
                found.deviation_ms.p50,
                found.deviation_ms.p99,
                found.drift_ms,
            ]
            for name, found in methods
        ],
    )
