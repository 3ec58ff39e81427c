"""Tests of the recorder in simulated time: labels, ways to end, and completeness after errors.

The tests of start and stop keys use real time; `tests/screen/recording/test_recorder.py` has real games,
a real keyboard and the real clock.
"""

from pathlib import Path

import numpy as np
import pytest
from support.drawn_game import (
    KEYS,
    DrawnGame,
    PatternPolicy,
    ScriptedKeyboard,
    frame_number,
    frame_time_ns,
    keys_in_frame,
    open_recording,
    record_drawn_game,
)
from support.fakes import EventLog
from support.full_disk import file_size_limit

from agp_tui.config import RecordSettings
from agp_tui.engine.clock import NS, RealTime
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed, RecordingError, SettingError
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys
from agp_tui.protocol.commands import Exclude, Undo
from agp_tui.protocol.events import Note
from agp_tui.recording import disk_space as space
from agp_tui.recording.store import Recording, find_recordings
from agp_tui.recording.timeline import FrameLine, parse, read_lines


def test_driver_labels_are_its_decisions(tmp_path: Path) -> None:
    driver = PatternPolicy(1, "expert")
    recorded = record_drawn_game(tmp_path, DrawnGame(), driver, seconds=2)
    recording = open_recording(recorded)
    assert (len(recording), recorded.frames, recorded.because) == (60, 60, "2 seconds are over")
    assert (recording.meta.source, recording.meta.labels, recording.meta.fps) == ("expert", "expert", 30)
    assert recording.labels(1).tolist() == driver.rows(range(60))
    # The recorded key state of a frame equals the keys that the game had.
    assert [keys_in_frame(pixels) for pixels in recording.frames()] == recording.key_states().tolist()
    assert [frame_number(pixels) for pixels in recording.frames()] == list(range(60))
    assert np.diff(recording.times_ns) == pytest.approx(NS / 30, abs=2)


def test_teacher_decisions_are_the_labels(tmp_path: Path) -> None:
    model, teacher = PatternPolicy(1, "agent"), PatternPolicy(2, "expert")
    recording = open_recording(record_drawn_game(tmp_path, DrawnGame(), model, teacher=teacher, seconds=2))
    assert (recording.meta.source, recording.meta.labels) == ("agent", "expert")
    assert recording.labels(1).tolist() == teacher.rows(range(60))
    assert recording.key_states("agent")[1:].tolist() == model.rows(range(59))
    assert [keys_in_frame(pixels) for pixels in recording.frames()] == recording.key_states("agent").tolist()


def test_teacher_and_player_must_differ(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="teacher"):
        record_drawn_game(
            tmp_path, DrawnGame(), PatternPolicy(1, "expert"), teacher=PatternPolicy(2, "expert"), seconds=1
        )
    assert find_recordings(tmp_path) == []


def test_human_edges_apply_to_later_frames(tmp_path: Path) -> None:
    game = DrawnGame()
    edges = [
        KeyEdge(frame_time_ns(2.5), "up", True, "human"),
        KeyEdge(frame_time_ns(6.1), "q", True, "human"),  # not a key of the game
        KeyEdge(frame_time_ns(7.9), "up", False, "human"),
        KeyEdge(frame_time_ns(8.2), "space", True, "human"),
        KeyEdge(frame_time_ns(8.4), "space", False, "human"),  # a tap between two frames
        KeyEdge(frame_time_ns(10.5), "left", False, "human"),  # held from before the start
    ]
    keyboard = ScriptedKeyboard(game.source, edges, held=frozenset({"left", "w"}))
    recorded = record_drawn_game(tmp_path, game, keyboard, seconds=0.5)
    recording = open_recording(recorded)
    assert len(recording) == 15
    states = recording.key_states()
    assert states[:, 0].tolist() == [3 <= number <= 7 for number in range(15)]
    assert states[:, 1].tolist() == [number <= 10 for number in range(15)]
    assert not states[:, 2].any()
    assert game.held == NO_KEYS
    text = (recording.path / "timeline.jsonl").read_text()
    assert '"q"' not in text
    assert '"w"' not in text
    assert text.count('"space"') == 2


def test_human_keys_are_forwarded_to_the_game(tmp_path: Path) -> None:
    game = DrawnGame()
    edges = [
        KeyEdge(frame_time_ns(2.5), "up", True, "human"),
        KeyEdge(frame_time_ns(5.5), "up", False, "human"),
        KeyEdge(frame_time_ns(8.2), "space", True, "human"),
        KeyEdge(frame_time_ns(8.4), "space", False, "human"),
    ]
    recording = open_recording(
        record_drawn_game(tmp_path, game, ScriptedKeyboard(game.source, edges), forwards=True, seconds=0.5)
    )
    # A frame shows the keys held at its time: no frame of delay.
    assert [keys_in_frame(pixels) for pixels in recording.frames()] == recording.key_states("human").tolist()
    assert recording.key_states()[:, 0].tolist() == [3 <= number <= 5 for number in range(15)]
    # The game gets each key at its own time, including a tap between two frames.
    assert game.given == [
        (frame_time_ns(2.5), frozenset({"up"})),
        (frame_time_ns(5.5), NO_KEYS),
        (frame_time_ns(8.2), frozenset({"space"})),
        (frame_time_ns(8.4), NO_KEYS),
    ]
    assert game.held == NO_KEYS


def test_start_and_stop_keys(tmp_path: Path) -> None:
    # Real time, because waiting for a key is real; the keyboard is scripted.
    clock = RealTime()
    began = clock.now_ns()
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    edges = [
        KeyEdge(began + round(at * NS), key, True, "human") for at, key in [(0.3, "enter"), (0.8, "esc")]
    ]
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    recorded = record_drawn_game(
        tmp_path, game, ScriptedKeyboard(clock, edges), settings=settings, seconds=30
    )
    recording = open_recording(recorded)
    assert recorded.because == "the esc key"
    assert (recording.times_ns[0] - began) / NS > 0.25
    assert recording.times_ns[-1] - recording.times_ns[0] < 5 * NS
    text = (recording.path / "timeline.jsonl").read_text()
    assert "enter" not in text
    assert "esc" not in text


def test_exclude_key_and_commands_leave_the_last_seconds_out(tmp_path: Path) -> None:
    game, log = DrawnGame(), EventLog()
    job = Job(log)
    edges = [
        KeyEdge(frame_time_ns(44.5), "f8", True, "human"),
        KeyEdge(frame_time_ns(46), "f8", False, "human"),
    ]
    keyboard = ScriptedKeyboard(game.source, edges)
    settings = RecordSettings(min_free_mb=0, exclude_seconds=0.5)
    recording = open_recording(
        record_drawn_game(tmp_path, game, keyboard, settings=settings, seconds=2, job=job)
    )
    # The key is read after the grab of frame 45; half a second is 15 frames.
    assert np.flatnonzero(recording.excluded()).tolist() == list(range(30, 46))
    assert "f8" not in (recording.path / "timeline.jsonl").read_text()
    notes = [event.text for event in log.events if isinstance(event, Note)]
    assert "Training will not learn from the last 0.5 s; 0.5 s in all." in notes


def test_exclusions_by_command_can_be_undone(tmp_path: Path) -> None:
    class Commanding(DrawnGame):
        def grab(self) -> Frame:
            frame = super().grab()
            commands = {20: Exclude(seconds=0.2), 30: Exclude(seconds=60), 40: Undo(), 50: Undo(), 59: Undo()}
            if self.shown - 1 in commands:
                job.send(commands[self.shown - 1])
            return frame

    log = EventLog()
    job = Job(log)
    driver = PatternPolicy(1, "expert")
    recorded = record_drawn_game(tmp_path, Commanding(), driver, seconds=2, job=job)
    assert open_recording(recorded).excluded().sum() == 0
    notes = [event.text for event in log.events if isinstance(event, Note)]
    assert notes == [
        "Training will not learn from the last 0.2 s; 0.2 s in all.",
        "Training will not learn from the last 1.0 s; 1.0 s in all.",
        "Taken back; 0.2 s are excluded.",
        "Taken back; 0.0 s are excluded.",
        "Nothing to take back.",
    ]


def test_game_that_stands_still_is_reported_once(tmp_path: Path) -> None:
    class Paused(DrawnGame):
        def grab(self) -> Frame:
            frame = super().grab()
            if 30 <= frame_number(frame.pixels) < 270:
                frame.pixels[:] = 7
            return frame

    log = EventLog()
    recorded = record_drawn_game(tmp_path, Paused(), PatternPolicy(1, "expert"), seconds=10, job=Job(log))
    notes = [event.text for event in log.events if isinstance(event, Note)]
    assert [text for text in notes if "has not changed for 5 s" in text] == notes
    stats = recorded.stats()
    assert stats is not None and "80 % of the frames equal the one before" in " ".join(stats.warnings)


def test_stop_before_start(tmp_path: Path) -> None:
    game = DrawnGame()
    keyboard = ScriptedKeyboard(game.source, [])
    stopped = Job()
    stopped.stop()
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    recorded = record_drawn_game(tmp_path, game, keyboard, settings=settings, job=stopped)
    assert (recorded.path, recorded.frames) == (None, 0)
    assert find_recordings(tmp_path) == []


def test_empty_recording_is_removed(tmp_path: Path) -> None:
    stopped = Job()
    stopped.stop()
    recorded = record_drawn_game(tmp_path, DrawnGame(), PatternPolicy(1, "expert"), job=stopped, seconds=5)
    assert (recorded.path, recorded.finished_event().recording) == (None, None)
    assert list(tmp_path.rglob("*.mkv")) == []


def test_recording_ends_after_n_games_with_scores(tmp_path: Path) -> None:
    recorded = record_drawn_game(tmp_path, DrawnGame(), PatternPolicy(1, "expert"), episodes=2, seconds=60)
    assert recorded.because == "2 games are over"
    assert recorded.frames == 40
    assert recorded.scores == (0.0, 1.0)
    scores = open_recording(recorded).timeline.scores
    assert [change.status.score for change in scores[:4]] == [0, 1, 2, 3]
    assert scores[-1].status.finished_scores == (0.0, 1.0)


def test_stop_completes_the_recording_and_releases_keys(tmp_path: Path) -> None:
    job = Job()

    class StoppingPolicy(PatternPolicy):
        def decide(self, frame: Frame) -> Keys:
            if frame_number(frame.pixels) == 9:
                job.stop()
            return frozenset({"up"})

    game = DrawnGame()
    recorded = record_drawn_game(tmp_path, game, StoppingPolicy(1, "agent"), job=job)
    recording = open_recording(recorded)
    assert (len(recording), recording.meta.state, recorded.because) == (10, "complete", "stopped")
    assert game.held == NO_KEYS
    assert recording.labels(1)[-1].tolist() == [True, False, False]


@pytest.mark.parametrize("error", [KeyboardInterrupt, JobFailed])
def test_recording_is_completed_on_any_error(tmp_path: Path, error: type[BaseException]) -> None:
    class FailingPolicy(PatternPolicy):
        def decide(self, frame: Frame) -> Keys:
            if frame_number(frame.pixels) == 9:
                raise error("now")
            return frozenset({"up"})

    game, event_log = DrawnGame(), EventLog()
    with pytest.raises(error):
        record_drawn_game(tmp_path, game, FailingPolicy(1, "agent"), job=Job(event_log))
    (path,) = find_recordings(tmp_path)
    notes = [event.text for event in event_log.events if isinstance(event, Note)]
    if error is JobFailed:
        assert notes == [f"Saved so far: 9 frames in {path}."]
    recording = Recording.open(path)
    assert (len(recording), recording.meta.state) == (9, "complete")
    assert game.held == NO_KEYS


def test_gap_is_preserved_and_reported_at_once(tmp_path: Path) -> None:
    """The policy blocks for three seconds after the tenth frame, like a stalled disk."""

    class SlowPolicy(PatternPolicy):
        def decide(self, frame: Frame) -> Keys:
            if frame_number(frame.pixels) == 9:
                game.source.sleep_until(frame.before_ns + 3 * NS)
            return super().decide(frame)

    game, event_log = DrawnGame(), EventLog()
    recorded = record_drawn_game(tmp_path, game, SlowPolicy(1, "expert"), job=Job(event_log), seconds=6)
    recording = open_recording(recorded)
    gaps = np.diff(recording.times_ns) / NS
    assert gaps.argmax() == 9 and gaps.max() == pytest.approx(3.0, abs=1 / 30)
    assert np.sort(gaps)[-2] < 1.5 / 30
    assert len(recording) + recorded.pace.missed == 6 * 30
    (text,) = [event.text for event in event_log.events if isinstance(event, Note)]
    assert text.startswith("No frame for 3.0 s before frame 11:")


def test_low_disk_space_is_refused_before_writing(tmp_path: Path) -> None:
    settings = RecordSettings(min_free_mb=1 << 40)
    with pytest.raises(RecordingError, match=r"Expected at least \d+ MB free") as refusal:
        record_drawn_game(tmp_path / "new", DrawnGame(), PatternPolicy(1, "expert"), settings=settings)
    assert refusal.value.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_recording_ends_when_disk_space_runs_low(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only the number of free bytes is faked.
    event_log = EventLog()
    game = DrawnGame()
    free = lambda _self: 100 if game.shown < 25 else 3  # noqa: E731
    monkeypatch.setattr(space.DiskSpace, "free_mb", free)
    monkeypatch.setattr(space, "CHECK_SECONDS", 0.0)
    settings = RecordSettings(min_free_mb=50)
    recorded = record_drawn_game(
        tmp_path, game, PatternPolicy(1, "expert"), job=Job(event_log), settings=settings, seconds=60
    )
    assert recorded.because == "the disk runs low"
    recording = open_recording(recorded)
    assert (len(recording), recording.meta.state) == (25, "complete")
    assert [event.level for event in event_log.events if isinstance(event, Note)] == ["warning"]


def test_failed_write_preserves_earlier_frames(tmp_path: Path) -> None:
    game = DrawnGame(frame_shape=(256, 256))
    with file_size_limit(60_000), pytest.raises(JobFailed, match="Expected to write") as failed:
        record_drawn_game(tmp_path, game, PatternPolicy(1, "expert"), seconds=3600)
    (path,) = find_recordings(tmp_path)
    recording = Recording.open(path)
    assert failed.value.hint.startswith(f"Frames saved before it: {len(recording)}. Make room")
    assert len(recording) > 20
    assert [frame_number(pixels) for pixels in recording.frames()] == list(range(len(recording)))
    assert game.held == NO_KEYS


@pytest.mark.parametrize(
    ("room", "error", "message"),
    [
        (10, RecordingError, "Expected to begin a recording"),
        (700, JobFailed, "Expected to write"),
    ],
)
def test_no_recording_without_room_for_a_frame(
    tmp_path: Path, room: int, error: type[AgpError], message: str
) -> None:
    game = DrawnGame(frame_shape=(256, 256))
    with file_size_limit(room), pytest.raises(error, match=message) as failed:
        record_drawn_game(tmp_path, game, PatternPolicy(1, "expert"), seconds=3600)
    assert "Make room" in failed.value.hint
    assert list(tmp_path.glob("drawn/*")) == []


def test_keys_are_written_before_their_frame(tmp_path: Path) -> None:
    """For each possible last line after a kill, the newest frame has its final keys."""
    game = DrawnGame()
    edges = [
        KeyEdge(frame_time_ns(1.5 + number), KEYS[number % 3], number % 2 == 0, "human")
        for number in range(12)
    ]
    recording = open_recording(
        record_drawn_game(tmp_path, game, ScriptedKeyboard(game.source, edges), seconds=0.5)
    )
    states = recording.timeline.key_states(KEYS, "human")
    assert states[:-1].any(axis=0).all()
    lines = list(read_lines(recording.path / "timeline.jsonl"))
    for number, line in enumerate(lines):
        if isinstance(line, FrameLine):
            truncated = parse(lines[: number + 1]).key_states(KEYS, "human")[line.index]
            assert truncated.tolist() == states[line.index].tolist()
