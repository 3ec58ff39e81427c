"""Tests of the player with a real Atari game and with a fake game that logs its keys with times."""

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fakes import EventLog, FakeGame, ScriptedPolicy

from agp_tui.config import GameSettings, PlaySettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, ModelError, SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys
from agp_tui.models.loading import load_policy
from agp_tui.play.player import play
from agp_tui.protocol.commands import Panic, Pause, Resume, Stop
from agp_tui.protocol.events import Finished, Live, Note

pytest.importorskip("ale_py")

ARROWS = ("up", "left", "right", "down")


class FakeListener:
    """A fake key listener whose keys the test presses."""

    def __init__(self) -> None:
        self.pending: list[KeyEdge] = []
        self.lost: Exception | None = None

    def press(self, key: str) -> None:
        self.pending.append(KeyEdge(time.monotonic_ns(), key, True, "human"))

    def held(self) -> Keys:
        return NO_KEYS

    def edges(self) -> list[KeyEdge]:
        if self.lost is not None:
            raise self.lost
        edges, self.pending = self.pending, []
        return edges

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        return


class PlayThread:
    """A player running on a thread."""

    def __init__(self, game: FakeGame, policy: ScriptedPolicy, settings: PlaySettings) -> None:
        self.event_log = EventLog()
        self.job = Job(self.event_log)
        self.keys = FakeListener()
        self.finished: Finished | None = None
        self.error: Exception | None = None
        self._arguments = (game, policy, settings, self.job, Clock(policy.fps))
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.finished = play(*self._arguments, listener=self.keys)
        except Exception as error:
            self.error = error

    def end(self) -> Finished:
        self.thread.join(10)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error
        assert self.finished is not None
        return self.finished


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met"
        time.sleep(0.002)


def pong(fps: int = 15, seed: int = 3) -> tuple[AtariGame, Clock]:
    source = SimulatedTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=fps, seed=seed), source)
    return game, Clock(fps, source)


def test_complete_pong_game_in_simulated_time() -> None:
    """A constant key loses up to 21 points; keys are sent to the game only when they change."""
    game, clock = pong()
    held_calls: list[Keys] = []
    hold = game.hold
    game.hold = lambda keys: (held_calls.append(keys), hold(keys))[1]  # type: ignore[method-assign, func-returns-value]
    event_log = EventLog()
    policy = ScriptedPolicy(("up", "down"), [[0.9, 0.1]], fps=15)
    result = play(game, policy, PlaySettings(episodes=1), Job(event_log), clock)
    assert result.scores is not None and len(result.scores) == 1
    assert result.scores[0] <= -15
    assert result.score_mean == result.scores[0]
    assert result.decisions == result.frames == policy.seen > 300
    assert (result.missed, result.deadline_misses) == (0, 0)
    assert result.latency_ms is not None and result.latency_ms.p99 > 0
    assert set(result.stages_ms or {}) == {"grab", "encode", "decide", "press"}
    assert held_calls == [{"up"}, NO_KEYS]
    assert any(isinstance(event, Live) and event.score is not None for event in event_log.events)


def test_long_episodes_are_truncated_and_counted() -> None:
    game, clock = pong()
    policy = ScriptedPolicy(("up", "down"), [[0.1, 0.1]], fps=15)
    settings = PlaySettings(episodes=3, max_episode_seconds=4)
    result = play(game, policy, settings, Job(), clock)
    assert result.scores is not None and len(result.scores) == 3
    assert result.report.capped == 3
    assert result.decisions == pytest.approx(3 * 4 * 15, abs=6)


def test_decisions_move_the_paddle() -> None:
    """The paddle position in the emulator's RAM differs between the two keys."""
    heights = []
    for row in ([0.9, 0.0], [0.0, 0.9]):
        game, clock = pong()
        play(game, ScriptedPolicy(("up", "down"), [row], fps=15), PlaySettings(seconds=2), Job(), clock)
        heights.append(int(game.ram_pair()[1][51]))
    assert heights[0] < heights[1] - 50


def test_tflite_model_plays_in_real_time(foreign_models: Path) -> None:
    source = RealTime()
    game = AtariGame("ALE/Pong-v5", GameSettings(keys=ARROWS, fps=30), source)
    policy = load_policy(foreign_models / "keras_open_batch.tflite", PlaySettings(), ARROWS, 30)
    event_log = EventLog()
    result = play(game, policy, PlaySettings(seconds=2), Job(event_log), Clock(30, source))
    live = [event for event in event_log.events if isinstance(event, Live)]
    assert result.frames is not None and result.missed is not None
    assert result.frames + result.missed == pytest.approx(60, abs=1)
    assert result.decisions == result.frames
    assert 2 <= len(live) <= 21
    assert set(live[-1].probabilities) == set(ARROWS)
    assert live[-1].thresholds == dict.fromkeys(ARROWS, 0.5)
    assert live[-1].thumbnail_size == (80, 61)
    assert len(live[-1].thumbnail) == 80 * 61 * 3
    assert "total" in live[-1].latency_ms


def test_overruns_count_as_missed_deadlines() -> None:
    game = FakeGame(grab_seconds=0.075)
    event_log = EventLog()
    policy = ScriptedPolicy(ARROWS, [[0.0] * 4], fps=20)
    result = play(game, policy, PlaySettings(seconds=1), Job(event_log), Clock(20))
    assert result.decisions is not None and result.missed is not None
    assert result.report.overruns == result.decisions
    assert result.deadline_misses == result.decisions + result.missed
    assert any(isinstance(event, Note) and "came late" in event.text for event in event_log.events)


def test_keys_are_sent_on_change_and_released_at_the_end() -> None:
    rows = [[1.0, 0, 0, 0]] * 4 + [[1.0, 0, 1.0, 0]] * 4
    game = FakeGame()
    result = play(game, ScriptedPolicy(ARROWS, rows), PlaySettings(seconds=0.6), Job(), Clock(30))
    held = [keys for _, keys in game.holds]
    assert held[:3] == [{"up"}, {"up", "right"}, {"up"}]
    assert held[-1] == NO_KEYS
    assert all(before != after for before, after in itertools.pairwise(held))
    assert result.decisions is not None and len(held) < result.decisions


def test_dry_run_presses_nothing_and_reports_the_keys() -> None:
    game, event_log = FakeGame(), EventLog()
    settings = PlaySettings(seconds=0.4, dry_run=True)
    result = play(game, ScriptedPolicy(ARROWS, [[1.0, 0, 0, 1.0]]), settings, Job(event_log), Clock(30))
    assert game.holds == []
    assert result.decisions and result.report.dry_run is True
    live = [event for event in event_log.events if isinstance(event, Live)]
    assert live[-1].held == ["up", "down"]


def test_pause_releases_and_resume_presses_again() -> None:
    game, policy = FakeGame(), ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0]])
    player = PlayThread(game, policy, PlaySettings())
    wait_for(lambda: game.held == {"up"})
    player.job.send(Pause())
    wait_for(lambda: game.held == NO_KEYS)
    count, seen = len(game.holds), policy.seen
    wait_for(lambda: policy.seen > seen + 5)
    assert len(game.holds) == count, "it observes but presses nothing"
    player.job.send(Resume())
    wait_for(lambda: game.held == {"up"})
    player.job.send(Stop())
    result = player.end()
    assert game.held == NO_KEYS
    assert result.decisions is not None and result.decisions < policy.seen - 4
    assert result.report.panic is False


@pytest.mark.parametrize("method", ["panic key", "panic", "stop"])
def test_every_stop_method_releases_keys_while_the_model_hangs(method: str) -> None:
    game, policy = FakeGame(), ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0]])
    policy.hang_from = 3
    player = PlayThread(game, policy, PlaySettings(panic_key="F12"))
    try:
        wait_for(lambda: game.held == {"up"} and policy.seen == 3)
        stopped_ns = time.monotonic_ns()
        if method == "panic key":
            player.keys.press("a")
            player.keys.press("f12")
        else:
            player.job.send(Panic() if method == "panic" else Stop())
        wait_for(lambda: game.held == NO_KEYS)
        assert game.holds[-1][0] - stopped_ns < 100e6
        assert player.thread.is_alive(), "the model still hangs"
    finally:
        policy.go_on.set()
    result = player.end()
    assert {keys for _, keys in game.holds[1:]} == {NO_KEYS}, "nothing is pressed after the release"
    assert result.report.panic is (method != "stop")


def test_keys_are_released_while_the_game_hangs() -> None:
    game = FakeGame()
    player = PlayThread(game, ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0]]), PlaySettings())
    wait_for(lambda: game.held == {"up"})
    game.grab_seconds = 1.5
    time.sleep(0.1)
    player.job.send(Panic())
    wait_for(lambda: game.held == NO_KEYS, seconds=0.5)
    player.end()


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (JobFailed("Expected the keyboard until the end, found it gone."), "found it gone"),
        (ValueError("a bug"), "until the end, found: ValueError: a bug"),
    ],
)
def test_watchdog_failure_stops_play(problem: Exception, message: str) -> None:
    """Immediately, even while the model hangs, because the panic key no longer works."""
    game, policy = FakeGame(), ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0]])
    player = PlayThread(game, policy, PlaySettings())
    wait_for(lambda: game.held == {"up"})
    policy.hang_from = policy.seen
    player.keys.lost = problem
    wait_for(lambda: game.held == NO_KEYS)
    policy.go_on.set()
    with pytest.raises(JobFailed, match=message):
        player.end()
    assert game.held == NO_KEYS


def test_game_error_releases_every_key() -> None:
    class Broken(FakeGame):
        def grab(self) -> Frame:
            if len(self.holds) == 1:
                raise JobFailed("Expected a display, found it gone.")
            return super().grab()

    game = Broken()
    with pytest.raises(JobFailed, match="display"):
        play(game, ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0]]), PlaySettings(), Job(), Clock(30))
    assert game.held == NO_KEYS


def test_non_finite_probabilities_end_play() -> None:
    game = FakeGame()
    policy = ScriptedPolicy(ARROWS, [[1.0, 0, 0, 0], [float("nan")] * 4])
    with pytest.raises(ModelError, match="nan"):
        play(game, policy, PlaySettings(), Job(), Clock(30))
    assert game.held == NO_KEYS


def test_invalid_settings_are_rejected_before_a_key_is_pressed() -> None:
    game = FakeGame(keys=("up", "down"))
    with pytest.raises(ModelError, match="presses left, right"):
        play(game, ScriptedPolicy(ARROWS, [[0.0] * 4]), PlaySettings(), Job(), Clock(30))
    game = FakeGame()
    with pytest.raises(SettingError, match="reports when it ends"):
        play(game, ScriptedPolicy(ARROWS, [[0.0] * 4]), PlaySettings(episodes=1), Job(), Clock(30))
    with pytest.raises(SettingError, match="panic key"):
        play(game, ScriptedPolicy(ARROWS, [[0.0] * 4]), PlaySettings(panic_key="Up"), Job(), Clock(30))
    assert game.holds == []


def test_different_rate_than_the_model_is_noted() -> None:
    event_log = EventLog()
    play(
        FakeGame(), ScriptedPolicy(ARROWS, [[0.0] * 4]), PlaySettings(seconds=0.2), Job(event_log), Clock(10)
    )
    assert any(isinstance(event, Note) and "30 decisions" in event.text for event in event_log.events)
