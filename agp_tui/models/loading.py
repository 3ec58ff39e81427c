"""A model as play loads it: with as few threads as fit the frame budget, for the game needs cores too."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from agp_tui.config import PlaySettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.models.latency import LatencyReport, measure_latency
from agp_tui.models.policy import Policy, load_policy
from agp_tui.models.streaming_policy import DECIDE, is_streaming
from agp_tui.models.validation import inspect_model

SECONDS, FEWEST = 0.3, 5
"""Of measuring; the fewest hold where a decision takes long: a person waits for it."""
SHARE = 0.5
"""Of the frame budget: where one thread takes less in the usual case, it has it."""
GAIN = 1.2
"""More threads must be so many times faster: they wait for each other whenever the game takes a core."""


def load_within_budget(
    path: Path,
    settings: PlaySettings,
    job: Job,
    *,
    keys: tuple[str, ...] | None = None,
    fps: float | None = None,
) -> Policy:
    """As `load_policy`, with the threads of the settings, or with all cores where one is too slow.

    Says so where it is not one. Raises as `load_policy` does.
    """
    if settings.threads is not None:
        return load_policy(path, settings, keys, fps)
    one = load_policy(path, replace(settings, threads=1), keys, fps)
    budget_ms, alone_ms = 1000 / one.fps, _median_ms(one, job)
    if available_cpus() > 1 and alone_ms > SHARE * budget_ms:
        all_of_them = load_policy(path, replace(settings, threads=available_cpus()), keys, fps)
        together_ms = _median_ms(all_of_them, job)
        if together_ms * GAIN < alone_ms:
            took = f"{together_ms:.1f} ms of {budget_ms:.1f} instead of {alone_ms:.1f}"
            job.note(f"Decides with {available_cpus()} threads: {took}.")
            all_of_them.reset()
            return all_of_them
    one.reset()
    return one


def measure_model(path: Path, settings: PlaySettings, job: Job, fps: float | None = None) -> LatencyReport:
    """Load a model as play does and time its decisions on noise for about 2 s.

    `fps` asks about another rate than the model's own. Raises `ModelError` or `MissingPart`.
    """
    keys = None if path.is_dir() else _output_names(path, settings)
    return measure_latency(load_within_budget(path, settings, job, keys=keys), job, fps=fps)


def _median_ms(policy: Policy, job: Job) -> float:
    return measure_latency(policy, job, seconds=SECONDS, fewest=FEWEST).latency_ms.p50


def _output_names(path: Path, settings: PlaySettings) -> tuple[str, ...]:
    """Names for the outputs of a model made elsewhere: how long it takes does not depend on them."""
    shape = settings.model_input_shape
    facts = inspect_model(path, None, (1, *shape) if shape else None)
    outputs = facts.signatures[DECIDE].outputs.values() if is_streaming(facts) else facts.outputs
    count = int(np.prod(next(iter(outputs)).shape))
    return tuple(f"output {number + 1}" for number in range(count))
