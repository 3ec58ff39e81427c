"""The morning of the same day in a large terminal. A file of its own: the two are played side by side."""

from collections.abc import Callable
from pathlib import Path

from support.day_in_terminal import a_morning
from support.terminal import Terminal


def test_look_round_record_replay(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    a_morning(terminal((200, 60)), tmp_path)
