"""Inference latency on this machine: measuring it, the frame budget, and the number of threads to use."""

import time
from dataclasses import dataclass, replace
from math import floor, prod

import numpy as np

from agp_tui.config import PlaySettings
from agp_tui.engine.autotune import fastest
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.models.loading import StoredModel
from agp_tui.models.policy import Policy
from agp_tui.models.streaming_policy import DECIDE, is_streaming
from agp_tui.protocol.events import Latency, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.results import LatencyResult

MEASURE_SECONDS, MIN_DECISIONS = 2.0, 20
"""Of the full measurement; percentiles of fewer decisions mean little."""
QUICK_SECONDS, QUICK_DECISIONS = 0.3, 5
"""Of the measurement that chooses the number of threads while a person waits."""
WARM_UP_DECISIONS = 5
NOISE_FRAMES = 8
BUDGET_MARGIN = 1.25
"""The frame budget must hold p99 times this: play also grabs, presses and shares the machine."""
MAX_FPS = 60
SINGLE_THREAD_SHARE = 0.5
"""One thread is used if its median latency is at most this share of the frame budget."""
MIN_SPEEDUP = 1.2
"""Required of all threads over one: they wait for each other whenever the game takes a core."""


@dataclass(frozen=True)
class LatencyReport:
    """Measured latency, in milliseconds."""

    decisions: int
    latency_ms: Percentiles
    """Of whole decisions: encode and decide, without grab and press."""
    stages_ms: Latency
    budget_ms: float
    """Duration of a frame at `fps`."""
    fps: float
    fps_max: int
    """Highest rate, 1 to 60, whose budget holds p99 with the margin; 0 if not even 1 fps does."""

    @property
    def fits(self) -> bool:
        """Whether p99 fits the budget with the margin."""
        return self.latency_ms.p99 * BUDGET_MARGIN <= self.budget_ms

    def report(self) -> LatencyResult:
        """The fields above, `fits` and the margin, as a report."""
        return LatencyResult(**vars(self), fits=self.fits, margin=BUDGET_MARGIN)

    def table(self, name: str) -> Table:
        """The percentiles of each stage, and the verdict as the title."""
        rows: list[list[str | float | int | None]] = [
            *(_row(stage, times) for stage, times in self.stages_ms.items()),
            _row("whole decision", self.latency_ms),
            [f"budget at {self.fps:g} fps", None, None, round(self.budget_ms, 1)],
        ]
        return Table(title=f"{name}: {self.verdict}", columns=["ms", "p50", "p95", "p99"], rows=rows)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.fits:
            return f"fits {self.fps:g} fps; up to {self.fps_max} fps here"
        return f"too slow for {self.fps:g} fps; up to {self.fps_max} fps here"


def measure_model(
    model: StoredModel, settings: PlaySettings, job: Job, fps: float | None = None
) -> LatencyReport:
    """Load a model as for play and time its decisions on noise for about 2 s.

    `fps` replaces the model's own rate. Raises `ModelError` or `MissingPart`.
    """
    keys = None if model.manifest is not None else _output_names(model, settings)
    return measure_latency(load_within_budget(model, settings, job, keys=keys), job, fps=fps)


def measure_latency(
    policy: Policy,
    job: Job,
    *,
    fps: float | None = None,
    seconds: float = MEASURE_SECONDS,
    min_decisions: int = MIN_DECISIONS,
) -> LatencyReport:
    """Time consecutive decisions on noise frames for `seconds`, or until the job is stopped."""
    size = getattr(policy, "frame_size", 256)
    frames = np.random.default_rng(0).integers(0, 256, (NOISE_FRAMES, size, size, 3), np.uint8)
    policy.reset()
    for number in range(WARM_UP_DECISIONS):
        policy.decide(frames[number % NOISE_FRAMES])
    encode: list[float] = []
    decide: list[float] = []
    end = time.monotonic() + seconds
    while (time.monotonic() < end or len(encode) < min_decisions) and not (job.stopping and encode):
        started = time.perf_counter_ns()
        policy.observe(frames[len(encode) % NOISE_FRAMES])
        observed = time.perf_counter_ns()
        policy.probabilities()
        decide.append((time.perf_counter_ns() - observed) / 1e6)
        encode.append((observed - started) / 1e6)
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
    """The highest rate, 1 to 60, whose budget holds `p99_ms` with the margin; 0 if none does."""
    return min(MAX_FPS, floor(1000 / (BUDGET_MARGIN * p99_ms))) if p99_ms > 0 else MAX_FPS


def load_within_budget(
    model: StoredModel,
    settings: PlaySettings,
    job: Job,
    *,
    keys: tuple[str, ...] | None = None,
    fps: float | None = None,
) -> Policy:
    """Load a policy with `settings.threads`, or else with one thread, or all if one is too slow.

    Notes when it uses more than one. Raises as `StoredModel.policy`.
    """
    if settings.threads is not None:
        return model.policy(settings, keys, fps)
    policy = model.policy(replace(settings, threads=1), keys, fps)
    budget_ms, single_ms = 1000 / policy.fps, _median_ms(policy, job)
    if (cpus := available_cpus()) > 1 and single_ms > SINGLE_THREAD_SHARE * budget_ms:
        parallel = model.policy(replace(settings, threads=cpus), keys, fps)
        times = {policy: single_ms, parallel: _median_ms(parallel, job)}
        if fastest((policy, parallel), times.__getitem__, min_speedup=MIN_SPEEDUP) is parallel:
            job.note(
                f"Inference with {cpus} threads: {times[parallel]:.1f} ms of {budget_ms:.1f} "
                f"instead of {single_ms:.1f}."
            )
            policy = parallel
    policy.reset()
    return policy


def _median_ms(policy: Policy, job: Job) -> float:
    report = measure_latency(policy, job, seconds=QUICK_SECONDS, min_decisions=QUICK_DECISIONS)
    return report.latency_ms.p50


def _output_names(model: StoredModel, settings: PlaySettings) -> tuple[str, ...]:
    """Placeholder keys for the outputs of a model made elsewhere: its latency does not depend on them."""
    facts = model.inspect(settings.model_input_shape)
    outputs = facts.signatures[DECIDE].outputs.values() if is_streaming(facts) else facts.outputs
    return tuple(f"output {number + 1}" for number in range(prod(next(iter(outputs)).shape)))


def _row(name: str, times: Percentiles) -> list[str | float | int | None]:
    return [name, round(times.p50, 2), round(times.p95, 2), round(times.p99, 2)]
