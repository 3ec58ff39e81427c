"""The benchmarks that ship with the package, and how a benchmark runs.

The others are in the folder `benchmarks/` of a source checkout.
"""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agp_tui.bench.options import CaptureOptions, DecisionOptions, PaceOptions
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import MissingPart
from agp_tui.protocol.events import Finished

if TYPE_CHECKING:
    from collections.abc import Mapping

Metrics = dict[str, float]


@dataclass(frozen=True)
class Measurement:
    """The result of a benchmark: figures by name, and further fields of its report."""

    metrics: Metrics
    report: "Mapping[str, Any]"


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its command, its options class, and the function that measures."""

    name: str
    options: type[Any]
    measure: Callable[..., Metrics | Measurement]
    """Called with an instance of `options` and a job. Emits tables; raises `AgpError` if it cannot run."""
    help: str

    def run(self, options: Any, job: Job, *arguments: Any) -> Finished:
        """Measure; returns the figures and the name of the machine. `arguments` go to `measure`."""
        name = machine()
        job.note(name)
        found = self.measure(options, job, *arguments)
        if not isinstance(found, Measurement):
            found = Measurement(found, {})
        report = {"machine": name, **found.report}
        return Finished(job=f"bench {self.name}", metrics=found.metrics, report=report)


def capture(options: CaptureOptions, job: Job) -> Metrics:
    from agp_tui.bench.capture import bench_capture

    return bench_capture(options, job).metrics()


def pace(options: PaceOptions, job: Job) -> Metrics:
    from agp_tui.bench.pace import bench_pace

    return bench_pace(options, job).metrics()


def play(options: DecisionOptions, job: Job, model: Path | None = None) -> Metrics:
    require_torch()
    from agp_tui.bench.play import bench_decisions
    from agp_tui.bench.reaction import reaction_metrics

    found, reactions = bench_decisions(options, model, job)
    return {
        "play_streaming_ms": found.streaming_ms.p50,
        "play_whole_window_ms": found.whole_ms.p50,
        "play_ratio": found.ratio,
        "play_max_difference": found.max_difference,
        **reaction_metrics(reactions),
    }


PACKAGED = (
    Benchmark(
        "capture",
        CaptureOptions,
        capture,
        "Measure the capture of a screen region against capturing the whole screen over a new connection.",
    ),
    Benchmark(
        "pace",
        PaceOptions,
        pace,
        "Measure a loop with absolute deadlines against one that sets a timer per frame.",
    ),
    Benchmark(
        "play",
        DecisionOptions,
        play,
        "Measure streaming decisions against computing the whole window for each decision.",
    ),
)
"""The benchmarks with which users check their own machine."""

CHECKOUT_ONLY = {
    "store": "Measure lossless frame storage in time and size against simple formats.",
    "train": "Measure training on shared encodings against encoding each window separately.",
    "atari": "Measure the training rate of agents per CPU second against Stable-Baselines3 and a plain loop.",
    "equal-frames": "Compare the scores of agents after the same number of frames with Stable-Baselines3.",
    "bakeoff": "Compare algorithms at equal CPU time. Takes hours; resumes from stored results.",
    "learn": "Measure the scores of agents after a given training time. Takes hours; resumes.",
    "corrections": "Compare corrections with the same amount of further demonstrations. Slow.",
    "practice": "Measure the improvement of a cloned model by practice. Takes half an hour per game.",
    "imitate": "Score models that learn from demonstrations of games on a screen. Takes hours; resumes.",
    "ui": "Measure the cost of the app: picture, event loop, play in the terminal, start-up.",
    "all": "Run every benchmark that takes minutes at most and can run on this machine.",
}
"""Help of the benchmarks in the folder `benchmarks/` of a checkout, by name."""


def require_torch() -> None:
    """Raise `MissingPart` if torch is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingPart(
            "Expected torch for this benchmark, found that it is not installed.",
            "pip install 'agp-tui[train]'",
        )


def machine() -> str:
    """Processor, cores that this process may use, system and Python, in one line."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()}, {available_cpus()} cores, {system}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
