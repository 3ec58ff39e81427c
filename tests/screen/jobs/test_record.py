"""Tests of `agp record` on a real window: filled frame slots, key times, start, stop, region."""

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.arena import KEYS
from support.arena_window import Arena, KeyReport, keys_in_picture, picture_number
from support.commands import running_command
from support.xserver import XServer

from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display

FPS = 30
PERIOD_NS = 1_000_000_000 // FPS
CLOCK_NS = 1_000_000
"""Resolution of the X server's key times: one millisecond."""

XDOTOOL = {"up": "Up", "left": "Left", "right": "Right", "down": "Down", "space": "space", "x": "x"}

SCRIPT = [
    *(("left", down, 0.07) for down in (True, False) * 3),
    ("right", True, 0.5),
    ("up", True, 0.12),
    ("space", True, 0.2),
    ("up", False, 0.05),
    ("space", False, 0.1),
    ("x", False, 0.15),
    ("right", False, 0.1),
    ("down", True, 0.03),
    ("left", True, 0.3),
    ("down", False, 0.0),
    ("left", False, 0.25),
]
"""Key, down, seconds until the next event: taps, holds, chords. The key x is down before the start."""


@dataclass(frozen=True)
class SentKey:
    """A key event, and the time just before it was sent."""

    key: str
    down: bool
    time_ns: int


def send(server: XServer, key: str, down: bool) -> SentKey:
    sent = SentKey(key, down, time.monotonic_ns())
    server.xdotool("keydown" if down else "keyup", XDOTOOL[key])
    return sent


def test_recording_fills_its_slots_and_labels_the_right_frames(
    x_server: XServer, arena: Arena, home: Path
) -> None:
    """Three attempts for the frame slots, as the machine may be busy; one for the keys."""
    filled = 0.0
    for _ in range(3):
        filled = max(filled, record_and_check(x_server, arena, home))
        if filled >= 0.995:
            break
    assert filled >= 0.995


def record_and_check(server: XServer, arena: Arena, home: Path) -> float:
    """Record and check ten seconds of keys; returns the fraction of filled frame slots."""
    arena.reports.clear()
    send(server, "x", True)
    arena.wait_for(1)
    words = ("record", "--game", "window", *arena.place, "--fps", "30", "--seconds", "10")
    with running_command(*words, "--keys", ",".join(KEYS), home=home, display=server.name) as command:
        command.wait_for_live(frames=5)
        sent = []
        for key, down, seconds in SCRIPT:
            sent.append(send(server, key, down))
            time.sleep(seconds)
        result = command.result()
    assert result.code == 0 and result.stderr == ""
    finished = result.finished
    recording = Recording.open(Path(finished["recording"]))
    assert len(recording) == finished["frames"]
    assert recording.meta.state == "complete" and recording.meta.keys == KEYS
    reports = arena.wait_for(1 + len(SCRIPT))[1:]
    check_edges(recording, sent, reports)
    check_pixels(recording, arena, reports)
    return float(finished["frames"] / (finished["frames"] + finished["missed"]))


def check_edges(recording: Recording, sent: list[SentKey], reports: list[KeyReport]) -> None:
    """Each edge and its frame lie between the sending of the key and the report of the window."""
    times, states = recording.times_ns, recording.key_states()
    edges = recording.timeline.edges
    assert [(edge.key, edge.down) for edge in edges] == [(one.key, one.down) for one in sent]
    assert [(edge.key, edge.down) for edge in edges] == [(one.key, one.down) for one in reports]
    assert {edge.who for edge in edges} == {"human"}
    assert states[0].tolist() == [key == "x" for key in KEYS]
    assert not states[-1].any()
    frames = {key: iter(changes(states[:, column])) for column, key in enumerate(KEYS)}
    for edge, before, after in zip(edges, sent, reports, strict=True):
        assert before.time_ns - CLOCK_NS <= edge.time_ns <= after.time_ns + CLOCK_NS
        earliest = np.searchsorted(times, before.time_ns - CLOCK_NS)
        latest = np.searchsorted(times, after.time_ns + CLOCK_NS)
        number = next(frames[edge.key])
        assert states[number, KEYS.index(edge.key)] == edge.down
        assert earliest <= number <= latest
    assert not [key for key, rest in frames.items() if list(rest)]


def check_pixels(recording: Recording, arena: Arena, reports: list[KeyReport]) -> None:
    """The keys shown in a frame equal its key state, within one frame at an edge.

    If the window painted a key more than a slot late, the tolerance grows by that number of slots.
    """
    states = recording.key_states()
    frames = list(recording.frames())
    shown = np.array([[key in keys_in_picture(frame) for key in KEYS] for frame in frames])
    assert shown[0].tolist() == states[0].tolist()
    for column, key in enumerate(KEYS):
        key_reports = [report for report in reports if report.key == key]
        in_state, in_picture = changes(states[:, column]), changes(shown[:, column])
        assert len(in_state) == len(in_picture) == len(key_reports)
        for report, label, picture in zip(key_reports, in_state, in_picture, strict=True):
            painted = next(
                one.time_ns
                for one in list(arena.pictures)
                if one.time_ns > report.time_ns and (key in one.held) == report.down
            )
            late = max(0, painted - int(recording.times_ns[label])) // PERIOD_NS
            assert -1 <= picture - label <= 1 + late
    counts = [picture_number(frame) for frame in frames]
    assert all(before <= after for before, after in pairwise(counts))
    painted_at = {one.count: one.time_ns for one in arena.pictures}
    for count, time_ns in zip(counts, recording.times_ns, strict=True):
        # No frame is older than the picture on the screen at the time of its grab.
        assert painted_at.get(count + 3, time_ns) >= time_ns


def changes(column: np.ndarray) -> list[int]:
    """The indices of the frames at which a key goes down or up."""
    return [int(number) + 1 for number in np.flatnonzero(column[1:] != column[:-1])]


def test_recording_starts_on_enter_and_stops_on_esc(x_server: XServer, arena: Arena, home: Path) -> None:
    """Keys released before Enter are not recorded; Enter and Esc are not keys of the game."""
    words = ("record", "--game", "window", *arena.place, "--wait-for-enter")
    with running_command(*words, home=home, display=x_server.name) as command:
        command.wait_for_note("Press enter")
        x_server.xdotool("key", "Left")
        x_server.xdotool("keydown", "Right")
        time.sleep(0.2)
        x_server.xdotool("key", "Return")
        command.wait_for_live(frames=15)
        x_server.xdotool("keyup", "Right")
        command.wait_for_live(frames=30)
        x_server.xdotool("key", "Escape")
        result = command.result()
    assert result.code == 0
    assert any("the esc key" in event.get("text", "") for event in result.events)
    recording = Recording.open(Path(result.finished["recording"]))
    assert recording.meta.keys == ("up", "left", "right", "down")
    assert [(edge.key, edge.down) for edge in recording.timeline.edges] == [("right", False)]
    assert recording.key_states()[0].tolist() == [False, False, True, False]
    assert recording.key_states()[-1].tolist() == [False] * 4


def test_esc_before_enter_records_nothing(x_server: XServer, arena: Arena, home: Path) -> None:
    words = ("record", "--game", "window", *arena.place, "--wait-for-enter")
    with running_command(*words, home=home, display=x_server.name) as command:
        command.wait_for_note("Press enter")
        x_server.xdotool("key", "Escape")
        result = command.result()
    assert result.code == 0 and "recording" not in result.finished
    assert not list(home.glob("recordings/*/*"))


def test_click_selects_the_region(x_server: XServer, arena: Arena, home: Path) -> None:
    words = ("record", "--game", "window", "--size", "256", "--seconds", "1")
    x, y = arena.center
    with running_command(*words, home=home, display=x_server.name) as command:
        command.wait_for_note("Click on")
        x_server.xdotool("mousemove", str(x), str(y))
        for _ in range(20):
            x_server.xdotool("click", "1")
            time.sleep(0.2)
            if any("The region is" in event.get("text", "") for event in command.events):
                break
        result = command.result()
    recording = Recording.open(Path(result.finished["recording"]))
    assert recording.meta.region == (arena.left, arena.top, arena.size, arena.size)
    shown = picture_number(next(recording.frames()))
    assert shown in {picture.count for picture in arena.pictures}


def test_end_of_stdin_completes_the_recording(x_server: XServer, arena: Arena, home: Path) -> None:
    words = ("record", "--game", "window", *arena.place)
    with running_command(*words, home=home, display=x_server.name) as command:
        command.wait_for_live(frames=10)
        command.close_stdin()
        result = command.result()
    assert result.code == 0
    recording = Recording.open(Path(result.finished["recording"]))
    assert recording.meta.state == "complete" and len(recording) == result.finished["frames"] >= 10
