"""Before play: how long a decision takes on this machine, and how many a second it can keep up."""

import time
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

import numpy as np

from agp_tui.engine.job import Job
from agp_tui.models.policy import Policy
from agp_tui.protocol.events import Latency, Table
from agp_tui.protocol.percentiles import Percentiles

MEASURE_SECONDS = 2.0
MIN_DECISIONS = 20
"""Decisions at least, however slow they are; percentiles of fewer say nothing."""
BUDGET_MARGIN = 1.25
"""The budget must hold p99 so many times: play also grabs, presses and shares the machine."""
MAX_FPS = 60
WARM_UP_DECISIONS = 5
NOISE_FRAMES = 8


@dataclass(frozen=True)
class LatencyReport:
    """What was measured, in milliseconds."""

    decisions: int
    latency_ms: Percentiles
    """Of whole decisions: encode and decide, without the grab and the press."""
    stages_ms: Latency
    budget_ms: float
    """What the model's rate, or the one asked about, leaves for a decision."""
    fps: float
    fps_max: int
    """The highest rate, 1 to 60, whose budget holds p99 with the margin; 0 where not even 1 does."""

    @property
    def fits(self) -> bool:
        """Whether its rate can be kept up here, with the margin."""
        return self.latency_ms.p99 * BUDGET_MARGIN <= self.budget_ms

    def report(self) -> dict[str, Any]:
        """As plain data: the fields above, `fits` and `margin`."""
        return asdict(self) | {"fits": self.fits, "margin": BUDGET_MARGIN}

    def table(self, name: str) -> Table:
        """For people."""
        rows: list[list[str | float | int | None]] = [
            *(_row(stage, times) for stage, times in self.stages_ms.items()),
            _row("whole decision", self.latency_ms),
            [f"budget at {self.fps:g} fps", None, None, round(self.budget_ms, 1)],
        ]
        return Table(title=f"{name}: {self.verdict}", columns=["ms", "p50", "p95", "p99"], rows=rows)

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        if self.fits:
            return f"fits {self.fps:g} fps; up to {self.fps_max} fps here"
        return f"too slow for {self.fps:g} fps; up to {self.fps_max} fps here"


def measure_latency(
    policy: Policy,
    job: Job,
    *,
    fps: float | None = None,
    seconds: float = MEASURE_SECONDS,
    fewest: int = MIN_DECISIONS,
) -> LatencyReport:
    """Decisions one after the other for so long, fewer where the job is stopped; frames are noise."""
    size = getattr(policy, "frame_size", 256)
    pictures = np.random.default_rng(0).integers(0, 256, (NOISE_FRAMES, size, size, 3), np.uint8)
    policy.reset()
    for number in range(WARM_UP_DECISIONS):
        policy.decide(pictures[number % NOISE_FRAMES])
    encode: list[float] = []
    decide: list[float] = []
    end = time.monotonic() + seconds
    while (time.monotonic() < end or len(encode) < fewest) and not (job.stopping and encode):
        began = time.perf_counter_ns()
        policy.see(pictures[len(encode) % NOISE_FRAMES])
        seen = time.perf_counter_ns()
        policy.probabilities()
        decide.append((time.perf_counter_ns() - seen) / 1e6)
        encode.append((seen - began) / 1e6)
    whole = Percentiles.of([sum(pair) for pair in zip(encode, decide, strict=True)])
    rate = fps or policy.fps
    return LatencyReport(
        decisions=len(encode),
        latency_ms=whole,
        stages_ms={"encode": Percentiles.of(encode), "decide": Percentiles.of(decide)},
        budget_ms=round(1000 / rate, 3),
        fps=rate,
        fps_max=highest_fps(whole.p99),
    )


def highest_fps(p99_ms: float) -> int:
    """The highest rate, 1 to 60, whose budget holds such a p99 with the margin; 0 where none does."""
    return min(MAX_FPS, floor(1000 / (BUDGET_MARGIN * p99_ms))) if p99_ms > 0 else MAX_FPS


def _row(name: str, times: Percentiles) -> list[str | float | int | None]:
    return [name, round(times.p50, 2), round(times.p95, 2), round(times.p99, 2)]
