"""Tests of replay: picture and keys of each frame, immediate response to commands, timing."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.commands import agp_text, running_command
from support.fakes import EventLog
from support.recordings import (
    KEYS,
    frame_at,
    frame_pixels,
    frame_time_ns,
    key_edge,
    recording_meta,
    write_recording,
)

from agp_tui.config import PreviewSettings
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import GameStatus
from agp_tui.games.live_preview import downscale
from agp_tui.jobs.replay import REPEAT_SECONDS, ReplayRequest, run_replay
from agp_tui.protocol.commands import (
    AnyCommand,
    Exclude,
    Include,
    Pause,
    Resume,
    Seek,
    SetSpeed,
    Step,
    Undo,
)
from agp_tui.protocol.events import Finished, Live, Note
from agp_tui.recording.store import Recording, RecordingWriter
from agp_tui.recording.video import FILE_NAME

FRAMES = 90
BOX = (40, 20)
EDGES = [
    key_edge(number + part, key, down)
    for number, part, key, down in (
        (3, 0.5, "up", True), (7, 0.0, "left", True), (7, 0.2, "up", False), (11, 0.9, "space", True),
        (12, 0.1, "space", False), (40, 0.0, "left", False), (60, 0.5, "up", True),
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, keys at known frames, a score from frame 50 on."""
    writer = RecordingWriter.create(
        tmp_path_factory.mktemp("replayed"), recording_meta(), frozenset({"space"})
    )
    for number in range(FRAMES):
        writer.frame(frame_at(number))
    for one in EDGES:
        writer.edge(one)
    writer.score(GameStatus(7.0, 2, 0, ()), frame_time_ns(50))
    writer.close(frozenset({"up"}))
    return writer.path


class Replay:
    """A replay running in a thread, and its events."""

    def __init__(self, request: ReplayRequest) -> None:
        self.event_log = EventLog()
        self.job = Job(self.event_log)
        self.result: Finished | None = None
        self.thread = threading.Thread(target=self._run, args=(request,))
        self.thread.start()

    @property
    def live(self) -> list[Live]:
        return [event for event in list(self.event_log.events) if isinstance(event, Live)]

    def after(self, command: AnyCommand, shows: Callable[[Live], bool]) -> Live:
        """Send `command` and return the first later live event for which `shows` is true."""
        before = len(self.live)
        self.job.send(command)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for event in self.live[before:]:
                if shows(event):
                    return event
            time.sleep(0.001)
        raise AssertionError(f"{command} had no effect")

    def _run(self, request: ReplayRequest) -> None:
        self.result = run_replay(request, self.job)


@contextmanager
def replaying(path: Path, **settings: object) -> Iterator[Replay]:
    preview = PreviewSettings(size=(BOX[0], BOX[1] // 2), fps=30)
    replay = Replay(ReplayRequest(**{"recording": path, "preview": preview, "stay": True, **settings}))  # type: ignore[arg-type]
    try:
        yield replay
    finally:
        replay.job.stop()
        replay.thread.join(20)
    assert not replay.thread.is_alive()


def test_stepping_shows_picture_and_keys_of_each_frame(path: Path) -> None:
    recording = Recording.open(path)
    states = recording.key_states()
    shares = dict(zip(KEYS, states.mean(axis=0).round(4).tolist(), strict=True))
    with replaying(path, paused=True) as replay:
        order = [*range(1, FRAMES), *range(FRAMES - 2, 40, -1)]
        at = 0
        for number in order:
            step = Step(frames=number - at)
            live = replay.after(step, lambda event, number=number: event.frame == number)  # type: ignore[misc]
            at = number
            assert live.held == [key for key, down in zip(KEYS, states[number], strict=True) if down]
            assert live.thumbnail_size == (20, 27)
            assert live.thumbnail == downscale(frame_pixels(number), BOX).tobytes()
            assert live.seconds == pytest.approx(number / 30, abs=0.001)
            assert (live.paused, live.total, live.shares) == (True, FRAMES, shares)
            assert (live.frames, live.missed) == (number + 1, 0)
            assert (live.score, live.lives) == ((7.0, 2) if number >= 50 else (None, None))
        replay.job.stop()
    assert replay.result is not None
    assert (replay.result.job, replay.result.frames) == ("replay", FRAMES)
    assert (replay.result.recording, replay.result.seconds) == (str(path), 3.0)


def test_commands_take_effect_immediately(path: Path) -> None:
    with replaying(path, paused=True, start_frame=9, speed=0.05) as replay:
        seconds = []
        for command, frame in ((Seek(frame=70), 70), (Step(frames=-1), 69), (Seek(frame=-8), 0),
                               (Seek(frame=10**6), FRAMES - 1), (Step(frames=-9), FRAMES - 10)):  # fmt: skip
            began = time.monotonic()
            live = replay.after(command, lambda event, frame=frame: event.frame == frame)  # type: ignore[misc]
            seconds.append(time.monotonic() - began)
            assert live.paused
        # While paused, it repeats its state every REPEAT_SECONDS without a command.
        assert sorted(seconds)[2] < REPEAT_SECONDS / 3
        assert replay.after(Resume(), lambda event: not event.paused).speed == 0.05
        assert replay.after(SetSpeed(factor=20), lambda event: event.speed == 20).frame is not None
        replay.after(Pause(), lambda event: event.paused)


def test_playback_follows_recorded_times_and_pauses_at_the_end(path: Path) -> None:
    with replaying(path, speed=2.0) as replay:
        last = replay.after(SetSpeed(factor=2.0), lambda event: event.frame == FRAMES - 1)
        assert last.paused
        shown = [event for event in replay.live if not event.paused]
        took = last.at - shown[0].at
        assert 0.95 <= took / ((last.seconds - shown[0].seconds) / 2) <= 1.4
        frames = [event.frame or 0 for event in shown]
        assert frames == sorted(frames)
        assert replay.thread.is_alive()
        # Resuming at the end restarts it.
        assert (replay.after(Resume(), lambda event: not event.paused).frame or 0) < 30


def test_replay_without_stay_ends_with_the_recording(path: Path) -> None:
    with replaying(path, speed=20.0, stay=False) as replay:
        replay.thread.join(20)
        assert replay.result is not None
    assert replay.live[-1].frame == FRAMES - 1


def test_damaged_frame_is_noted_once_and_has_no_picture(tmp_path: Path) -> None:
    damaged = write_recording(tmp_path, 30)
    body = bytearray((damaged / FILE_NAME).read_bytes())
    middle = len(body) // 2
    body[middle : middle + 40] = os.urandom(40)
    (damaged / FILE_NAME).write_bytes(body)
    with replaying(damaged, paused=True) as replay:
        shown = [
            replay.after(Seek(frame=number), lambda event, number=number: event.frame == number)  # type: ignore[misc]
            for number in [*range(30), *range(30)]
        ]
    without_picture = {event.frame for event in shown if not event.thumbnail}
    notes = [event.text for event in replay.event_log.events if isinstance(event, Note)]
    assert 1 <= len(without_picture) <= 3 and len(notes) == len(without_picture)
    assert all(f"Frame {number} is damaged" in " ".join(notes) for number in without_picture)
    for event in shown:
        if event.thumbnail:
            assert event.thumbnail == downscale(frame_pixels(event.frame or 0), BOX).tobytes()


def test_no_thumbnail_when_the_preview_is_off(path: Path) -> None:
    with replaying(path, paused=True, preview=PreviewSettings(colors="off")) as replay:
        live = replay.after(Seek(frame=5), lambda event: event.frame == 5)
        assert (live.thumbnail, live.held) == (b"", ["up", "space"])


@pytest.mark.parametrize("speed", [0.0, -1.0, 21.0])
def test_speed_out_of_bounds_is_rejected(path: Path, speed: float) -> None:
    with pytest.raises(SettingError, match=r"Expected a speed of 0\.05 to 20"):
        run_replay(ReplayRequest(recording=path, speed=speed), Job())


def test_replay_command_reads_commands_from_stdin(path: Path, tmp_path: Path) -> None:
    with running_command(
        "recordings", "replay", str(path), "--paused", "--start-frame", "4", home=tmp_path
    ) as command:
        assert command.wait_for_live(frame=4)["paused"]
        command.send_command(type="seek", frame=33)
        assert command.wait_for_live(frame=33)["held"] == ["left"]
        command.send_command(type="step", frames=-30)
        assert command.wait_for(lambda event: event.get("frame") == 3)["held"] == ["space"]
        command.close_stdin()
        result = command.result()
    assert result.code == 0
    assert result.finished["frames"] == FRAMES


def test_replay_command_with_text_output_ends_by_itself(path: Path, tmp_path: Path) -> None:
    done = agp_text("recordings", "replay", str(path), "--speed", "20", home=tmp_path)
    assert (done.returncode, done.stdout.count("90 frames")) == (0, 1)


def test_exclusions_are_marked_in_a_replay(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 60)
    with replaying(path, paused=True) as replay:
        shown = replay.after(Exclude(start=10, stop=25), lambda live: bool(live.excluded_frames))
        assert (shown.excluded_frames, shown.excluded) == ([(10, 25)], 0.5)
        shown = replay.after(Exclude(start=50, stop=999), lambda live: len(live.excluded_frames) == 2)
        assert shown.excluded_frames == [(10, 25), (50, 60)]
        shown = replay.after(Include(start=10, stop=20), lambda live: live.excluded < 0.8)
        assert shown.excluded_frames == [(20, 25), (50, 60)]
        replay.after(Undo(), lambda live: live.excluded_frames == [(10, 25), (50, 60)])
        replay.after(Undo(), lambda live: live.excluded_frames == [(10, 25)])
        assert Recording.open(path).excluded().sum() == 15
        replay.after(Undo(), lambda live: not live.excluded_frames)
        replay.after(Undo(), lambda live: True)
        replay.after(Exclude(), lambda live: True)
    notes = [event.text for event in replay.event_log.events if isinstance(event, Note)]
    assert notes[0] == "There is nothing to take back in this replay."
    assert "Expected start and stop" in notes[1]
    assert not Recording.open(path).excluded().any()
