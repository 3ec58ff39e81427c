"""The benchmarks: both ways do the same work, the figures are what they say, and ours is the better one."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import Heard

from agp_tui.benchmarks.asked import CaptureAsked, PaceAsked
from agp_tui.benchmarks.capture import bench_capture
from agp_tui.benchmarks.machine import cores, machine
from agp_tui.benchmarks.pace import bench_pace
from agp_tui.benchmarks.plain_ways import SocketRegion, timer_per_frame, whole_screen
from agp_tui.engine.children import module_environment
from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, JobFailed
from agp_tui.games.region import Box
from agp_tui.games.screen import Grabber, to_rgb

BOX = Box(300, 320, 96, 80)


def agp(tmp_path: Path, *words: str, display: str | None = None) -> tuple[int, list[dict[str, Any]]]:
    environment = module_environment(**({"DISPLAY": display} if display else {}))
    if display is None:
        environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "bench", *words, "--json"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, env=environment, check=False, timeout=280,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.display
@pytest.mark.usefixtures("arena")
def test_all_ways_of_grabbing_give_the_same_picture(x_display: str) -> None:
    """A still part of a real screen: the desktop beside the game's window, and the window's own corner."""
    grabber, socket = Grabber(x_display, BOX), SocketRegion(x_display, BOX)
    ours = to_rgb(grabber.grab(), (BOX.height, BOX.width))
    assert ours.shape == (80, 96, 3)
    assert np.array_equal(ours, socket.grab())
    assert np.array_equal(ours, whole_screen(x_display, BOX))
    socket.close()
    grabber.close()


@pytest.mark.display
def test_capture_beats_the_whole_screen_over_a_new_connection(x_display: str) -> None:
    heard = Heard()
    found = bench_capture(CaptureAsked(display=x_display, size=128, frames=30), Job(heard))
    assert found.frames == 30
    assert found.whole_ratio > 3
    assert found.whole_ratio == pytest.approx(found.whole_ms.p50 / found.ours_ms.p50, rel=0.02)
    (table,) = [event for event in heard.events if isinstance(event, Table)]
    assert [row[-1] for row in table.rows] == [1.0, found.socket_ratio, found.whole_ratio]
    assert "128x128 of 1024x768" in table.title


@pytest.mark.display
def test_capture_from_the_command_line(x_display: str, tmp_path: Path) -> None:
    code, events = agp(tmp_path, "capture", "--frames", "5", display=x_display)
    assert code == 0
    assert events[0]["settings"] == {"display": None, "size": 256, "frames": 5}
    finished = events[-1]
    assert finished["type"] == "finished"
    assert finished["metrics"]["capture_whole_screen_ratio"] > 1
    assert finished["report"]["machine"] == machine()


def test_a_display_that_is_not_there_is_said() -> None:
    with pytest.raises(DisplayError, match="found none"):
        bench_capture(CaptureAsked(display=":987"), Job())


def test_deadlines_fill_more_slots_than_timers_and_do_not_drift() -> None:
    """Each frame works half its time: a timer set afterwards loses that half, frame by frame."""
    heard = Heard()
    found = bench_pace(PaceAsked(fps=50, seconds=1.5, work_ms=10), Job(heard))
    assert found.ours.frames <= 75
    assert found.timers.filled <= 0.68
    assert found.ours.filled > found.timers.filled
    assert found.timers.drift_ms > 400
    assert found.ours.drift_ms < found.timers.drift_ms / 2
    assert found.ratio == pytest.approx(found.ours.frames / found.timers.frames, abs=0.01)
    (table,) = [event for event in heard.events if isinstance(event, Table)]
    assert [row[1] for row in table.rows] == [
        round(100 * found.ours.filled, 1),
        round(100 * found.timers.filled, 1),
    ]


def test_a_stopped_pace_says_so() -> None:
    job = Job()
    job.stop()
    with pytest.raises(JobFailed, match="Stopped before"):
        bench_pace(PaceAsked(), job)


def test_timers_come_no_sooner_than_asked() -> None:
    starts = timer_per_frame(50, 0.3, lambda: time.sleep(0.001))
    steps = np.diff(starts) / 1e6
    assert 1 < len(starts) <= 15
    assert steps.min() >= 20


@pytest.mark.slow
def test_playing_from_a_fresh_network_in_both_forms(tmp_path: Path) -> None:
    code, events = agp(
        tmp_path, "play", "--network", "small", "--frame-size", "32", "--segment", "4", "--decisions", "20"
    )
    assert code == 0, events
    metrics = events[-1]["metrics"]
    assert metrics["play_max_difference"] <= 1e-5
    assert metrics["play_ratio"] > 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_training_in_stretches_is_faster(tmp_path: Path) -> None:
    code, events = agp(tmp_path, "train", "--frame-size", "32", "--segment", "8", "--rounds", "2")
    assert code == 0, events
    metrics = events[-1]["metrics"]
    assert metrics["train_ratio"] > 1.5
    assert metrics["train_shared"] > metrics["train_separate"] > 0


def test_a_model_without_a_checkpoint_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    code, events = agp(tmp_path, "play", str(tmp_path / "m.tflite"))
    assert code == 2
    assert "Expected a model with its checkpoint" in events[-1]["error"]


def test_bounds_hold_for_flags_of_benchmarks(tmp_path: Path) -> None:
    code, events = agp(tmp_path, "pace", "--fps", "0")
    assert code == 2
    assert events[-1]["error"] == "--fps: Expected `int` >= 1, found 0."


def test_all_says_what_could_not_run_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a display or torch is made to lack it here; the rest runs, and the end is no failure."""
    from agp_tui.benchmarks import run
    from agp_tui.errors import MissingPart

    def lacking(*_: object) -> dict[str, float]:
        raise MissingPart("Expected torch, found none.")

    def no_display(*_: object) -> dict[str, float]:
        raise DisplayError("Expected a display, found none.")

    monkeypatch.setattr(run, "_capture", no_display)
    monkeypatch.setattr(run, "_training", lacking)
    monkeypatch.setattr(run, "_decisions", lacking)
    monkeypatch.setattr(run, "PaceAsked", lambda: PaceAsked(seconds=0.2))
    heard = Heard()
    finished = run.run_all(Job(heard), {"ui": lambda: {"ui_figure": 1.0}})
    assert finished.metrics is not None
    assert finished.metrics["pace_filled"] > 0 and finished.metrics["ui_figure"] == 1.0
    assert finished.report is not None
    assert finished.report["not_run"] == {
        "capture": "Expected a display, found none.",
        "train": "Expected torch, found none.",
        "play": "Expected torch, found none.",
    }
    table = [event for event in heard.events if isinstance(event, Table)][-1]
    assert [row[1] for row in table.rows] == ["run", "not run", "not run", "not run", "run"]
    assert machine() in table.title


def test_the_machine_is_named() -> None:
    assert f"{cores()} cores" in machine()
    assert cores() <= (os.cpu_count() or 1)
