"""The same day in a large terminal. A file of its own: the two are played side by side."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.day_in_terminal import a_day_in_a_terminal
from support.terminal import Terminal

pytestmark = pytest.mark.slow


def test_record_replay_train_lose_the_connection_come_back(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    a_day_in_a_terminal(terminal, tmp_path, (200, 60))
