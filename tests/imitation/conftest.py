"""What the tests of learning share: one thread, and a job that is listened to."""

from typing import Any

import pytest
from support.fakes import Heard

from agp_tui.engine.job import Job


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def job(heard: Heard) -> Job:
    return Job(heard)
