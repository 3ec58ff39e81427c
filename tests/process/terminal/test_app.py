"""The app as a person uses it over SSH: a real terminal, the real engine, and the connection that is lost."""

import time
from collections.abc import Callable
from pathlib import Path

from support.ssh_session import GAME, use_app_over_ssh
from support.tmux import Terminal

from agp_tui.recording.store import Recording, find_recordings


def test_record_replay_train_lose_the_connection_come_back(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    use_app_over_ssh(terminal, tmp_path, (80, 24))


def test_a_live_job_is_finished_when_the_terminal_is_lost(
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


def test_a_terminal_that_is_too_small_says_so(terminal: Callable[..., Terminal]) -> None:
    app = terminal((50, 12))
    app.wait("80x24")
