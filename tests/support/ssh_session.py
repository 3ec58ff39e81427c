"""A session over SSH: visit screens, record, replay, train, lose the connection, reconnect."""

import time
from collections.abc import Callable
from pathlib import Path

from agp_tui.engine.runs import Run
from agp_tui.recording.store import Recording, find_recordings
from support.tmux import Terminal

GAME = "ALE/Pong-v5"
SETTINGS = "[train]\nframe_size = 48\nsegment = 4\nminutes = 10\nepochs = 100000\npatience = 100000\n"
"""A training that still runs at the reconnect."""

SCREENS = (
    ("2", "played by expert"),
    ("3", "no recording of"),
    ("4", "No recordings of"),
    ("5", "No model of"),
    ("6", "Breakout-v5"),
    ("7", "Nothing has run"),
    ("1", "Next:"),
)


def use_app_over_ssh(terminal: Callable[..., Terminal], folder: Path, size: tuple[int, int]) -> None:
    """Use every screen of the app at `size` (columns, lines), with the real engine."""
    app = terminal(size)
    visit_record_and_replay(app, folder)
    run = train_and_disconnect(app, folder)
    reconnect_and_stop(terminal(size), run)


def visit_record_and_replay(app: Terminal, folder: Path) -> None:
    """The part of the session that depends on the size of the terminal."""
    visit_all_screens(app)
    record(app, folder)
    replay(app)


def visit_all_screens(app: Terminal) -> None:
    app.wait(r"Next: press 2")
    for key, shown in SCREENS:
        app.keys(key)
        app.wait(shown)


def record(app: Terminal, folder: Path) -> None:
    app.keys("2")
    app.wait("Press Enter to record")
    app.keys("Enter")
    app.wait(r"● REC [23]\d\.\d/30 fps")
    time.sleep(3)
    assert "up" in app.text() and "filled" in app.text()
    app.keys("s")
    app.wait("eep")
    app.keys("Enter")
    recorded = find_recordings(folder / "recordings", GAME)
    assert len(recorded) == 1
    recording = Recording.open(recorded[0])
    assert recording.meta.state == "complete" and recording.seconds > 2.5


def replay(app: Terminal) -> None:
    app.keys("3")
    app.wait(r"complete")
    app.keys("Enter")
    app.wait(r"frame [1-9]\d* of")
    app.keys("Space")
    app.wait("paused")
    app.keys("Escape")
    app.wait(r"complete")


def train_and_disconnect(app: Terminal, folder: Path) -> Run:
    app.keys("4")
    app.wait("1 of 1")
    app.keys("Enter")
    app.wait(r"2(/| of )4", 90)
    (run,) = Run.all(folder / "runs")
    app.kill()
    deadline = time.monotonic() + 20
    while app.alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not app.alive(), "the app must end with its terminal"
    assert run.alive(), "the training must survive"
    return run


def reconnect_and_stop(app: Terminal, run: Run) -> None:
    app.wait("train is running")
    app.keys("7")
    app.wait("running")
    app.keys("Enter")
    app.wait(r"2(/| of )4")
    app.keys("s")
    app.wait("y")
    app.keys("y")
    deadline = time.monotonic() + 60
    while run.alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not run.alive(), "a training started in another terminal must stop"
    assert (run.checkpoints / "last.pt").is_file(), "the stopped training must have a checkpoint"
