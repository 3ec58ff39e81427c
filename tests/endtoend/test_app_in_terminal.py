"""The app as a person uses it over SSH: a real terminal, the real engine, and the connection that is lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.terminal import Terminal, need_tmux

from agp_tui.engine.runs import Run
from agp_tui.recording.store import Recording, find_recordings

pytestmark = pytest.mark.slow

GAME = "ALE/Pong-v5"
SETTINGS = "[train]\nframe_size = 48\nsegment = 4\nminutes = 10\nepochs = 100000\npatience = 100000\n"
"""A training that is still running when somebody comes back."""

SCREENS = (
    ("2", "played by expert"),
    ("3", "no recording of"),
    ("4", "No recordings of"),
    ("5", "No model of"),
    ("6", "Breakout-v5"),
    ("7", "Nothing has run"),
    ("1", "Next:"),
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals in a folder with settings; all are gone afterwards, and so are the runs."""
    need_tmux()
    (tmp_path / "config.toml").write_text(SETTINGS)
    opened: list[Terminal] = []

    def start(size: tuple[int, int], *words: str) -> Terminal:
        opened.append(Terminal(tmp_path, size, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.kill()
    for run in Run.all(tmp_path / "runs"):
        if run.alive():
            run.stop()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_record_replay_train_lose_the_connection_come_back(
    terminal: Callable[..., Terminal], tmp_path: Path, size: tuple[int, int]
) -> None:
    app = terminal(size)
    app.wait(r"Next: press 2")
    for key, shown in SCREENS:
        app.keys(key)
        app.wait(shown)

    app.keys("2")
    app.wait("Press Enter to record")
    app.keys("Enter")
    app.wait(r"● REC [23]\d\.\d/30 fps")
    time.sleep(5)
    assert "up" in app.text() and "filled" in app.text()
    app.keys("s")
    app.wait("eep")
    app.keys("Enter")
    recorded = find_recordings(tmp_path / "recordings", GAME)
    assert len(recorded) == 1
    recording = Recording.open(recorded[0])
    assert recording.meta.state == "complete" and recording.seconds > 4.5

    app.keys("3")
    app.wait(r"complete")
    app.keys("Enter")
    app.wait(r"frame [1-9]\d* of")
    app.keys("Space")
    app.wait("paused")
    app.keys("Escape")
    app.wait(r"complete")

    app.keys("4")
    app.wait("1 of 1")
    app.keys("Enter")
    app.wait(r"2(/| of )4", 90)
    (run,) = Run.all(tmp_path / "runs")
    app.kill()
    deadline = time.monotonic() + 20
    while app.alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not app.alive(), "the app went with its terminal"
    assert run.alive(), "the training did not"

    again = terminal(size)
    again.wait("train is running")
    again.keys("7")
    again.wait("running")
    again.keys("Enter")
    again.wait(r"2(/| of )4")
    again.keys("s")
    again.wait("y")
    again.keys("y")
    deadline = time.monotonic() + 60
    while run.alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not run.alive(), "a training that another terminal began was stopped from here"
    assert (run.checkpoints / "last.pt").is_file(), "with a checkpoint"


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
