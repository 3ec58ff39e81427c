"""Tests of the watch job: the player acts on every frame, and commands take effect immediately."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.commands import agp, agp_text, running_command
from support.fakes import EventLog
from support.small_models import cached_small_models
from support.untrained_agents import untrained_agent, write_agent

from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.driver import AgentDriver
from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, ModelError, SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.live_preview import downscale
from agp_tui.jobs.watch import WatchGameRequest, run_watch_game
from agp_tui.protocol.commands import AnyCommand, Pause, Resume, SetSpeed, Step
from agp_tui.protocol.events import Finished, Live
from agp_tui.protocol.results import WatchResult

PONG = "ALE/Pong-v5"
BOX = (40, 40)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained Pong agent named `ponger`."""
    home = tmp_path_factory.mktemp("home")
    write_agent(home / "models/ponger.agent.pt", untrained_agent(PONG))
    return home


class WatchThread:
    """A watch job running in a thread, and its events."""

    def __init__(self, request: WatchGameRequest) -> None:
        self.event_log = EventLog()
        self.job = Job(self.event_log)
        self.result: Finished | AgpError | None = None
        self.thread = threading.Thread(target=self._run, args=(request,))
        self.thread.start()

    @property
    def live(self) -> list[Live]:
        return [event for event in list(self.event_log.events) if isinstance(event, Live)]

    def after(self, command: AnyCommand | None, shows: Callable[[Live], bool], seconds: float = 20.0) -> Live:
        """Send `command` and return the first later live event for which `shows` is true."""
        before = len(self.live)
        if command is not None:
            self.job.send(command)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.thread.is_alive():
            for event in self.live[before:]:
                if shows(event):
                    return event
            time.sleep(0.001)
        raise AssertionError(f"{command} had no effect: {self.result}")

    def _run(self, request: WatchGameRequest) -> None:
        try:
            self.result = run_watch_game(request, self.job)
        except AgpError as error:
            self.result = error


def make_request(home: Path, game: str, by: str | None = None, **others: object) -> WatchGameRequest:
    preview = PreviewSettings(size=(BOX[0], BOX[1] // 2), fps=30)
    plain = {
        "place": GameSettings(),
        "models": home / "models",
        "runs": home / "runs",
        "preview": preview,
    }
    return WatchGameRequest(**{"what": game, "by": by, **plain, **others})  # type: ignore[arg-type]


@contextmanager
def watching(home: Path, game: str, by: str | None = None, **others: object) -> Iterator[WatchThread]:
    watched = WatchThread(make_request(home, game, by, **others))
    try:
        yield watched
    finally:
        watched.job.stop()
        watched.thread.join(20)
    assert not watched.thread.is_alive()


def play_unwatched(home: Path, frames: int) -> list[tuple[NDArray[np.uint8], AgentDriver, list[str]]]:
    """Reference play of the agent: for each frame the pixels, the action probabilities and the keys."""
    checkpoint = load_agent(home / "models/ponger.agent.pt")
    source, keys, steps = SimulatedTime(), ("up", "down", "space"), []
    with closing(AtariGame(PONG, GameSettings(keys=keys, fps=60, sticky=0.25), source)) as game:
        driver = AgentDriver(Agent(checkpoint.network()), checkpoint.obs_spec, checkpoint.actions, game)
        for number in range(frames):
            source.sleep_until(round(number * NS / 60))
            frame = game.grab()
            held = driver.decide(frame)
            game.hold(held)
            wishes = {key: round(driver.key_preferences()[key], 3) for key in keys}
            steps.append((frame.pixels, wishes, [key for key in keys if key in held]))
    return steps  # type: ignore[return-value]


def test_each_step_equals_the_unwatched_play_of_the_agent(home: Path) -> None:
    """At 60 fps, with the sticky actions of its training and the keys of its actions."""
    expected = play_unwatched(home, 120)
    with watching(home, "ponger", paused=True) as watched:
        watched.after(None, lambda event: event.frames == 1)
        for number in (2, 3, 4, 5, 6, 9, 10, 50, 51, 120):
            at = watched.live[-1].frames
            live = watched.after(Step(frames=number - at), lambda event, n=number: event.frames == n)  # type: ignore[misc]
            pixels, wishes, held = expected[number - 1]
            assert live.thumbnail == downscale(pixels, BOX).tobytes()
            assert (live.held, live.probabilities) == (held, wishes), number
            assert live.value is not None and live.paused and live.speed == 1.0
            assert live.seconds == pytest.approx(number / 60, abs=0.01)
        back = watched.after(Step(frames=-5), lambda event: True)
        assert back.frames == 120
    assert isinstance(watched.result, Finished) and watched.result.frames == 120


def test_pause_stops_the_game_and_speed_scales_its_frame_rate(home: Path) -> None:
    with watching(home, PONG, "chance") as watched:
        held = watched.after(Pause(), lambda event: event.paused)
        time.sleep(0.3)
        assert watched.after(Step(frames=0), lambda event: True).frames == held.frames
        resumed = watched.after(Resume(), lambda event: not event.paused)
        began = time.monotonic()
        later = watched.after(None, lambda event: event.frames >= resumed.frames + 15)
        assert 0.3 < time.monotonic() - began < 2.0 and later.fps_asked == 30
        fast = watched.after(SetSpeed(factor=4.0), lambda event: event.speed == 4.0)
        began = time.monotonic()
        watched.after(None, lambda event: event.frames >= fast.frames + 120)
        assert 0.7 < time.monotonic() - began < 3.0 and fast.fps_asked == 120
        assert watched.after(SetSpeed(factor=1000.0), lambda event: event.speed == 20.0)
    assert isinstance(watched.result, Finished) and not watched.live[-1].probabilities


def test_frames_of_an_overloaded_machine_are_skipped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions of 20 ms do not fit 1200 fps; missed frames are not made up for later."""
    decide = AgentDriver.decide
    monkeypatch.setattr(AgentDriver, "decide", lambda self, frame: (time.sleep(0.02), decide(self, frame))[1])
    with watching(home, "ponger", speed=20.0) as watched:
        late = watched.after(None, lambda event: event.frames >= 30)
        assert late.missed > 100 and late.fps < 60
        slow = watched.after(SetSpeed(factor=0.25), lambda event: event.speed == 0.25)
        time.sleep(1.0)
        assert 10 <= watched.live[-1].frames - slow.frames <= 20


def test_watch_ends_after_the_requested_seconds_of_play(home: Path) -> None:
    event_log = EventLog()
    done = run_watch_game(make_request(home, PONG, "expert", seconds=6.0, speed=10.0), Job(event_log))
    assert (done.frames, done.seconds, done.decisions) == (180, 6.0, 180)
    assert done.result(WatchResult) is not None
    (shares,) = [event.shares for event in event_log.events if isinstance(event, Live)][-1:]
    assert shares["up"] > 0.05 and shares["down"] > 0.05


def test_model_decides_at_the_rate_of_its_manifest(home: Path, pytestconfig: pytest.Config) -> None:
    folder = cached_small_models(pytestconfig).folder
    event_log = EventLog()
    game_settings = GameSettings(fps=60, keys=("up", "left", "right", "down"))
    done = run_watch_game(
        make_request(home, PONG, str(folder), place=game_settings, seconds=1.0, speed=5.0), Job(event_log)
    )
    assert done.decisions == 30
    live = [event for event in event_log.events if isinstance(event, Live)][-1]
    assert live.probabilities.keys() == live.thresholds.keys() == {"up", "left", "right", "down"}
    pressed = [key for key, share in live.probabilities.items() if share >= live.thresholds[key]]
    assert sorted(live.held) == sorted(pressed) and live.value is None


def test_invalid_players_are_rejected_before_the_first_frame(home: Path) -> None:
    for game, by, kind, words in (
        ("pongr", None, ModelError, "Expected an Atari game or an agent to watch, found 'pongr'"),
        ("ALE/Breakout-v5", "ponger", ModelError, "Expected an agent of ALE/Breakout-v5, found one of"),
        (PONG, "nobody", ModelError, "neither a model nor an agent"),
        ("ponger", "expert", SettingError, "Expected a game with --by"),
        ("ALE/Pnog-v5", "chance", SettingError, "Expected the id of an Atari game"),
    ):
        with pytest.raises(kind, match=words) as error:
            run_watch_game(make_request(home, game, by), Job())
        assert error.value.hint
    with pytest.raises(SettingError, match=r"Expected a speed of 0.05 to 20, found 21"):
        run_watch_game(make_request(home, PONG, "chance", speed=21.0), Job())


def test_watch_command_reads_commands_from_stdin(home: Path) -> None:
    with running_command("atari", "watch", "ponger", "--paused", home=home) as command:
        command.wait_for_live(frames=1)
        command.send_command(type="step", frames=3)
        command.wait_for(lambda event: event["type"] == "live" and event["frames"] == 4 and event["paused"])
        command.send_command(type="speed", factor=4)
        command.send_command(type="resume")
        live = command.wait_for_live(frames=60)
        assert live["speed"] == 4 and live["fps_asked"] == 240 and "value" in live
        command.send_command(type="stop")
        result = command.result()
    assert result.code == 0 and result.finished["job"] == "watch" and result.finished["frames"] >= 60


@pytest.mark.nightly
def test_train_with_load_model_plays_without_training(home: Path) -> None:
    with running_command("atari", "train", "--load-model", "ponger", home=home) as command:
        assert "value" in command.wait_for_live(frames=10)
        command.close_stdin()
        assert command.result().finished["job"] == "watch"
    assert not (home / "runs").exists()
    rejected = agp("atari", "train", "--load-model", "ponger", "--game", "ALE/Breakout-v5", home=home)
    assert rejected.code == 2 and "found one of ALE/Pong-v5" in rejected.only_event("failed")["error"]


def test_watch_command_without_a_terminal_prints_lines(home: Path) -> None:
    words = ("atari", "watch", PONG, "--by", "ponger", "--seconds", "2", "--speed", "8")
    done = agp_text(*words, home=home)
    assert done.returncode == 0, done.stderr
    assert "120 frames, 2.0 s" in done.stdout and "120 decisions" in done.stdout
    assert "value" in done.stderr and "score 0" in done.stderr
