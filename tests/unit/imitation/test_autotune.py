"""How many threads learn: as many as were asked for, or what was measured."""

import os

import pytest
import torch
from support.dots import SIDES, SIZE, moving_dot, settings
from support.fakes import Heard

from agp_tui.engine.job import Job
from agp_tui.imitation import autotune as threads
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Note


def fitted(job: Job, measure: bool, number: int | None = None) -> Trainer:
    data = Dataset((moving_dot(200, 1),), (IndexRange(0, 0, 200),), (), 3)
    network = PolicyNetwork(NetworkSpec("small", SIZE, 3, 2))
    trainer = Trainer(network, settings(threads=number), SIDES, device="cpu", measure_threads=measure)
    trainer.fit(data, job, epochs=1)
    return trainer


def test_the_faster_number_holds_and_is_told(job: Job, heard: Heard) -> None:
    trainer = fitted(job, measure=True)
    cores = len(os.sched_getaffinity(0))
    assert trainer.threads in (1, cores)
    assert torch.get_num_threads() == trainer.threads
    notes = [event.text for event in heard.events if isinstance(event, Note)]
    assert len(notes) == 1 and f"Learns with {trainer.threads} of" in notes[0]


def test_a_number_that_was_given_is_taken_and_without_being_asked_nothing_is_measured(
    job: Job, heard: Heard
) -> None:
    assert fitted(job, measure=True, number=2).threads == 2
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert fitted(job, measure=False).threads is None
    assert torch.get_num_threads() == 1
    assert not [event for event in heard.events if isinstance(event, Note)]


@pytest.mark.parametrize(("slow", "chosen"), [(1, 2), (2, 1)])
def test_the_wall_clock_decides(monkeypatch: pytest.MonkeyPatch, slow: int, chosen: int) -> None:
    """On a machine of two cores whose clock says that one of the two numbers is slow."""
    now = 0.0

    def passing() -> float:
        nonlocal now
        now += 1.0 if torch.get_num_threads() == slow else 0.1
        return now

    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(threads.time, "perf_counter", passing)
    network = PolicyNetwork(NetworkSpec("small", SIZE, 3, 2))
    data = Dataset((moving_dot(40, 1),), (IndexRange(0, 0, 40),), (), 3)
    from agp_tui.imitation.augmentation import Augmentation
    from agp_tui.imitation.schedule import TrainSchedule

    batch = TrainSchedule(settings(), Augmentation(0, 0.0, None), data, 1, None).sample()
    assert threads.faster_threads(network, batch) == chosen == torch.get_num_threads()
