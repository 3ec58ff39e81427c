"""Tests of `agp atari watch` in a real terminal: picture, keys, exit."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tmux import Terminal, need_tmux
from support.untrained_agents import untrained_agent, write_agent


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    need_tmux()
    write_agent(tmp_path / "models/ponger.agent.pt", untrained_agent())
    terminal = Terminal(tmp_path, (110, 34), "atari", "watch", "ponger")
    yield terminal
    terminal.kill()


def game_seconds(screen: str) -> float:
    """Seconds of the game as shown on the screen."""
    match = re.search(r"(\d+):(\d\d\.\d)", screen)
    assert match, screen
    return 60 * int(match[1]) + float(match[2])


def test_watch_view_pauses_steps_changes_speed_and_quits(terminal: Terminal) -> None:
    terminal.wait(r"score 0 +value -?\d")
    screen = terminal.wait("● ")
    assert "ponger" in screen and "▀" in screen and "● " in screen and "Pause/play" in screen
    terminal.keys("Space")
    paused_at = game_seconds(terminal.wait("paused"))
    time.sleep(0.5)
    assert game_seconds(terminal.text()) == paused_at
    terminal.keys("]")
    deadline = time.monotonic() + 20
    while game_seconds(terminal.text()) < paused_at + 0.95:
        assert time.monotonic() < deadline, terminal.text()
        time.sleep(0.05)
    assert game_seconds(terminal.text()) == pytest.approx(paused_at + 1.0, abs=0.11)
    terminal.keys("+")
    terminal.wait("2x")
    terminal.keys("q")
    while terminal.alive():
        assert time.monotonic() < deadline + 20
        time.sleep(0.05)
