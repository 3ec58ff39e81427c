"""Tests of takeover on a real X server with a real window."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from support.arena_window import Arena, KeyReport
from support.fakes import EventLog, ScriptedPolicy
from support.fault_counts import trial_count
from support.xserver import PhysicalKeyboard, XServer, observe

from agp_tui.config import GameSettings, PlaySettings
from agp_tui.engine.clock import Clock
from agp_tui.engine.job import Job
from agp_tui.games.screen import ScreenGame
from agp_tui.jobs.play import PlayRequest, make_intervention_recorder, open_keyboard
from agp_tui.play.player import play
from agp_tui.protocol.events import Finished, Live, Note
from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display

ARROWS = ("up", "left", "right", "down")
ALWAYS_RIGHT = [[0.0, 0.0, 1.0, 0.0]]
FPS = 30
PERIOD_NS = 1e9 / FPS
TRIALS = trial_count(40, 100)


class Session:
    """A policy that always presses right, playing on a thread, and the keyboard of the human."""

    def __init__(
        self, policy: ScriptedPolicy, event_log: EventLog, arena: Arena, human_keyboard: PhysicalKeyboard
    ) -> None:
        self.policy, self.event_log = policy, event_log
        self.arena, self.human_keyboard = arena, human_keyboard
        self.result: Finished | None = None

    def reports_of(self, key: str, after_ns: int = 0) -> list[KeyReport]:
        return [one for one in self.arena.reports if one.key == key and one.time_ns > after_ns]

    def wait_for(self, key: str, down: bool, after_ns: int = 0, seconds: float = 5.0) -> KeyReport:
        """The first matching key report of the window after `after_ns`."""
        deadline = time.monotonic() + seconds
        while True:
            found = [one for one in self.reports_of(key, after_ns) if one.down == down]
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"{key} did not go {'down' if down else 'up'}"
            time.sleep(0.002)

    def end(self) -> Finished:
        assert self.result is not None
        return self.result


@contextmanager
def play_session(server: XServer, arena: Arena, folder: Path, **settings: object) -> Iterator[Session]:
    game_settings = GameSettings(
        display=server.name, center=arena.center, size=arena.size, keys=ARROWS, fps=FPS
    )
    request = PlayRequest(
        model="scripted", game=None, place=game_settings, settings=PlaySettings(**settings),  # type: ignore[arg-type]
        models=folder, recordings=folder, min_free_mb=0,
    )  # fmt: skip
    event_log = EventLog()
    job = Job(event_log)
    policy = ScriptedPolicy(ARROWS, ALWAYS_RIGHT, fps=FPS)
    with (
        closing(ScreenGame("window", game_settings)) as game,
        open_keyboard(game, request, job) as keyboard,
        observe(server.name) as observer,
        observer.physical_keyboard() as human_keyboard,
    ):
        game.hold(frozenset())
        session = Session(policy, event_log, arena, human_keyboard)

        def run() -> None:
            session.result = play(
                game, policy, request.settings, job, Clock(FPS),
                listener=keyboard, intervention_recorder=make_intervention_recorder(request, game, FPS, job),
            )  # fmt: skip

        player = threading.Thread(target=run)
        player.start()
        try:
            yield session
        finally:
            human_keyboard.release_all()
            job.stop()
            player.join(10)
            assert not player.is_alive()


def test_pressed_key_takes_over_within_one_decision(x_server: XServer, arena: Arena, tmp_path: Path) -> None:
    """In each trial, the policy presses nothing during the takeover and resumes after the idle time."""
    idle = 0.1
    takeover_ns, resume_delay_ns = [], []
    with play_session(x_server, arena, tmp_path, takeover_idle=idle, takeover_before=0.0) as play:
        resumed = play.wait_for("right", down=True)
        for _ in range(TRIALS):
            began_ns = resumed.time_ns
            play.human_keyboard.press("left")
            pressed = play.wait_for("left", down=True, after_ns=began_ns)
            released = play.wait_for("right", down=False, after_ns=began_ns)
            takeover_ns.append(released.time_ns - pressed.time_ns)
            time.sleep(0.04)
            play.human_keyboard.release("left")
            key_up = play.wait_for("left", down=False, after_ns=pressed.time_ns)
            resumed = play.wait_for("right", down=True, after_ns=released.time_ns)
            resume_delay_ns.append(resumed.time_ns - key_up.time_ns)
        time.sleep(0.05)
    assert max(takeover_ns) < PERIOD_NS
    # The policy resumes only after the idle time, within three periods.
    assert min(resume_delay_ns) > (idle - 0.005) * 1e9
    assert np.median(resume_delay_ns) < idle * 1e9 + 3 * PERIOD_NS
    # One press and one release each time the policy has control.
    assert [one.down for one in play.reports_of("right")] == [True, False] * (TRIALS + 1)
    assert [one.down for one in play.reports_of("left")] == [True, False] * TRIALS
    result = play.end()
    assert result.report.takeovers == TRIALS
    assert result.recordings is not None and len(result.recordings) == TRIALS
    for path in result.recordings:
        recording = Recording.open(Path(path))
        assert (recording.meta.source, recording.meta.labels) == ("agent", "human")
        human_edges = [(edge.key, edge.down) for edge in recording.timeline.edges if edge.who == "human"]
        assert human_edges == [("left", True), ("left", False)]


def test_takeover_is_recorded_with_the_frames_before_it(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    """Labels are the keys sent by the human; earlier frames show the policy's play."""
    script = [("left", True), ("up", True), ("left", False), ("down", True), ("up", False), ("down", False)]
    sent: list[tuple[int, str, bool]] = []
    with play_session(x_server, arena, tmp_path, takeover_idle=0.3, takeover_before=0.5) as play:
        play.wait_for("right", down=True)
        time.sleep(1.0)
        for key, down in script:
            sent.append((time.monotonic_ns(), key, down))
            (play.human_keyboard.press if down else play.human_keyboard.release)(key)
            time.sleep(0.2)
        play.wait_for("right", down=True, after_ns=sent[-1][0])
        time.sleep(0.1)
    (path,) = play.end().recordings or []
    recording = Recording.open(Path(path))
    labelled, before_ns = recording.labelled(), recording.timeline.before_ns
    first = int(np.argmax(labelled))
    assert 0.3 < first / FPS < 0.7, "the half second before the takeover is recorded"
    assert labelled[first:-1].all() or not labelled[-1]
    states = recording.labels(0)
    exact = 0
    for number in np.flatnonzero(labelled):
        if min(abs(before_ns[number] - time_ns) for time_ns, *_ in sent) < 10e6:
            continue
        held: set[str] = set()
        for time_ns, key, down in sent:
            if time_ns < before_ns[number]:
                (held.add if down else held.discard)(key)
        assert {key for key, on in zip(ARROWS, states[number], strict=True) if on} == held
        exact += 1
    assert exact > 20
    right = ARROWS.index("right")
    model = recording.timeline.key_states(ARROWS, "agent")[:-1, right]
    assert model[1 : first - 1].all(), "the policy held right until then"
    assert not model[first + 1 : np.flatnonzero(labelled)[-1]].any()


def test_key_held_by_both_stays_down_until_the_human_releases_it(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    with (
        play_session(x_server, arena, tmp_path, takeover_idle=0.4) as play,
        observe(x_server.name) as observer,
    ):
        right = observer.keycode(0xFF53)
        play.wait_for("right", down=True)
        play.human_keyboard.press("right")
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            assert right in observer.down()
            time.sleep(0.005)
        play.human_keyboard.release("right")
        up = play.wait_for("right", down=False)
        resumed = play.wait_for("right", down=True, after_ns=up.time_ns)
        assert resumed.time_ns - up.time_ns > 0.35e9


def test_hand_back_key_returns_control_immediately(x_server: XServer, arena: Arena, tmp_path: Path) -> None:
    with play_session(x_server, arena, tmp_path, takeover_idle=30.0, hand_back_key="f9") as play:
        play.wait_for("right", down=True)
        play.human_keyboard.press("up")
        released = play.wait_for("right", down=False)
        play.human_keyboard.release("up")
        time.sleep(0.3)
        assert play.reports_of("right", released.time_ns) == []
        x_server.xdotool("key", "F9")
        play.wait_for("right", down=True, after_ns=released.time_ns, seconds=1.0)
    notes = [event.text for event in play.event_log.events if isinstance(event, Note)]
    assert notes.count("You drive.") == notes.count("The model drives again.") == 1


def test_live_events_report_the_driver(x_server: XServer, arena: Arena, tmp_path: Path) -> None:
    def drivers() -> list[str | None]:
        return [event.driver for event in play.event_log.events if isinstance(event, Live)]

    with play_session(x_server, arena, tmp_path, takeover_idle=0.5) as play:
        play.wait_for("right", down=True)
        time.sleep(0.3)
        play.human_keyboard.press("left")
        time.sleep(0.5)
        assert drivers()[-1] == "human"
        play.human_keyboard.release("left")
        time.sleep(1.2)
        assert drivers()[-1] == "agent"
    assert drivers()[0] == "agent"


def test_takeover_from_a_remote_desktop(x_server: XServer, arena: Arena, tmp_path: Path) -> None:
    """Both use the same virtual keyboard; edges that the policy did not inject belong to the human."""
    with play_session(x_server, arena, tmp_path, takeover_idle=0.3) as play:
        play.wait_for("right", down=True)
        x_server.xdotool("keydown", "Left")
        released = play.wait_for("right", down=False)
        x_server.xdotool("keyup", "Left")
        play.wait_for("right", down=True, after_ns=released.time_ns)
    result = play.end()
    assert result.report.takeovers == 1


@pytest.mark.parametrize("settings", [{"takeover": False}, {"dry_run": True}])
def test_no_takeover_when_disabled(
    x_server: XServer, arena: Arena, tmp_path: Path, settings: dict[str, bool]
) -> None:
    with play_session(x_server, arena, tmp_path, **settings) as play:
        time.sleep(0.5)
        play.human_keyboard.press("left")
        time.sleep(0.3)
        play.human_keyboard.release("left")
        time.sleep(0.1)
    result = play.end()
    assert not result.report.takeovers
    assert result.recordings is None
    assert [one.down for one in play.reports_of("right")] == ([] if "dry_run" in settings else [True, False])


def test_takeover_during_hung_inference_releases_the_keys(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    with play_session(x_server, arena, tmp_path) as play:
        play.wait_for("right", down=True)
        play.policy.hang_from = play.policy.seen
        time.sleep(0.2)
        play.human_keyboard.press("left")
        play.wait_for("right", down=False, seconds=0.5)
        play.policy.go_on.set()
