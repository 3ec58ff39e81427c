"""Test of the app in a large terminal; in a separate file so that xdist runs it in parallel."""

from collections.abc import Callable
from pathlib import Path

from support.ssh_session import visit_record_and_replay
from support.tmux import Terminal


def test_record_and_replay_in_a_large_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    visit_record_and_replay(terminal((200, 60)), tmp_path)
