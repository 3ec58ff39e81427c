"""Watching a game: whoever plays plays every frame, and the watcher's commands are obeyed at once."""

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
    """A folder with an agent of Pong that is kept as `ponger`."""
    home = tmp_path_factory.mktemp("home")
    write_agent(home / "models/ponger.agent.pt", untrained_agent(PONG))
    return home


class Watching:
    """A game that is watched in a thread, and what is told of it."""

    def __init__(self, asked: WatchGameRequest) -> None:
        self.heard = EventLog()
        self.job = Job(self.heard)
        self.result: Finished | AgpError | None = None
        self.thread = threading.Thread(target=self._run, args=(asked,))
        self.thread.start()

    @property
    def live(self) -> list[Live]:
        return [event for event in list(self.heard.events) if isinstance(event, Live)]

    def after(self, command: AnyCommand | None, shows: Callable[[Live], bool], seconds: float = 20.0) -> Live:
        """Tell it a command; the first event from then on that shows this."""
        before = len(self.live)
        if command is not None:
            self.job.send(command)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.thread.is_alive():
            for event in self.live[before:]:
                if shows(event):
                    return event
            time.sleep(0.001)
        raise AssertionError(f"{command} did not show: {self.result}")

    def _run(self, asked: WatchGameRequest) -> None:
        try:
            self.result = run_watch_game(asked, self.job)
        except AgpError as error:
            self.result = error


def asked(home: Path, what: str, by: str | None = None, **others: object) -> WatchGameRequest:
    preview = PreviewSettings(size=(BOX[0], BOX[1] // 2), fps=30)
    plain = {"place": GameSettings(), "models": home / "models", "runs": home / "runs", "preview": preview}
    return WatchGameRequest(**{"what": what, "by": by, **plain, **others})  # type: ignore[arg-type]


@contextmanager
def watching(home: Path, what: str, by: str | None = None, **others: object) -> Iterator[Watching]:
    watched = Watching(asked(home, what, by, **others))
    try:
        yield watched
    finally:
        watched.job.stop()
        watched.thread.join(20)
    assert not watched.thread.is_alive()


def played_by_agent(home: Path, frames: int) -> list[tuple[NDArray[np.uint8], AgentDriver, list[str]]]:
    """What an agent does when nobody watches: at each frame the picture and the keys from then on."""
    checkpoint = load_agent(home / "models/ponger.agent.pt")
    source, keys, found = SimulatedTime(), ("up", "down", "space"), []
    with closing(AtariGame(PONG, GameSettings(keys=keys, fps=60, sticky=0.25), source)) as game:
        driver = AgentDriver(Agent(checkpoint.network()), checkpoint.view, checkpoint.actions, game)
        for number in range(frames):
            source.sleep_until(round(number * NS / 60))
            frame = game.grab()
            held = driver.decide(frame)
            game.hold(held)
            wishes = {key: round(driver.wishes()[key], 3) for key in keys}
            found.append((frame.pixels, wishes, [key for key in keys if key in held]))
    return found  # type: ignore[return-value]


def test_each_step_shows_exactly_what_the_agent_does_by_itself(home: Path) -> None:
    """Its own game, 60 frames a second, as sticky as in its training, with the keys of its actions."""
    expected = played_by_agent(home, 120)
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


def test_a_pause_holds_it_and_a_speed_is_kept(home: Path) -> None:
    with watching(home, PONG, "chance") as watched:
        held = watched.after(Pause(), lambda event: event.paused)
        time.sleep(0.3)
        assert watched.after(Step(frames=0), lambda event: True).frames == held.frames
        begun = watched.after(Resume(), lambda event: not event.paused)
        then = time.monotonic()
        later = watched.after(None, lambda event: event.frames >= begun.frames + 15)
        assert 0.3 < time.monotonic() - then < 2.0 and later.fps_asked == 30
        quick = watched.after(SetSpeed(factor=4.0), lambda event: event.speed == 4.0)
        then = time.monotonic()
        watched.after(None, lambda event: event.frames >= quick.frames + 120)
        assert 0.7 < time.monotonic() - then < 3.0 and quick.fps_asked == 120
        assert watched.after(SetSpeed(factor=1000.0), lambda event: event.speed == 20.0)
    assert isinstance(watched.result, Finished) and not watched.live[-1].probabilities


def test_what_the_machine_cannot_keep_up_with_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A player who thinks for 20 ms cannot be shown at 1200 frames a second: no burst comes later."""
    decide = AgentDriver.decide
    monkeypatch.setattr(AgentDriver, "decide", lambda self, frame: (time.sleep(0.02), decide(self, frame))[1])
    with watching(home, "ponger", speed=20.0) as watched:
        late = watched.after(None, lambda event: event.frames >= 30)
        assert late.missed > 100 and late.fps < 60
        slow = watched.after(SetSpeed(factor=0.25), lambda event: event.speed == 0.25)
        time.sleep(1.0)
        assert 10 <= watched.live[-1].frames - slow.frames <= 20


def test_the_end_comes_after_the_seconds_of_play(home: Path) -> None:
    heard = EventLog()
    done = run_watch_game(asked(home, PONG, "expert", seconds=6.0, speed=10.0), Job(heard))
    assert (done.frames, done.seconds, done.decisions) == (180, 6.0, 180)
    assert done.result(WatchResult) is not None
    (shares,) = [event.shares for event in heard.events if isinstance(event, Live)][-1:]
    assert shares["up"] > 0.1 and shares["down"] > 0.1


def test_a_model_decides_as_often_as_its_manifest_says(home: Path, pytestconfig: pytest.Config) -> None:
    folder = cached_small_models(pytestconfig).folder
    heard = EventLog()
    place = GameSettings(fps=60, keys=("up", "left", "right", "down"))
    done = run_watch_game(asked(home, PONG, str(folder), place=place, seconds=1.0, speed=5.0), Job(heard))
    assert done.decisions == 30
    live = [event for event in heard.events if isinstance(event, Live)][-1]
    assert live.probabilities.keys() == live.thresholds.keys() == {"up", "left", "right", "down"}
    pressed = [key for key, share in live.probabilities.items() if share >= live.thresholds[key]]
    assert sorted(live.held) == sorted(pressed) and live.value is None


def test_who_cannot_play_is_told_before_the_first_frame(home: Path) -> None:
    for what, by, kind, words in (
        ("pongr", None, ModelError, "Expected an Atari game or an agent to watch, found 'pongr'"),
        ("ALE/Breakout-v5", "ponger", ModelError, "Expected an agent of ALE/Breakout-v5, found one of"),
        (PONG, "nobody", ModelError, "neither a model nor an agent"),
        ("ponger", "expert", SettingError, "Expected a game with --by"),
        ("ALE/Pnog-v5", "chance", SettingError, "Expected the id of an Atari game"),
    ):
        with pytest.raises(kind, match=words) as error:
            run_watch_game(asked(home, what, by), Job())
        assert error.value.hint
    with pytest.raises(SettingError, match=r"Expected a speed of 0.05 to 20, found 21"):
        run_watch_game(asked(home, PONG, "chance", speed=21.0), Job())


def test_programs_steer_it_through_its_stdin(home: Path) -> None:
    with running_command("atari", "watch", "ponger", "--paused", home=home) as command:
        command.wait_for_live(frames=1)
        command.tell(type="step", frames=3)
        command.wait_for(lambda event: event["type"] == "live" and event["frames"] == 4 and event["paused"])
        command.tell(type="speed", factor=4)
        command.tell(type="resume")
        live = command.wait_for_live(frames=60)
        assert live["speed"] == 4 and live["fps_asked"] == 240 and "value" in live
        command.tell(type="stop")
        result = command.result()
    assert result.code == 0 and result.finished["job"] == "watch" and result.finished["frames"] >= 60


def test_a_loaded_model_plays_and_nothing_is_trained(home: Path) -> None:
    with running_command("atari", "train", "--load-model", "ponger", home=home) as command:
        assert "value" in command.wait_for_live(frames=10)
        command.hang_up()
        assert command.result().finished["job"] == "watch"
    assert not (home / "runs").exists()
    other = agp("atari", "train", "--load-model", "ponger", "--game", "ALE/Breakout-v5", home=home)
    assert other.code == 2 and "found one of ALE/Pong-v5" in other.one("failed")["error"]


def test_people_without_a_terminal_are_told_in_lines(home: Path) -> None:
    words = ("atari", "watch", PONG, "--by", "ponger", "--seconds", "2", "--speed", "8")
    done = agp_text(*words, home=home)
    assert done.returncode == 0, done.stderr
    assert "120 frames, 2.0 s" in done.stdout and "120 decisions" in done.stdout
    assert "value" in done.stderr and "score 0" in done.stderr
