"""Streaming against the whole window: the same network, the same frames, one run, in turns."""

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PlaySettings
from agp_tui.engine.job import Job
from agp_tui.errors import ModelError
from agp_tui.models.loading import load_policy
from agp_tui.models.policy import Policy
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

STREAMING, WHOLE = "streaming", "whole window"
SEE = "streaming, of it the newest frame"


@dataclass(frozen=True, slots=True)
class PlayBench:
    """What was measured. `ratio`: median time of a whole-window decision over a streaming one."""

    decisions: int
    streaming_ms: Percentiles
    see_ms: Percentiles
    """Of a streaming decision, what the newest frame takes: scaled, encoded, kept."""
    whole_ms: Percentiles
    ratio: float
    max_difference: float
    """Greatest difference between the probabilities of the two, over all decisions and keys."""

    def report(self) -> dict[str, Any]:
        """The figures as plain data, for a `Finished` event."""
        return {
            "decisions": self.decisions,
            "streaming_ms": {"p50": self.streaming_ms.p50, "p99": self.streaming_ms.p99},
            "see_ms": {"p50": self.see_ms.p50, "p99": self.see_ms.p99},
            "whole_window_ms": {"p50": self.whole_ms.p50, "p99": self.whole_ms.p99},
            "ratio": self.ratio,
            "max_difference": self.max_difference,
        }


def bench_play(
    model: Path, whole_window: Path, job: Job, decisions: int = 60, threads: int = 1, turn: int = 10
) -> PlayBench:
    """Time both forms of one network, in turns of so many decisions, on the same random frames.

    What a whole window computes drives everything else out of the processor's caches; in turns of one,
    streaming pays for that.

    `model` is a model's folder, `whole_window` a `.tflite` file of the same network with one input
    (1, segment, size, size, 3) of RGB, uint8 or float32 from 0 to 1. A decision is everything from
    a frame to its probabilities, the window being kept in a ring for both. Emits a `Table`. Raises
    `ModelError` where the two do not belong together.
    """
    streaming = load_policy(model, PlaySettings(threads=threads))
    settings = PlaySettings(threads=threads, channels="rgb")
    whole = load_policy(whole_window, settings, streaming.keys, streaming.fps)
    if whole.segment != streaming.segment:
        raise ModelError(
            f"Expected a window of {streaming.segment} frames in {whole_window}, found {whole.segment}.",
            "Export the whole-window form from the same checkpoint.",
        )
    result = _measure(streaming, whole, job, decisions, turn)
    job.emit(_table(result, turn))
    return result


def _measure(streaming: Policy, whole: Policy, job: Job, decisions: int, turn: int) -> PlayBench:
    generator = np.random.default_rng(0)
    size = getattr(streaming, "frame_size", 256)
    frames = generator.integers(0, 256, (8, size, size, 3), np.uint8)
    took: dict[str, list[float]] = defaultdict(list)
    greatest = 0.0
    for start in range(0, decisions, turn):
        if job.stopping:
            break
        shown = [frames[number % len(frames)] for number in range(start, min(start + turn, decisions))]
        answers: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        for name, policy in ((STREAMING, streaming), (WHOLE, whole)):
            for frame in shown:
                began = time.perf_counter_ns()
                policy.observe(frame)
                if policy is streaming:
                    took[SEE].append((time.perf_counter_ns() - began) / 1e6)
                answers[name].append(policy.probabilities().copy())
                took[name].append((time.perf_counter_ns() - began) / 1e6)
        differences = np.abs(np.subtract(answers[STREAMING], answers[WHOLE]))
        greatest = max(greatest, float(differences.max()))
    fast, slow = Percentiles.of(took[STREAMING]), Percentiles.of(took[WHOLE])
    return PlayBench(
        decisions=len(took[STREAMING]),
        streaming_ms=fast,
        see_ms=Percentiles.of(took[SEE]),
        whole_ms=slow,
        ratio=round(slow.p50 / fast.p50, 2) if fast.p50 else 0.0,
        max_difference=greatest,
    )


def _table(result: PlayBench, turn: int) -> Table:
    return Table(
        title=f"One decision, {result.decisions} of each in turns of {turn}; "
        f"outputs differ by {result.max_difference:.1e} at most",
        columns=["way", "p50 ms", "p99 ms", "times faster"],
        rows=[
            [WHOLE, result.whole_ms.p50, result.whole_ms.p99, 1.0],
            [STREAMING, result.streaming_ms.p50, result.streaming_ms.p99, result.ratio],
            [SEE, result.see_ms.p50, result.see_ms.p99, None],
        ],
    )
