"""`agp atari watch` at a real terminal: the game is seen, keys steer it, and it leaves no process behind."""

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


def moment(screen: str) -> float:
    """Seconds of the game so far, as the screen says."""
    found = re.search(r"(\d+):(\d\d\.\d)", screen)
    assert found, screen
    return 60 * int(found[1]) + float(found[2])


def test_a_person_watches_pauses_steps_and_leaves(terminal: Terminal) -> None:
    terminal.wait(r"score 0 +value -?\d")
    screen = terminal.wait("● ")
    assert "ponger" in screen and "▀" in screen and "● " in screen and "Pause/play" in screen
    terminal.keys("Space")
    held = moment(terminal.wait("paused"))
    time.sleep(0.5)
    assert moment(terminal.text()) == held
    terminal.keys("]")
    deadline = time.monotonic() + 20
    while moment(terminal.text()) < held + 0.95:
        assert time.monotonic() < deadline, terminal.text()
        time.sleep(0.05)
    assert moment(terminal.text()) == pytest.approx(held + 1.0, abs=0.11)
    terminal.keys("+")
    terminal.wait("2x")
    terminal.keys("q")
    while terminal.alive():
        assert time.monotonic() < deadline + 20
        time.sleep(0.05)
