"""Tests of `agp screen` (list, watch, pick) on a real X server."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.commands import AGP, agp, bare_environment, running_command
from support.fakes import EventLog
from support.xserver import BLUE_RGB, ORANGE, ORANGE_RGB, Observer, XServer, painted_blue

from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.job import Job
from agp_tui.games.base import Pixels
from agp_tui.jobs.screen import ScreenWatchRequest, run_screen_watch
from agp_tui.protocol.events import Live

pytestmark = pytest.mark.display


@pytest.fixture
def painted(server: XServer) -> Iterator[Observer]:
    """A blue screen of 1024x768 whose left quarter is orange."""
    with painted_blue(server.name, 0, 0, 256, 768) as observer:
        yield observer


def picture(event: Live) -> Pixels:
    assert event.thumbnail_size is not None
    return np.frombuffer(event.thumbnail, np.uint8).reshape(*event.thumbnail_size, 3)


class WatchThread:
    """A screen watch running in a thread."""

    def __init__(self, game_settings: GameSettings, preview: PreviewSettings) -> None:
        self.event_log = EventLog()
        self.job = Job(self.event_log)
        self.thread = threading.Thread(
            target=run_screen_watch, args=(ScreenWatchRequest(place=game_settings, preview=preview), self.job)
        )
        self.thread.start()

    def wait_for(self, condition: Callable[[Live], bool]) -> Live:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for event in list(self.event_log.events):
                if isinstance(event, Live) and condition(event):
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no matching event; {len(self.event_log.events)} events")

    def __enter__(self) -> "WatchThread":
        return self

    def __exit__(self, *_: object) -> None:
        self.job.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_watch_shows_the_whole_display_and_follows_its_changes(server: XServer, painted: Observer) -> None:
    preview = PreviewSettings(fps=20, size=(64, 32))
    with WatchThread(GameSettings(display=server.name), preview) as watch:
        first = watch.wait_for(lambda event: True)
        assert (first.shown, first.thumbnail_size, first.fps_asked) == ((0, 0, 1024, 768), (48, 64), 20)
        assert picture(first)[:, :15].reshape(-1, 3).tolist() == [ORANGE_RGB] * 48 * 15
        assert picture(first)[:, 17:].reshape(-1, 3).tolist() == [BLUE_RGB] * 48 * 47
        painted.fill(ORANGE)
        watch.wait_for(lambda event: picture(event)[40, 60].tolist() == ORANGE_RGB)
        painted.resize(512, 384)
        assert watch.wait_for(lambda event: event.shown == (0, 0, 512, 384)).thumbnail_size == (48, 64)


def test_watch_of_a_region_shows_the_frames_of_a_recording(server: XServer, painted: Observer) -> None:
    game_settings = GameSettings(display=server.name, center=(0, 100), size=200, frame_size=32)
    with WatchThread(game_settings, PreviewSettings(size=(80, 40))) as watch:
        event = watch.wait_for(lambda event: True)
    assert (event.shown, event.thumbnail_size) == ((-100, 0, 200, 200), (32, 32))
    assert picture(event)[5, 5].tolist() == [0, 0, 0]
    assert picture(event)[5, 25].tolist() == ORANGE_RGB


def test_watch_command_runs_until_stop_or_end_of_stdin(
    server: XServer, painted: Observer, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        "[game]\ncenter = [300, 300]\n[preview]\nsize = [20, 10]\nfps = 30\n"
    )
    with running_command("screen", "watch", home=tmp_path, display=server.name) as command:
        # The region of the settings is ignored; only that of the command line is watched.
        live = command.wait_for_live(frames=3)
        assert (live["shown"], live["thumbnail_size"]) == ([0, 0, 1024, 768], [15, 20])
        command.close_stdin()
        result = command.result()
    assert (result.code, result.finished["report"]) == (0, {"display": server.name})
    words = ("screen", "watch", "--display", server.name, "--region", "10,20,30,40")
    with running_command(*words, home=tmp_path) as command:
        assert command.wait_for_live(frames=1)["shown"] == [10, 20, 30, 40]
        command.send_command(type="stop")
        assert command.result().code == 0


def test_watch_events_contain_the_picture(server: XServer, painted: Observer, tmp_path: Path) -> None:
    with subprocess.Popen(
        [str(AGP), "screen", "watch", "--display", server.name, "--json"],
        env=bare_environment(tmp_path, AGP_PREVIEW_SIZE="16x6"), cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        live = next(event for event in map(json.loads, process.stdout) if event["type"] == "live")
        process.stdin.close()
        process.stdout.read()
    assert live["thumbnail_size"] == [12, 16]
    assert base64.b64decode(live["thumbnail"])[:3] == bytes(ORANGE_RGB)


def test_watch_of_an_invalid_display_or_size_is_rejected(tmp_path: Path) -> None:
    result = agp("screen", "watch", "--display", ":9871", home=tmp_path)
    assert result.code == 2
    assert "Expected a display that can be grabbed" in result.only_event("failed")["error"]
    result = agp("screen", "watch", "--size", "3", home=tmp_path)
    assert result.code == 2 and "--size" in result.only_event("failed")["error"]


def test_list_reports_displays_with_size_and_reason(server: XServer, tmp_path: Path) -> None:
    result = agp("screen", "list", home=tmp_path, display=server.name)
    first = result.finished["report"]["displays"][0]
    assert first == {
        "name": server.name,
        "usable": True,
        "size": [1024, 768],
        "reason": "1024x768, a pixel of it was read",
        "source": "$DISPLAY",
    }
    server.kill()
    result = agp("screen", "list", home=tmp_path, display=server.name)
    lost = result.finished["report"]["displays"][0]
    assert (lost["name"], lost["usable"], lost["size"]) == (server.name, False, None)
    assert lost["reason"]


def test_pick_reports_the_position_of_the_click(server: XServer, tmp_path: Path) -> None:
    with running_command("screen", "pick", home=tmp_path, display=server.name) as command:
        command.wait_for_note("Click on")
        server.xdotool("mousemove", "321", "123")
        for _ in range(40):
            server.xdotool("click", "1")
            if any(event["type"] == "finished" for event in command.events):
                break
            time.sleep(0.1)
        result = command.result()
    assert result.code == 0
    assert result.finished["report"] == {"center": [321, 123], "display": server.name}
    assert result.only_event("table")["rows"] == [[server.name, "321,123"]]


def test_pick_fails_at_the_end_of_stdin(server: XServer, tmp_path: Path) -> None:
    with running_command("screen", "pick", home=tmp_path, display=server.name) as command:
        command.wait_for_note("Click on")
        command.close_stdin()
        result = command.result()
    assert result.code == 1
    assert "Expected a click" in result.only_event("failed")["error"]
