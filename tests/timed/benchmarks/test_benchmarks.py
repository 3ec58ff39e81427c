"""The benchmarks: both ways do the same work, the figures are what they say, and ours is the better one.

The bounds of ratios are guard rails: about half of what is measured on two busy cores, which leaves room for
noise and none for a way that has become a plain one.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import EventLog

from agp_tui.bench import private_display
from agp_tui.bench.background_load import busy_cores
from agp_tui.bench.baselines import SocketRegion, timer_per_frame, whole_screen
from agp_tui.bench.capture import bench_capture
from agp_tui.bench.options import CaptureOptions, PaceOptions
from agp_tui.bench.pace import bench_pace
from agp_tui.bench.registry import machine
from agp_tui.config import GameSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import DisplayError, JobFailed
from agp_tui.games.screen import Grabber, to_rgb
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.protocol.events import Table

BOX = ScreenRegion(300, 320, 96, 80)


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
    heard = EventLog()
    found = bench_capture(CaptureOptions(display=x_display, size=128, frames=30), Job(heard))
    assert found.frames == 30
    assert found.whole_ratio > 20
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
        bench_capture(CaptureOptions(display=":987"), Job())


def test_deadlines_fill_more_slots_than_timers_and_do_not_drift() -> None:
    """Each frame works half its time: a timer set afterwards loses that half, frame by frame."""
    heard = EventLog()
    found = bench_pace(PaceOptions(fps=50, seconds=1.5, work_ms=10), Job(heard))
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


def test_other_work_takes_its_share_and_ends() -> None:
    before, began = os.times(), time.monotonic()
    with busy_cores(0.5):
        time.sleep(1.5)
    spent, whole = os.times(), (time.monotonic() - began) * available_cpus()
    busy = spent.children_user + spent.children_system - before.children_user - before.children_system
    assert 0.1 < busy / whole < 0.7
    with busy_cores(0.0):
        pass


def test_a_stopped_pace_says_so() -> None:
    job = Job()
    job.stop()
    with pytest.raises(JobFailed, match="Stopped before"):
        bench_pace(PaceOptions(), job)


def test_timers_come_no_sooner_than_asked() -> None:
    starts = timer_per_frame(50, 0.3, lambda: time.sleep(0.001))
    steps = np.diff(starts) / 1e6
    assert 1 < len(starts) <= 15
    assert steps.min() >= 20


@pytest.mark.nightly
@pytest.mark.display
def test_playing_from_a_fresh_network_in_both_forms_and_on_a_screen(x_display: str, tmp_path: Path) -> None:
    code, events = agp(
        tmp_path, "play", "--network", "small", "--frame-size", "96", "--decisions", "20", "--seconds", "0.5",
        display=x_display,
    )  # fmt: skip
    assert code == 0, events
    metrics = events[-1]["metrics"]
    assert metrics["play_max_difference"] <= 1e-5
    assert metrics["play_ratio"] > 5
    for fps in (10, 30, 60):
        assert 0 < metrics[f"reaction_{fps}_ms"] <= metrics[f"reaction_{fps}_p99_ms"]
    # The whole screen over a new connection alone takes several times what ours takes for everything.
    assert metrics["reaction_10_ratio"] > 1.5
    rows = [event for event in events if event["type"] == "table"][-1]["rows"]
    assert [row[:2] for row in rows] == [[fps, way] for fps in (10, 30, 60) for way in ("ours", "plain")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.display
def test_where_there_is_no_display_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """That none is found is pretended, since other tests have theirs; the one that is made is real."""

    def none_found(_settings: GameSettings) -> None:
        raise DisplayError("Expected a display, found none.")

    monkeypatch.setattr(private_display, "find_display", none_found)
    with private_display.a_screen(None) as screen:
        grabber = Grabber(screen.name, None)
        assert grabber.grab().shape == (1080, 1920, 4)
        grabber.close()
    with pytest.raises(DisplayError):
        Grabber(screen.name, None)
    with pytest.raises(DisplayError), private_display.a_screen(":987"):
        pass
