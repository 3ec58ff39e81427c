"""Tests of the app over SSH: a real terminal, the real engine, a lost connection."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ssh_session import GAME, use_app_over_ssh
from support.tmux import Terminal

from agp_tui.recording.store import Recording, find_recordings


@pytest.mark.nightly
def test_training_survives_a_lost_connection_and_is_followed_again(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    use_app_over_ssh(terminal, tmp_path, (80, 24))


def test_live_job_ends_cleanly_when_the_terminal_is_lost(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    app = terminal((80, 24))
    app.wait("Next:")
    app.keys("2")
    app.wait("Press Enter to record")
    app.keys("Enter")
    app.wait(r"● REC [23]\d\.\d/30 fps")
    time.sleep(2)
    app.kill()
    deadline = time.monotonic() + 20
    state = ""
    while state != "complete" and time.monotonic() < deadline:
        time.sleep(0.2)
        (path,) = find_recordings(tmp_path / "recordings", GAME)
        state = Recording.open(path).meta.state
    assert state == "complete"
    assert Recording.open(path).seconds > 1.5


def test_too_small_terminal_shows_the_required_size(terminal: Callable[..., Terminal]) -> None:
    app = terminal((50, 12))
    app.wait("80x24")
