"""Tests of the recorder in real time: events, real games, a real keyboard, SIGKILL."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.drawn_game import (
    DrawnGame,
    PatternPolicy,
    ScriptedKeyboard,
    frame_number,
    open_recording,
    record_drawn_game,
)
from support.fakes import EventLog
from support.paths import ROOT
from support.xserver import XServer

from agp_tui.config import GameSettings, PreviewSettings, RecordSettings
from agp_tui.engine.clock import NS, Clock, RealTime
from agp_tui.engine.job import Job
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys
from agp_tui.protocol.events import Finished, Live, Progress, Stage
from agp_tui.protocol.results import Combination, RecordResult
from agp_tui.recording import integrity
from agp_tui.recording.inputs import HumanViaTerminal, PolicyInput
from agp_tui.recording.recorder import record
from agp_tui.recording.store import Recording, find_recordings


def test_countdown_reports_progress_every_second(tmp_path: Path) -> None:
    event_log = EventLog()
    clock = RealTime()
    began = clock.now_ns()
    settings = RecordSettings(countdown=1.2, min_free_mb=0)
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    keyboard = ScriptedKeyboard(clock, [KeyEdge(began + NS // 2, "up", True, "human")])
    recorded = record_drawn_game(tmp_path, game, keyboard, job=Job(event_log), settings=settings, seconds=0.1)
    recording = open_recording(recorded)
    assert (recording.times_ns[0] - began) / NS >= 1.2
    progress = [event for event in event_log.events if isinstance(event, Progress)]
    assert [(event.done, event.seconds_left, event.unit) for event in progress] == [
        (0.0, 1.2, "seconds"),
        (pytest.approx(0.2), 1.0, "seconds"),
        (1.2, 0.0, "seconds"),
    ]
    assert [event.name for event in event_log.events if isinstance(event, Stage)] == [
        "countdown",
        "recording",
    ]
    # A key pressed during the countdown is held from the first frame.
    assert recording.key_states()[:, 0].all()


@pytest.mark.parametrize("by_key", [True, False])
def test_stop_during_the_countdown_records_nothing(tmp_path: Path, by_key: bool) -> None:
    clock = RealTime()
    job = Job()
    edges = [KeyEdge(clock.now_ns(), "esc", True, "human")] if by_key else []
    if not by_key:
        threading.Timer(0.2, job.stop).start()
    settings = RecordSettings(countdown=60, min_free_mb=0)
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    keyboard = DelayedEdges(clock, edges)
    recorded = record_drawn_game(tmp_path, game, keyboard, job=job, settings=settings)
    assert (recorded.path, recorded.frames, recorded.because) == (None, 0, "stopped before it began")
    assert recorded.finished_event().report == RecordResult(because="stopped before it began")
    assert find_recordings(tmp_path) == []
    assert game.shown == 0


class DelayedEdges(ScriptedKeyboard):
    """Returns no edges on the first poll."""

    def __init__(self, source: RealTime, edges: list[KeyEdge]) -> None:
        super().__init__(source, edges)
        self._polls = 0

    def edges(self) -> list[KeyEdge]:
        self._polls += 1
        return super().edges() if self._polls > 1 else []


def test_key_shares_are_in_live_events_and_in_the_result(tmp_path: Path) -> None:
    class Half(PatternPolicy):
        def decide(self, frame: Frame) -> Keys:
            return frozenset({"up"}) if frame_number(frame.pixels) % 2 else frozenset({"up", "space"})

    event_log = EventLog()
    game = DrawnGame(source=RealTime())  # type: ignore[arg-type]
    recorded = record_drawn_game(tmp_path, game, Half(1, "expert"), fps=60, job=Job(event_log), seconds=0.6)
    live = [event for event in event_log.events if isinstance(event, Live)]
    for event in live:
        assert event.shares["up"] == 1.0
        assert event.shares["left"] == 0.0
        assert event.shares["space"] == pytest.approx((event.frames + 1) // 2 / event.frames, abs=0.001)
    report = recorded.finished_event().result(RecordResult)
    # Keys take effect from the next frame, so the first frame has none.
    frames = recorded.frames
    assert report is not None and report.combinations is not None and report.shares is not None
    assert report.because == "0.6 seconds are over"
    assert report.shares["up"] == pytest.approx((frames - 1) / frames, abs=0.001)
    assert {one.keys for one in report.combinations} == {(), ("up",), ("up", "space")}
    assert report.combinations[-1] == Combination(share=round(1 / frames, 4))
    assert [one for one in report.warnings or () if "missing" not in one] == []


def test_live_events_have_the_requested_rate_and_size(tmp_path: Path) -> None:
    event_log = EventLog()
    game = DrawnGame(source=RealTime(), frame_shape=(100, 200))  # type: ignore[arg-type]
    preview = PreviewSettings(fps=2, size=(20, 8))
    record_drawn_game(
        tmp_path, game, PatternPolicy(1, "expert"), fps=60, job=Job(event_log), seconds=1.2, preview=preview
    )
    live = [event for event in event_log.events if isinstance(event, Live)]
    assert 2 <= len(live) <= 3
    assert {event.thumbnail_size for event in live} == {(10, 20)}


def test_live_events_are_limited_in_rate_and_size(tmp_path: Path) -> None:
    event_log = EventLog()
    game = DrawnGame(source=RealTime(), frame_shape=(100, 200))  # type: ignore[arg-type]
    began = time.monotonic()
    recorded = record_drawn_game(
        tmp_path, game, PatternPolicy(1, "expert"), fps=60, job=Job(event_log), seconds=1
    )
    seconds = time.monotonic() - began
    live = [event for event in event_log.events if isinstance(event, Live)]
    assert 2 <= len(live) <= 10 * seconds + 1
    last = live[-1]
    assert last.thumbnail_size == (40, 80)
    assert len(last.thumbnail) == 40 * 80 * 3
    assert last.fps_asked == 60
    assert {"grab", "keys", "encode", "decide"} <= set(last.latency_ms)
    assert (last.bytes or 0) > 0
    event = recorded.finished_event()
    assert isinstance(event, Finished)
    assert (event.frames, event.recording) == (recorded.frames, str(recorded.path))
    assert event.missed == recorded.pace.slots - recorded.frames
    assert event.stages_ms is not None
    assert event.jitter_ms is not None
    assert (event.bytes or 0) >= sum(file.stat().st_size for file in (recorded.path or tmp_path).iterdir())


def test_recording_at_60_fps_uses_under_60_percent_of_the_cpu_time(tmp_path: Path) -> None:
    # CPU time of this process, independent of other programs.
    from support.recordings import frame_pixels

    pictures = [frame_pixels(number, (256, 256)) for number in range(8)]

    class Painted(DrawnGame):
        def grab(self) -> Frame:
            self.shown += 1
            return Frame(pictures[self.shown % 8], self.source.now_ns(), self.source.now_ns())

    class Still(PatternPolicy):
        def decide(self, frame: Frame) -> Keys:
            return NO_KEYS

    game = Painted(frame_shape=(256, 256))
    began = time.process_time()
    recorded = record_drawn_game(tmp_path, game, Still(1, "expert"), fps=60, seconds=4)
    milliseconds = 1000 * (time.process_time() - began) / recorded.frames
    assert recorded.frames == 240
    assert milliseconds < 0.6 * 1000 / 60


def test_atari_game_is_recorded_in_real_time(tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    from agp_tui.games.atari import AtariGame
    from agp_tui.games.experts import expert_for

    source = RealTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=30), source)
    driver = expert_for(game)
    settings = RecordSettings(min_free_mb=0)
    clock = Clock(30, source)
    recorded = record(PolicyInput(game, clock, driver), settings, Job(), root=tmp_path, seconds=3)
    recording = open_recording(recorded)
    # On a busy machine slots are skipped, not bunched.
    assert recorded.frames + recorded.pace.missed >= 88
    assert len(recording) == recorded.frames
    assert recording.key_states().any()
    assert recording.seconds == pytest.approx(3, abs=0.3)
    assert not [problem for problem in integrity.check(recording.path) if "amage" in problem]


RECORDER_SCRIPT = """
import sys
from pathlib import Path
from agp_tui.config import GameSettings, PreviewSettings, RecordSettings
from agp_tui.engine.clock import Clock, RealTime
from agp_tui.engine.job import Job
from agp_tui.games.atari import AtariGame
from agp_tui.games.experts import expert_for
from agp_tui.recording.inputs import PolicyInput
from agp_tui.recording.recorder import record
source = RealTime()
game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=60), source)
player = PolicyInput(game, Clock(60, source), expert_for(game))
record(player, RecordSettings(min_free_mb=0), Job(), root=Path(sys.argv[1]), seconds=60)
"""


def test_killed_recorder_loses_at_most_two_frames(tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    for trial in range(2):
        root = tmp_path / str(trial)
        recorder = subprocess.Popen(
            [sys.executable, "-c", RECORDER_SCRIPT, str(root)], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        deadline = time.monotonic() + 60
        while not find_recordings(root) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5 + random.Random(trial).random())
        recorder.kill()
        recorder.wait()
        (path,) = find_recordings(root)
        recording = Recording.open(path)
        lines = (path / "timeline.jsonl").read_bytes().count(b'"kind":"frame"')
        assert lines >= 5
        assert len(recording) >= lines - 2
        assert sum(1 for _ in recording.frames()) == len(recording)
        assert recording.labels(1).shape == (len(recording), 2)


@pytest.mark.display
def test_keys_of_a_real_keyboard_are_recorded(tmp_path: Path, x_server: XServer) -> None:
    pytest.importorskip("ale_py")
    import threading

    from agp_tui.games.atari import AtariGame
    from agp_tui.keys.listening import listen

    source = RealTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=30), source)
    keyboard = listen(x_server.name, ("up", "down", "enter", "esc"))
    typed: list[tuple[str, int]] = []

    def type_keys() -> None:
        for command, key, pause in [
            ("key", "Return", 1.0), ("keydown", "Up", 0.5), ("keyup", "Up", 0.3), ("key", "p", 0.2),
            ("key", "Escape", 0),
        ]:  # fmt: skip
            x_server.xdotool(command, key)
            typed.append((key, source.now_ns()))
            time.sleep(pause)

    typing_thread = threading.Timer(0.5, type_keys)
    typing_thread.start()
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    try:
        recorded = record(
            HumanViaTerminal(game, Clock(30, source), keyboard), settings, Job(), root=tmp_path, seconds=30
        )
    finally:
        typing_thread.join()
        keyboard.close()
    recording = open_recording(recorded)
    assert recorded.because == "the esc key"
    held = recording.times_ns[recording.key_states()[:, 0]]
    (down, up) = (at for key, at in typed if key == "Up")
    assert len(held) >= 3
    assert held[0] > typed[0][1]
    assert abs(held[-1] - held[0] - (up - down)) < 0.4 * NS
    assert not recording.key_states()[:, 1].any()
    text = (recording.path / "timeline.jsonl").read_text()
    assert not any(f'"{key}"' in text for key in ("p", "esc", "enter"))
