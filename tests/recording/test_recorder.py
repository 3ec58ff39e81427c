"""The recording job: every label known in advance, every way to end, nothing lost.

Most tests play a game made up here, on simulated time: it draws the number of the frame and the keys
that it was given into its picture, so that what is recorded can be checked frame by frame. No real
game tells which keys it had at which frame. Real games and a real keyboard follow at the end.
"""

import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from support.fakes import Heard
from support.full_disk import files_of_at_most
from support.xserver import XServer

from agp_tui.config import GameSettings, PreviewSettings, RecordSettings
from agp_tui.engine.clock import NS, Clock, RealTime, SimulatedTime
from agp_tui.engine.events import Finished, Live, Note, Progress, Stage
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed, RecordingError, SettingError
from agp_tui.games.base import Frame, Pixels, Status
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges
from agp_tui.recording import checks, space
from agp_tui.recording.playing import Person, Source
from agp_tui.recording.recorder import Origin, Recorded, record
from agp_tui.recording.store import Recording, find_recordings
from agp_tui.recording.timeline import FrameLine, parse, read_lines

KEYS = ("up", "left", "space")
ROOT = Path(__file__).parents[2]


@dataclass
class DrawnGame:
    """Draws the frame's number and the held keys into its picture; a game ends every 20 frames."""

    source: SimulatedTime = field(default_factory=SimulatedTime)
    name: str = "drawn"
    keys: tuple[str, ...] = KEYS
    frame_shape: tuple[int, int] = (48, 64)
    shown: int = 0
    held: Keys = NO_KEYS
    breaks_at: int | None = None

    def grab(self) -> Frame:
        if self.shown == self.breaks_at:
            raise JobFailed("Expected the game's screen, found it gone.")
        now = self.source.now_ns()
        pixels = np.zeros((*self.frame_shape, 3), np.uint8)
        pixels[0, 0] = self.shown % 256, self.shown // 256, 7
        pixels[1, : len(KEYS), 0] = [255 * (key in self.held) for key in KEYS]
        self.shown += 1
        return Frame(pixels, now, now)

    def hold(self, keys: Keys) -> None:
        self.held = keys

    def status(self) -> Status | None:
        ended = self.shown // 20
        return Status(float(self.shown % 20), 3, ended, tuple(float(number) for number in range(ended)))

    def close(self) -> None:
        self.hold(NO_KEYS)


def _number(pixels: Pixels) -> int:
    return int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1])


def _drawn_keys(pixels: Pixels) -> list[bool]:
    return [bool(value) for value in pixels[1, : len(KEYS), 0] > 128]


@dataclass
class Pattern:
    """Decides by the number in the picture: the keys at the set bits of a random number for it."""

    seed: int
    who: Who

    def decide(self, frame: Frame) -> Keys:
        return self.at(_number(frame.pixels))

    def at(self, number: int) -> Keys:
        bits = random.Random(self.seed * 1000 + number // 3).getrandbits(3)
        return frozenset(key for place, key in enumerate(KEYS) if bits >> place & 1)

    def rows(self, numbers: range) -> list[list[bool]]:
        return [[key in self.at(number) for key in KEYS] for number in numbers]


class Typed:
    """A keyboard on which keys go down and up at known times of the game's clock (ns)."""

    def __init__(self, source: SimulatedTime | RealTime, edges: list[KeyEdge], held: Keys = NO_KEYS) -> None:
        self._source = source
        self._left = sorted(edges, key=lambda edge: edge.time_ns)
        self._held = held

    def held(self) -> Keys:
        return self._held

    def edges(self) -> list[KeyEdge]:
        heard = [edge for edge in self._left if edge.time_ns <= self._source.now_ns()]
        self._left = self._left[len(heard) :]
        self._held = apply_edges(self._held, heard)
        return heard

    def close(self) -> None:
        self._left = []


def _record(root: Path, game: DrawnGame, player: Source, fps: int = 30, job: Job | None = None,
            **options: object) -> Recorded:  # fmt: skip
    settings = options.pop("settings", RecordSettings(min_free_mb=0))
    clock = Clock(fps, game.source)
    return record(
        game, player, settings, job or Job(), origin=Origin("drawn"), clock=clock, root=root, **options
    )  # type: ignore[arg-type]


def _opened(recorded: Recorded) -> Recording:
    assert recorded.path is not None
    return Recording.open(recorded.path)


def test_every_label_of_a_driver_is_what_it_decided_at_that_frame(tmp_path: Path) -> None:
    driver = Pattern(1, "expert")
    recorded = _record(tmp_path, DrawnGame(), driver, seconds=2)
    recording = _opened(recorded)
    assert (len(recording), recorded.frames, recorded.because) == (60, 60, "2 seconds are over")
    assert (recording.meta.source, recording.meta.labels, recording.meta.fps) == ("expert", "expert", 30)
    assert recording.labels(1).tolist() == driver.rows(range(60))
    # What the game had at a frame is the key state recorded for it.
    assert [_drawn_keys(pixels) for pixels in recording.frames()] == recording.key_states().tolist()
    assert [_number(pixels) for pixels in recording.frames()] == list(range(60))
    assert np.diff(recording.times_ns) == pytest.approx(NS / 30, abs=2)


def test_a_teachers_corrections_are_the_labels_of_what_another_plays(tmp_path: Path) -> None:
    model, teacher = Pattern(1, "agent"), Pattern(2, "expert")
    recording = _opened(_record(tmp_path, DrawnGame(), model, teacher=teacher, seconds=2))
    assert (recording.meta.source, recording.meta.labels) == ("agent", "expert")
    assert recording.labels(1).tolist() == teacher.rows(range(60))
    assert recording.key_states("agent")[1:].tolist() == model.rows(range(59))
    assert [_drawn_keys(pixels) for pixels in recording.frames()] == recording.key_states("agent").tolist()


def test_a_teacher_who_plays_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="teacher"):
        _record(tmp_path, DrawnGame(), Pattern(1, "expert"), teacher=Pattern(2, "expert"), seconds=1)
    with pytest.raises(SettingError, match="teacher"):
        person = Person(Typed(SimulatedTime(), []))
        _record(tmp_path, DrawnGame(), person, teacher=Pattern(2, "expert"), seconds=1)
    assert find_recordings(tmp_path) == []


def _at(frame: float) -> int:
    return round(frame * NS / 30)


def test_a_persons_edges_come_on_the_frames_after_them(tmp_path: Path) -> None:
    game = DrawnGame()
    edges = [
        KeyEdge(_at(2.5), "up", True, "human"),
        KeyEdge(_at(6.1), "q", True, "human"),  # not the game's
        KeyEdge(_at(7.9), "up", False, "human"),
        KeyEdge(_at(8.2), "space", True, "human"),
        KeyEdge(_at(8.4), "space", False, "human"),  # a tap between two frames
        KeyEdge(_at(10.5), "left", False, "human"),  # held from before the start
    ]
    keyboard = Typed(game.source, edges, held=frozenset({"left", "w"}))
    recorded = _record(tmp_path, game, Person(keyboard), seconds=0.5)
    recording = _opened(recorded)
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


def test_a_persons_keys_are_handed_to_a_console(tmp_path: Path) -> None:
    game = DrawnGame()
    edges = [
        KeyEdge(_at(2.5), "up", True, "human"),
        KeyEdge(_at(5.5), "up", False, "human"),
        KeyEdge(_at(8.2), "space", True, "human"),
        KeyEdge(_at(8.4), "space", False, "human"),
    ]
    recording = _opened(_record(tmp_path, game, Person(Typed(game.source, edges), forward=True), seconds=0.5))
    assert [_drawn_keys(pixels) for pixels in recording.frames()] == recording.key_states("human").tolist()
    assert recording.key_states()[:, 0].tolist() == [4 <= number <= 6 for number in range(15)]
    # A tap between two frames is not lost on it: it counts for one frame.
    assert recording.key_states()[:, 2].tolist() == [number == 10 for number in range(15)]


def test_start_and_stop_keys_on_the_games_keyboard(tmp_path: Path) -> None:
    # Real time, as waiting for a key is; the keyboard is the one made up above.
    clock = RealTime()
    began = clock.now_ns()
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    edges = [
        KeyEdge(began + round(at * NS), key, True, "human") for at, key in [(0.3, "enter"), (0.8, "esc")]
    ]
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    recorded = _record(tmp_path, game, Person(Typed(clock, edges)), settings=settings, seconds=30)
    recording = _opened(recorded)
    assert recorded.because == "the esc key"
    assert (recording.times_ns[0] - began) / NS > 0.25
    assert recording.times_ns[-1] - recording.times_ns[0] < 5 * NS
    text = (recording.path / "timeline.jsonl").read_text()
    assert "enter" not in text
    assert "esc" not in text


def test_stopped_before_it_began(tmp_path: Path) -> None:
    game = DrawnGame()
    keyboard = Typed(game.source, [])
    stopped = Job()
    stopped.stop()
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    recorded = _record(tmp_path, game, Person(keyboard), settings=settings, job=stopped)
    assert (recorded.path, recorded.frames) == (None, 0)
    assert find_recordings(tmp_path) == []


def test_a_recording_without_a_frame_is_removed(tmp_path: Path) -> None:
    stopped = Job()
    stopped.stop()
    recorded = _record(tmp_path, DrawnGame(), Pattern(1, "expert"), job=stopped, seconds=5)
    assert (recorded.path, recorded.event().recording) == (None, None)
    assert list(tmp_path.rglob("*.mkv")) == []


def test_it_ends_after_so_many_games_and_tells_their_scores(tmp_path: Path) -> None:
    recorded = _record(tmp_path, DrawnGame(), Pattern(1, "expert"), episodes=2, seconds=60)
    assert recorded.because == "2 games are over"
    assert recorded.frames == 40
    assert recorded.scores == (0.0, 1.0)
    told = _opened(recorded).episodes()
    assert [change.status.score for change in told[:4]] == [0, 1, 2, 3]
    assert told[-1].status.finished_scores == (0.0, 1.0)


def test_a_stop_finishes_the_recording_and_releases_the_keys(tmp_path: Path) -> None:
    job = Job()

    class Stopper(Pattern):
        def decide(self, frame: Frame) -> Keys:
            if _number(frame.pixels) == 9:
                job.stop()
            return frozenset({"up"})

    game = DrawnGame()
    recorded = _record(tmp_path, game, Stopper(1, "agent"), job=job)
    recording = _opened(recorded)
    assert (len(recording), recording.meta.state, recorded.because) == (10, "complete", "stopped")
    assert game.held == NO_KEYS
    assert recording.labels(1)[-1].tolist() == [True, False, False]


@pytest.mark.parametrize("error", [KeyboardInterrupt, JobFailed])
def test_whatever_comes_the_recording_is_finished_first(tmp_path: Path, error: type[BaseException]) -> None:
    class Thrower(Pattern):
        def decide(self, frame: Frame) -> Keys:
            if _number(frame.pixels) == 9:
                raise error("now")
            return frozenset({"up"})

    game = DrawnGame()
    with pytest.raises(error):
        _record(tmp_path, game, Thrower(1, "agent"))
    (path,) = find_recordings(tmp_path)
    recording = Recording.open(path)
    assert (len(recording), recording.meta.state) == (9, "complete")
    assert game.held == NO_KEYS


def test_too_little_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = RecordSettings(min_free_mb=1 << 40)
    with pytest.raises(RecordingError, match=r"Expected at least \d+ MB free") as refusal:
        _record(tmp_path / "new", DrawnGame(), Pattern(1, "expert"), settings=settings)
    assert refusal.value.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_it_ends_by_itself_when_the_disk_runs_low(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The one thing made up is the number of free bytes: a disk that fills up is not to be had here.
    heard = Heard()
    game = DrawnGame()
    free = lambda _self: 100 if game.shown < 25 else 3  # noqa: E731
    monkeypatch.setattr(space.DiskSpace, "free_mb", free)
    monkeypatch.setattr(space, "EVERY_SECONDS", 0.0)
    settings = RecordSettings(min_free_mb=50)
    recorded = _record(tmp_path, game, Pattern(1, "expert"), job=Job(heard), settings=settings, seconds=60)
    assert recorded.because == "the disk runs low"
    recording = _opened(recorded)
    assert (len(recording), recording.meta.state) == (25, "complete")
    assert [event.level for event in heard.events if isinstance(event, Note)] == ["warning"]


def test_a_countdown_is_told_second_by_second(tmp_path: Path) -> None:
    heard = Heard()
    clock = RealTime()
    began = clock.now_ns()
    settings = RecordSettings(countdown=1.2, min_free_mb=0)
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    keyboard = Typed(clock, [KeyEdge(began + NS // 2, "up", True, "human")])
    recorded = _record(tmp_path, game, Person(keyboard), job=Job(heard), settings=settings, seconds=0.1)
    recording = _opened(recorded)
    assert (recording.times_ns[0] - began) / NS >= 1.2
    told = [event for event in heard.events if isinstance(event, Progress)]
    assert [(event.done, event.seconds_left, event.unit) for event in told] == [
        (0.0, 1.2, "seconds"),
        (pytest.approx(0.2), 1.0, "seconds"),
        (1.2, 0.0, "seconds"),
    ]
    assert [event.name for event in heard.events if isinstance(event, Stage)] == ["countdown", "recording"]
    # What went down meanwhile is held from the first frame on.
    assert recording.key_states()[:, 0].all()


@pytest.mark.parametrize("by_key", [True, False])
def test_a_stop_during_the_countdown_keeps_nothing(tmp_path: Path, by_key: bool) -> None:
    clock = RealTime()
    job = Job()
    edges = [KeyEdge(clock.now_ns(), "esc", True, "human")] if by_key else []
    if not by_key:
        threading.Timer(0.2, job.stop).start()
    settings = RecordSettings(countdown=60, min_free_mb=0)
    game = DrawnGame(source=clock)  # type: ignore[arg-type]
    heard = DelayedEdges(clock, edges)
    recorded = _record(tmp_path, game, Person(heard), job=job, settings=settings)
    assert (recorded.path, recorded.frames, recorded.because) == (None, 0, "stopped before it began")
    assert recorded.event().report == {"because": "stopped before it began"}
    assert find_recordings(tmp_path) == []
    assert game.shown == 0


class DelayedEdges(Typed):
    """Keys that go down only once somebody has begun to listen."""

    def __init__(self, source: RealTime, edges: list[KeyEdge]) -> None:
        super().__init__(source, edges)
        self._asked = 0

    def edges(self) -> list[KeyEdge]:
        self._asked += 1
        return super().edges() if self._asked > 1 else []


def test_shares_are_told_while_it_runs_and_in_the_result(tmp_path: Path) -> None:
    class Half(Pattern):
        def decide(self, frame: Frame) -> Keys:
            return frozenset({"up"}) if _number(frame.pixels) % 2 else frozenset({"up", "space"})

    heard = Heard()
    game = DrawnGame(source=RealTime())  # type: ignore[arg-type]
    recorded = _record(tmp_path, game, Half(1, "expert"), fps=60, job=Job(heard), seconds=0.6)
    live = [event for event in heard.events if isinstance(event, Live)]
    for event in live:
        assert event.shares["up"] == 1.0
        assert event.shares["left"] == 0.0
        assert event.shares["space"] == pytest.approx((event.frames + 1) // 2 / event.frames, abs=0.001)
    report = recorded.event().report or {}
    # As keys count from the next frame on, the first frame has none.
    frames = recorded.frames
    assert report["because"] == "0.6 seconds are over"
    assert report["shares"]["up"] == pytest.approx((frames - 1) / frames, abs=0.001)
    assert {tuple(one["keys"]) for one in report["combinations"]} == {(), ("up",), ("up", "space")}
    assert report["combinations"][-1] == {"keys": [], "share": round(1 / frames, 4)}
    assert [one for one in report["warnings"] if "missing" not in one] == []


def test_live_events_come_at_the_rate_and_size_asked_for(tmp_path: Path) -> None:
    heard = Heard()
    game = DrawnGame(source=RealTime(), frame_shape=(100, 200))  # type: ignore[arg-type]
    preview = PreviewSettings(fps=2, size=(20, 8))
    _record(tmp_path, game, Pattern(1, "expert"), fps=60, job=Job(heard), seconds=1.2, preview=preview)
    live = [event for event in heard.events if isinstance(event, Live)]
    assert 2 <= len(live) <= 3
    assert {event.thumbnail_size for event in live} == {(10, 20)}


def test_a_write_that_fails_keeps_what_is_there(tmp_path: Path) -> None:
    game = DrawnGame(frame_shape=(256, 256))
    with files_of_at_most(60_000), pytest.raises(JobFailed, match="Expected to write") as failed:
        _record(tmp_path, game, Pattern(1, "expert"), seconds=3600)
    (path,) = find_recordings(tmp_path)
    recording = Recording.open(path)
    assert failed.value.cure.startswith(f"Frames before it that are kept: {len(recording)}. Make room")
    assert len(recording) > 20
    assert [_number(pixels) for pixels in recording.frames()] == list(range(len(recording)))
    assert game.held == NO_KEYS


@pytest.mark.parametrize(
    ("room", "error", "said"),
    [
        (10, RecordingError, "Expected to begin a recording"),
        (700, JobFailed, "Expected to write"),
    ],
)
def test_a_disk_without_room_for_a_frame_keeps_nothing(
    tmp_path: Path, room: int, error: type[AgpError], said: str
) -> None:
    game = DrawnGame(frame_shape=(256, 256))
    with files_of_at_most(room), pytest.raises(error, match=said) as failed:
        _record(tmp_path, game, Pattern(1, "expert"), seconds=3600)
    assert "Make room" in failed.value.cure
    assert list(tmp_path.glob("drawn/*")) == []


def test_no_frame_is_ever_there_without_its_keys(tmp_path: Path) -> None:
    """After each line that a kill could leave last, the newest frame has the keys that it has at the end."""
    game = DrawnGame()
    edges = [KeyEdge(_at(1.5 + number), KEYS[number % 3], number % 2 == 0, "human") for number in range(12)]
    recording = _opened(_record(tmp_path, game, Person(Typed(game.source, edges)), seconds=0.5))
    states = recording.timeline.key_states(KEYS, "human")
    assert states[:-1].any(axis=0).all()
    lines = list(read_lines(recording.path / "timeline.jsonl"))
    for number, line in enumerate(lines):
        if isinstance(line, FrameLine):
            left = parse(lines[: number + 1]).key_states(KEYS, "human")[line.index]
            assert left.tolist() == states[line.index].tolist()


def test_live_events_are_small_and_seldom(tmp_path: Path) -> None:
    heard = Heard()
    game = DrawnGame(source=RealTime(), frame_shape=(100, 200))  # type: ignore[arg-type]
    began = time.monotonic()
    recorded = _record(tmp_path, game, Pattern(1, "expert"), fps=60, job=Job(heard), seconds=1)
    seconds = time.monotonic() - began
    live = [event for event in heard.events if isinstance(event, Live)]
    assert 2 <= len(live) <= 10 * seconds + 1
    last = live[-1]
    assert last.thumbnail_size == (40, 80)
    assert len(last.thumbnail) == 40 * 80 * 3
    assert last.fps_asked == 60
    assert {"grab", "keys", "encode", "decide"} <= set(last.latency_ms)
    assert (last.bytes or 0) > 0
    event = recorded.event()
    assert isinstance(event, Finished)
    assert (event.frames, event.recording) == (recorded.frames, str(recorded.path))
    assert event.missed == recorded.pace.slots - recorded.frames
    assert event.stages_ms is not None
    assert event.jitter_ms is not None
    assert (event.bytes or 0) >= sum(file.stat().st_size for file in (recorded.path or tmp_path).iterdir())


def test_writing_leaves_room_in_the_slots_of_60_frames_a_second(tmp_path: Path) -> None:
    # In this process's own CPU time: what other programs do meanwhile does not count.
    from support.recordings import picture

    pictures = [picture(number, (256, 256)) for number in range(8)]

    class Painted(DrawnGame):
        def grab(self) -> Frame:
            self.shown += 1
            return Frame(pictures[self.shown % 8], self.source.now_ns(), self.source.now_ns())

    class Still(Pattern):
        def decide(self, frame: Frame) -> Keys:
            return NO_KEYS

    game = Painted(frame_shape=(256, 256))
    began = time.process_time()
    recorded = _record(tmp_path, game, Still(1, "expert"), fps=60, seconds=4)
    milliseconds = 1000 * (time.process_time() - began) / recorded.frames
    assert recorded.frames == 240
    assert milliseconds < 0.6 * 1000 / 60


def test_a_real_game_in_real_time(tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    from agp_tui.games.atari import AtariGame
    from agp_tui.games.experts import expert_for

    source = RealTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=30), source)
    driver = expert_for(game)
    settings = RecordSettings(min_free_mb=0)
    clock = Clock(30, source)
    recorded = record(
        game, driver, settings, Job(), origin=Origin("ale"), clock=clock, root=tmp_path, seconds=3
    )
    recording = _opened(recorded)
    # Whatever else this machine does, slots are skipped, not bunched, and the times say so.
    assert recorded.frames + recorded.pace.missed >= 88
    assert len(recording) == recorded.frames
    assert recording.key_states().any()
    assert recording.seconds == pytest.approx(3, abs=0.3)
    assert not [problem for problem in checks.check(recording.path) if "amage" in problem]


VICTIM = """
import sys
from pathlib import Path
from agp_tui.config import GameSettings, PreviewSettings, RecordSettings
from agp_tui.engine.clock import Clock, RealTime
from agp_tui.engine.job import Job
from agp_tui.games.atari import AtariGame
from agp_tui.games.experts import expert_for
from agp_tui.recording.recorder import Origin, record
source = RealTime()
game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=60), source)
record(game, expert_for(game), RecordSettings(min_free_mb=0), Job(), origin=Origin("ale"),
       clock=Clock(60, source), root=Path(sys.argv[1]), seconds=60)
"""


def test_kill_9_of_the_recorder_loses_at_most_two_frames(tmp_path: Path) -> None:
    pytest.importorskip("ale_py")
    for trial in range(2):
        root = tmp_path / str(trial)
        victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM, str(root)], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        deadline = time.monotonic() + 60
        while not find_recordings(root) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5 + random.Random(trial).random())
        victim.kill()
        victim.wait()
        (path,) = find_recordings(root)
        recording = Recording.open(path)
        lines = (path / "timeline.jsonl").read_bytes().count(b'"kind":"frame"')
        assert lines >= 5
        assert len(recording) >= lines - 2
        assert sum(1 for _ in recording.frames()) == len(recording)
        assert recording.labels(1).shape == (len(recording), 2)


@pytest.mark.display
def test_keys_typed_at_a_real_keyboard(tmp_path: Path, x_server: XServer) -> None:
    pytest.importorskip("ale_py")
    import threading

    from agp_tui.games.atari import AtariGame
    from agp_tui.keys.listening import listen

    source = RealTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=30), source)
    keyboard = listen(x_server.name, ("up", "down", "enter", "esc"))
    typing: list[tuple[str, int]] = []

    def type_keys() -> None:
        for command, key, pause in [
            ("key", "Return", 1.0), ("keydown", "Up", 0.5), ("keyup", "Up", 0.3), ("key", "p", 0.2),
            ("key", "Escape", 0),
        ]:  # fmt: skip
            x_server.xdotool(command, key)
            typing.append((key, source.now_ns()))
            time.sleep(pause)

    typist = threading.Timer(0.5, type_keys)
    typist.start()
    settings = RecordSettings(wait_for_enter=True, min_free_mb=0)
    try:
        recorded = record(
            game, Person(keyboard, forward=True), settings, Job(), origin=Origin("ale"),
            clock=Clock(30, source), root=tmp_path, seconds=30,
        )  # fmt: skip
    finally:
        typist.join()
        keyboard.close()
    recording = _opened(recorded)
    assert recorded.because == "the esc key"
    held = recording.times_ns[recording.key_states()[:, 0]]
    (down, up) = (at for key, at in typing if key == "Up")
    assert len(held) >= 3
    assert held[0] > typing[0][1]
    assert abs(held[-1] - held[0] - (up - down)) < 0.4 * NS
    assert not recording.key_states()[:, 1].any()
    text = (recording.path / "timeline.jsonl").read_text()
    assert not any(f'"{key}"' in text for key in ("p", "esc", "enter"))
