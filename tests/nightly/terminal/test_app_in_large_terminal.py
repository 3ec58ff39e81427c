"""The morning of the same day in a large terminal. A file of its own: the two are played side by side."""

from collections.abc import Callable
from pathlib import Path

from support.ssh_session import visit_record_and_replay
from support.tmux import Terminal


def test_look_round_record_replay(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    visit_record_and_replay(terminal((200, 60)), tmp_path)
