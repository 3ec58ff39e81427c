"""Tests of the autotuner: thread count and precision, configured or measured."""

import os

import pytest
import torch
from support.dot_dataset import SIDES, SIZE, dot_settings, moving_dot
from support.fakes import EventLog

from agp_tui.engine import autotune
from agp_tui.engine.job import Job
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Note


def result(job: Job, measure: bool, number: int | None = None) -> Trainer:
    data = Dataset((moving_dot(200, 1),), (IndexRange(0, 0, 200),), (), 3)
    network = PolicyNetwork(NetworkSpec("small", SIZE, 3, 2))
    trainer = Trainer(network, dot_settings(threads=number), SIDES, device="cpu", measure_threads=measure)
    trainer.fit(data, job, epochs=1)
    return trainer


def test_measured_thread_count_is_used_and_reported(job: Job, event_log: EventLog) -> None:
    trainer = result(job, measure=True)
    cores = len(os.sched_getaffinity(0))
    assert trainer.threads in (1, cores)
    assert torch.get_num_threads() == trainer.threads
    notes = [event.text for event in event_log.events if isinstance(event, Note)]
    assert len(notes) == 1 and f"{trainer.threads} of {cores} threads" in notes[0]


def test_configured_thread_count_is_used_without_measuring(job: Job, event_log: EventLog) -> None:
    assert result(job, measure=True, number=2).threads == 2
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert result(job, measure=False).threads is None
    assert torch.get_num_threads() == 1
    assert not [event for event in event_log.events if isinstance(event, Note)]


@pytest.mark.parametrize(("slow", "chosen"), [(1, 2), (2, 1)])
def test_thread_count_is_chosen_by_wall_clock(
    monkeypatch: pytest.MonkeyPatch, slow: int, chosen: int
) -> None:
    """Two CPUs, and a fake clock on which one of the two thread counts is slow."""
    now = 0.0

    def perf_counter() -> float:
        nonlocal now
        now += 1.0 if torch.get_num_threads() == slow else 0.1
        return now

    monkeypatch.setattr(autotune, "available_cpus", lambda: 2)
    monkeypatch.setattr(autotune.time, "perf_counter", perf_counter)
    runs: list[int] = []
    count = autotune.fastest_thread_count(lambda: runs.append(torch.get_num_threads()))
    assert count == chosen == torch.get_num_threads()
    assert runs == [1, 2] * 4, "warm-up, then three turns"


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"float32": 10.0, "bfloat16": 9.1}, "float32"),
        ({"float32": 10.0, "bfloat16": 8.9}, "bfloat16"),
        ({"float32": 10.0, "bfloat16": 40.0}, "float32"),
    ],
)
def test_default_candidate_must_be_beaten_clearly(seconds: dict[str, float], chosen: str) -> None:
    runs: list[str] = []

    def run(name: str) -> float:
        runs.append(name)
        return seconds[name]

    found = autotune.fastest(
        ("float32", "bfloat16"), run, min_speedup=1 / 0.9, rounds=2, warm_up=True, give_up=3.0
    )
    assert found == chosen
    hopeless = seconds["bfloat16"] > 3 * seconds["float32"]
    assert runs.count("bfloat16") == (1 if hopeless else 3)


def test_precision_is_measured_by_a_training_pass() -> None:
    weight = torch.ones(4, requires_grad=True)
    precisions: list[bool] = []

    def loss() -> torch.Tensor:
        precisions.append(torch.is_autocast_enabled("cpu"))
        return (weight * 2).sum()

    assert autotune.fastest_precision(loss, "cpu") in ("float32", "bfloat16")
    assert precisions[:2] == [False, True] and weight.grad is not None
