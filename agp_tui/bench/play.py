"""Decisions: a network's streaming form against its whole-window form, made from the same weights."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agp_tui.bench.options import DecisionOptions
from agp_tui.bench.reaction import Reaction, bench_reaction
from agp_tui.config import ExportSettings, PlaySettings
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, ModelError
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest
from agp_tui.models.policy import Policy
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

STREAMING, WHOLE = "streaming", "whole window"
OBSERVE = "streaming, newest frame only"


@dataclass(frozen=True, slots=True)
class PlayBench:
    """Latencies of both forms."""

    decisions: int
    streaming_ms: Percentiles
    observe_ms: Percentiles
    """The part of a streaming decision that resizes, encodes and stores the newest frame."""
    whole_ms: Percentiles
    ratio: float
    """Median latency of a whole-window decision over that of a streaming decision."""
    max_difference: float
    """Largest difference between the probabilities of the two, over all decisions and keys."""


def bench_play(
    model: Path, whole_window: Path, job: Job, decisions: int = 60, threads: int = 1, turn: int = 10
) -> PlayBench:
    """Time both forms of one network on the same random frames, alternating every `turn` decisions.

    Whole-window inference evicts everything else from the CPU caches; with `turn` 1, streaming pays for that
    at each decision.

    `model` is a model folder, `whole_window` a `.tflite` file of the same network with one input
    (1, segment, size, size, 3) of RGB, uint8 or float32 from 0 to 1. A decision is everything from a frame
    to its probabilities; both keep their window in a ring buffer. Emits a `Table`. Raises `ModelError` if the
    windows of the two differ in length.
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
    times_ms: dict[str, list[float]] = defaultdict(list)
    max_difference = 0.0
    for start in range(0, decisions, turn):
        if job.stopping:
            break
        batch = [frames[number % len(frames)] for number in range(start, min(start + turn, decisions))]
        outputs: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        for name, policy in ((STREAMING, streaming), (WHOLE, whole)):
            for frame in batch:
                start_ns = time.perf_counter_ns()
                policy.observe(frame)
                if policy is streaming:
                    times_ms[OBSERVE].append((time.perf_counter_ns() - start_ns) / 1e6)
                outputs[name].append(policy.probabilities().copy())
                times_ms[name].append((time.perf_counter_ns() - start_ns) / 1e6)
        differences = np.abs(np.subtract(outputs[STREAMING], outputs[WHOLE]))
        max_difference = max(max_difference, float(differences.max()))
    fast, slow = Percentiles.of(times_ms[STREAMING]), Percentiles.of(times_ms[WHOLE])
    return PlayBench(
        decisions=len(times_ms[STREAMING]),
        streaming_ms=fast,
        observe_ms=Percentiles.of(times_ms[OBSERVE]),
        whole_ms=slow,
        ratio=round(slow.p50 / fast.p50, 2) if fast.p50 else 0.0,
        max_difference=max_difference,
    )


def _table(result: PlayBench, turn: int) -> Table:
    return Table(
        title=f"One decision, {result.decisions} per method in turns of {turn}; "
        f"largest difference of outputs {result.max_difference:.1e}",
        columns=["method", "p50 ms", "p99 ms", "speedup"],
        rows=[
            [WHOLE, result.whole_ms.p50, result.whole_ms.p99, 1.0],
            [STREAMING, result.streaming_ms.p50, result.streaming_ms.p99, result.ratio],
            [OBSERVE, result.observe_ms.p50, result.observe_ms.p99, None],
        ],
    )


KEYS = ("up", "left", "right", "down")


@dataclass(frozen=True, slots=True)
class Forms:
    """Two forms of one network: a model folder, and a `.tflite` file with whole windows of float frames."""

    folder: Path
    whole_window: Path


def bench_decisions(
    options: DecisionOptions, model: Path | None, job: Job
) -> tuple[PlayBench, list[Reaction]]:
    """Convert `model`, or an untrained network, to both forms; measure decisions and reaction times.

    Without a display, reaction times are skipped with a note. Raises `ModelError` if the model has no
    checkpoint, `MissingPart` without the converter.
    """
    with _forms(options, model, job) as forms:
        found = bench_play(
            forms.folder, forms.whole_window, job, options.decisions, options.threads, options.turn
        )
        streaming = load_policy(forms.folder, PlaySettings(threads=options.threads))
        settings = PlaySettings(threads=options.threads, channels="rgb")
        whole = load_policy(forms.whole_window, settings, streaming.keys, streaming.fps)
        try:
            return found, bench_reaction(streaming, whole, job, options.seconds, options.display)
        except DisplayError as error:
            job.note(f"Reaction times were not measured. {error}", level="warning")
            return found, []


@contextmanager
def _forms(options: DecisionOptions, model: Path | None, job: Job) -> Iterator[Forms]:
    from agp_tui.imitation.export import convert_file, export

    with tempfile.TemporaryDirectory(prefix="agp-bench-") as folder:
        parent = Path(folder)
        if model is None:
            checkpoint = _untrained(options, parent / "untrained.pt")
            job.note(f"Converting an untrained {options.network} network to both forms; this takes a minute.")
            streaming = export(checkpoint, ExportSettings(), parent, job.muted(), "untrained")
        else:
            streaming, checkpoint = model, _checkpoint_of(model)
            job.note(f"Converting {model.name} to its whole-window form; this takes a minute.")
        whole = parent / "whole_window.tflite"
        convert_file(checkpoint, whole, job, form="window-float32")
        yield Forms(streaming, whole)


def _checkpoint_of(model: Path) -> Path:
    name = read_manifest(model).checkpoint if model.is_dir() else None
    if name is None or not (model / name).is_file():
        raise ModelError(
            f"Expected a model with its checkpoint, found none in {model.name}.",
            "Name a model made by agp train, or none for an untrained network.",
        )
    return model / name


def _untrained(options: DecisionOptions, path: Path) -> Path:
    import torch

    from agp_tui.imitation.checkpoint import Checkpoint, save_checkpoint
    from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

    torch.manual_seed(0)
    spec = NetworkSpec(options.network, options.frame_size, options.segment, len(KEYS), motion=options.motion)
    network = PolicyNetwork(spec)
    # Larger weights than at initialisation, so that the outputs differ between frames.
    torch.nn.init.normal_(network.head.weight, std=0.2)
    save_checkpoint(
        path,
        Checkpoint(
            spec=spec,
            game="bench",
            keys=KEYS,
            fps=30,
            lead=1,
            thresholds=(0.5,) * len(KEYS),
            weights=network.state_dict(),
        ),
    )
    return path
