"""Inference latency: measured times, the highest rate that fits, and the number of threads."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import EventLog
from support.small_models import SmallModels

from agp_tui.config import PlaySettings
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_environment
from agp_tui.games.base import Pixels
from agp_tui.models import inference_latency
from agp_tui.models.inference_latency import (
    BUDGET_MARGIN,
    MIN_DECISIONS,
    highest_fps,
    load_within_budget,
    measure_latency,
    measure_model,
)
from agp_tui.models.loading import StoredModel


class SlowPolicy:
    """A policy that takes 4 ms to observe and 2 ms to decide."""

    keys = ("up",)
    thresholds = np.array([0.5], np.float32)
    fps = 30.0
    segment = 1
    frame_size = 16

    def reset(self) -> None: ...

    def observe(self, pixels: Pixels) -> None:
        assert pixels.shape == (16, 16, 3) and pixels.std() > 50
        time.sleep(0.004)

    def probabilities(self) -> NDArray[np.float32]:
        time.sleep(0.002)
        return np.zeros(1, np.float32)

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        self.observe(pixels)
        return self.probabilities()


def test_stage_and_total_latency_are_measured() -> None:
    report = measure_latency(SlowPolicy(), Job(), seconds=0.3)
    assert report.decisions >= MIN_DECISIONS
    assert report.stages_ms["encode"].p50 >= 4.0 and report.stages_ms["decide"].p50 >= 2.0
    assert report.latency_ms.p50 >= 6.0
    assert report.budget_ms == pytest.approx(1000 / 30, abs=0.01)
    assert report.fits == (report.latency_ms.p99 * BUDGET_MARGIN <= report.budget_ms)
    slow = measure_latency(SlowPolicy(), Job(), fps=200, seconds=0.1)
    assert not slow.fits and slow.budget_ms == 5.0 and "too slow for 200 fps" in slow.table("slow").title


class ThreadedPolicy(SlowPolicy):
    """A policy that takes `milliseconds` for a decision."""

    def __init__(self, milliseconds: float) -> None:
        self.milliseconds = milliseconds

    def observe(self, pixels: Pixels) -> None:
        time.sleep(self.milliseconds / 1000)

    def probabilities(self) -> NDArray[np.float32]:
        return np.zeros(1, np.float32)


@pytest.mark.parametrize(
    ("one_ms", "all_ms", "requested", "loaded", "used"),
    [
        (2, 1, None, [1], 1),
        (25, 10, None, [1, 4], 4),
        (25, 40, None, [1, 4], 1),
        (25, 10, 1, [1], 1),
        (2, 1, 3, [3], 3),
    ],
    ids=["fits", "too slow", "no speedup", "one requested", "three requested"],
)
def test_fewest_threads_within_the_budget_are_used(
    monkeypatch: pytest.MonkeyPatch,
    one_ms: float,
    all_ms: float,
    requested: int | None,
    loaded: list[int],
    used: int,
) -> None:
    """Simulates a machine with 4 cores and models of known latency."""
    loads: list[int] = []
    loaded_policies: dict[int, ThreadedPolicy] = {}

    def policy(_model: StoredModel, settings: PlaySettings, *_more: object) -> ThreadedPolicy:
        assert settings.threads is not None
        loads.append(settings.threads)
        loaded_policies[settings.threads] = ThreadedPolicy(one_ms if settings.threads == 1 else all_ms)
        return loaded_policies[settings.threads]

    monkeypatch.setattr(StoredModel, "policy", policy)
    monkeypatch.setattr(inference_latency, "available_cpus", lambda: 4)
    event_log = EventLog()
    policy_used = load_within_budget(StoredModel(Path("m")), PlaySettings(threads=requested), Job(event_log))
    assert loads == loaded and policy_used is loaded_policies[used]
    assert len(event_log.events) == (used == 4)


@pytest.mark.parametrize(("p99", "fps"), [(0.2, 60), (13.33, 60), (20.0, 40), (100.0, 8), (900.0, 0)])
def test_highest_fps_leaves_a_margin(p99: float, fps: int) -> None:
    assert highest_fps(p99) == fps


def test_stopped_job_stops_measuring() -> None:
    job = Job()
    job.stop()
    assert measure_latency(SlowPolicy(), job).decisions == 1


def test_model_without_a_manifest_is_measured_without_keys(small_models: SmallModels) -> None:
    assert measure_model(StoredModel(small_models.whole_window), PlaySettings(), Job(), fps=15).budget_ms > 60


def test_measure_command_reports_budget_and_rate(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "models", "measure", str(model), "--fps", "50", "--json"],
        cwd=model.parent, capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env=module_environment(XDG_CONFIG_HOME=str(model.parent)),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    last = json.loads(done.stdout.splitlines()[-1])
    report = last["report"]
    assert (report["budget_ms"], report["fps"]) == (20.0, 50)
    assert 0 <= report["fps_max"] <= 60
    assert last["latency_ms"]["p99"] >= last["latency_ms"]["p50"] > 0
    assert set(report["stages_ms"]) == {"encode", "decide"}
