"""The benchmarks: both methods do the same work, the metrics are consistent, and agp-tui is faster.

The bounds of the ratios are about half of the values on two busy cores: noise passes, a regression to the
baseline does not.
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
from agp_tui.bench.baselines import SocketGrabber, capture_whole_screen, timer_per_frame
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


def agp(tmp_path: Path, *arguments: str, display: str | None = None) -> tuple[int, list[dict[str, Any]]]:
    environment = module_environment(**({"DISPLAY": display} if display else {}))
    if display is None:
        environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "bench", *arguments, "--json"],
        cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, env=environment, check=False, timeout=280,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.display
@pytest.mark.usefixtures("arena")
def test_all_capture_methods_return_the_same_pixels(x_display: str) -> None:
    """A static part of a screen: the desktop and a corner of the window."""
    grabber, socket = Grabber(x_display, BOX), SocketGrabber(x_display, BOX)
    captured = to_rgb(grabber.grab(), (BOX.height, BOX.width))
    assert captured.shape == (80, 96, 3)
    assert np.array_equal(captured, socket.grab())
    assert np.array_equal(captured, capture_whole_screen(x_display, BOX))
    socket.close()
    grabber.close()


@pytest.mark.display
def test_capture_is_faster_than_the_whole_screen(x_display: str) -> None:
    event_log = EventLog()
    found = bench_capture(CaptureOptions(display=x_display, size=128, frames=30), Job(event_log))
    assert found.frames == 30
    assert found.whole_ratio > 20
    assert found.whole_ratio == pytest.approx(found.whole_ms.p50 / found.shared_memory_ms.p50, rel=0.02)
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
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


def test_missing_display_is_reported() -> None:
    with pytest.raises(DisplayError, match="found none"):
        bench_capture(CaptureOptions(display=":987"), Job())


def test_deadlines_fill_more_slots_than_timers_without_drift() -> None:
    """Each frame works for half a period, which a timer set afterwards adds to every period."""
    event_log = EventLog()
    found = bench_pace(PaceOptions(fps=50, seconds=1.5, work_ms=10), Job(event_log))
    assert found.deadlines.frames <= 75
    assert found.timers.filled <= 0.68
    assert found.deadlines.filled > found.timers.filled
    assert found.timers.drift_ms > 400
    assert found.deadlines.drift_ms < found.timers.drift_ms / 2
    assert found.ratio == pytest.approx(found.deadlines.frames / found.timers.frames, abs=0.01)
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    assert [row[1] for row in table.rows] == [
        round(100 * found.deadlines.filled, 1),
        round(100 * found.timers.filled, 1),
    ]


def test_background_load() -> None:
    before, began = os.times(), time.monotonic()
    with busy_cores(0.5):
        time.sleep(1.5)
    after, available = os.times(), (time.monotonic() - began) * available_cpus()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    assert 0.1 < busy / available < 0.7
    with busy_cores(0.0):
        pass


def test_stopped_pace() -> None:
    job = Job()
    job.stop()
    with pytest.raises(JobFailed, match="Stopped before"):
        bench_pace(PaceOptions(), job)


def test_timers_are_never_early() -> None:
    starts = timer_per_frame(50, 0.3, lambda: time.sleep(0.001))
    steps = np.diff(starts) / 1e6
    assert 1 < len(starts) <= 15
    assert steps.min() >= 20


@pytest.mark.nightly
@pytest.mark.display
def test_play_with_an_untrained_network_on_a_display(x_display: str, tmp_path: Path) -> None:
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
    # The capture of the baseline alone takes longer than the whole reaction of agp-tui.
    assert metrics["reaction_10_ratio"] > 1.5
    rows = [event for event in events if event["type"] == "table"][-1]["rows"]
    assert [row[:2] for row in rows] == [
        [fps, method] for fps in (10, 30, 60) for method in ("agp", "baseline")
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.display
def test_private_display_is_started_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery is patched to find no display; the private display is real."""

    def none_found(_settings: GameSettings) -> None:
        raise DisplayError("Expected a display, found none.")

    monkeypatch.setattr(private_display, "find_display", none_found)
    with private_display.open_display(None) as screen:
        grabber = Grabber(screen.name, None)
        assert grabber.grab().shape == (1080, 1920, 4)
        grabber.close()
    with pytest.raises(DisplayError):
        Grabber(screen.name, None)
    with pytest.raises(DisplayError), private_display.open_display(":987"):
        pass
