"""Tests of nudges on a real X server: a window with the focus, a physical keyboard and the key guard."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.arena_window import Arena, KeyReport
from support.commands import agp, running_command
from support.fakes import EventLog
from support.xserver import PhysicalKeyboard, XServer, observe

from agp_tui.config import GameSettings, RecordSettings
from agp_tui.engine.job import Job
from agp_tui.jobs.record import RecordRequest, run_record
from agp_tui.protocol.events import Finished, Live, Note
from agp_tui.recording.quality_stats import recording_stats
from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display

KEYS = ("left", "right")


@dataclass
class Session:
    """A recording with nudges of `left` on a thread, and the keyboard of the person."""

    server: XServer
    arena: Arena
    person: PhysicalKeyboard
    job: Job
    event_log: EventLog
    finished: Finished | None = None

    def wait_for(self, key: str, down: bool, after_ns: int = 0, seconds: float = 8.0) -> KeyReport:
        """The first matching key report of the window after `after_ns`."""
        deadline = time.monotonic() + seconds
        while True:
            for one in list(self.arena.reports):
                if (one.key, one.down) == (key, down) and one.time_ns > after_ns:
                    return one
            assert time.monotonic() < deadline, f"{key} did not go {'down' if down else 'up'}"
            time.sleep(0.002)

    def recording(self) -> Recording:
        assert self.finished is not None and self.finished.recording is not None
        return Recording.open(Path(self.finished.recording))

    def notes(self) -> list[str]:
        return [event.text for event in self.event_log.events if isinstance(event, Note)]


@contextmanager
def recording_session(
    server: XServer, arena: Arena, folder: Path, *, nudge_seconds: float = 0.2, nudge_every: float = 0.5
) -> Iterator[Session]:
    place = GameSettings(display=server.name, center=arena.center, size=arena.size, keys=KEYS, fps=30)
    settings = RecordSettings(
        nudge=True, nudge_every=nudge_every, nudge_seconds=nudge_seconds, nudge_keys=("left",), min_free_mb=0
    )
    request = RecordRequest(
        game="window", place=place, settings=settings, recordings=folder, models=folder, runs=folder
    )
    event_log = EventLog()
    with observe(server.name) as observer, observer.physical_keyboard() as person:
        arena.reports.clear()
        session = Session(server, arena, person, Job(event_log), event_log)

        def run() -> None:
            session.finished = run_record(request, session.job)

        recorder = threading.Thread(target=run)
        recorder.start()
        try:
            yield session
        finally:
            session.job.stop()
            recorder.join(10)
            person.release_all()
            assert not recorder.is_alive()


def test_nudges_reach_the_game_but_only_the_persons_keys_are_labels(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    with recording_session(x_server, arena, tmp_path) as session:
        session.wait_for("left", down=True)
        session.person.press("right")
        second = session.wait_for("left", down=True, after_ns=session.wait_for("right", down=True).time_ns)
        up = session.wait_for("left", down=False, after_ns=second.time_ns)
        assert 0.15e9 < up.time_ns - second.time_ns < 0.4e9
        session.person.release("right")
        session.wait_for("right", down=False)
    recording = session.recording()
    by = {who: [e for e in recording.timeline.edges if e.who == who] for who in ("human", "nudge")}
    assert [(edge.key, edge.down) for edge in by["human"]] == [("right", True), ("right", False)]
    left = [one for one in arena.reports if one.key == "left"]
    # The window and the timeline have the same nudges at the same times, except one that the end cut off.
    assert [edge.down for edge in by["nudge"]][: len(left)] == [one.down for one in left]
    assert all(abs(edge.time_ns - one.time_ns) < 50e6 for edge, one in zip(by["nudge"], left, strict=False))
    assert not recording.labels(1)[:, KEYS.index("left")].any()
    assert recording_stats(recording).nudges == sum(edge.down for edge in by["nudge"]) >= 2
    shown = [event.nudge for event in session.event_log.events if isinstance(event, Live)]
    assert ["left"] in shown and [] in shown
    assert any(text.startswith("Nudges are on") for text in session.notes())


def test_key_of_both_stays_down_until_the_person_releases_it(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    """Nor does the person's key get a nudge while it is held."""
    with recording_session(x_server, arena, tmp_path, nudge_seconds=0.3) as session:
        first = session.wait_for("left", down=True)
        session.person.press("left")
        time.sleep(1.5)
        assert [one for one in arena.reports if one.key == "left" and one.time_ns > first.time_ns] == []
        session.person.release("left")
        up = session.wait_for("left", down=False)
        again = session.wait_for("left", down=True, after_ns=up.time_ns)
        session.wait_for("left", down=False, after_ns=again.time_ns)
    recording = session.recording()
    human = [edge for edge in recording.timeline.edges if edge.who == "human"]
    assert [(edge.key, edge.down) for edge in human] == [("left", True), ("left", False)]
    assert human[1].time_ns - human[0].time_ns > 1.4e9
    stats = recording_stats(recording)
    assert stats.nudge_seconds < 0.45 * stats.nudges, "the time in which the person holds it does not count"


def test_nothing_is_pressed_without_the_focus(x_server: XServer, arena: Arena, tmp_path: Path) -> None:
    with (
        recording_session(x_server, arena, tmp_path, nudge_seconds=5.0) as session,
        observe(x_server.name) as other,
    ):
        session.wait_for("left", down=True)
        code = other.keycode(0xFF51)
        with other.focused_window() as presses:
            deadline = time.monotonic() + 2.0
            while code in other.down() and time.monotonic() < deadline:
                time.sleep(0.002)
            assert code not in other.down()
            presses()
            time.sleep(1.5)
            assert presses() == 0 and code not in other.down()
        x_server.xdotool("mousemove", *map(str, arena.center))
        session.wait_for("left", down=True, after_ns=time.monotonic_ns())
    text = "\n".join(session.notes())
    assert "does not have the focus: no nudges" in text and "has the focus: nudges go on" in text
    with observe(x_server.name) as other:
        assert code not in other.down(), "the end releases a nudge"


def test_killed_recording_releases_its_nudge(x_server: XServer, arena: Arena, home: Path) -> None:
    arena.reports.clear()
    words = ("record", "--game", "window", *arena.place, "--keys", "left,right", "--nudge")
    words += ("--nudge-every", "0.5", "--nudge-seconds", "5")
    with (
        running_command(*words, home=home, display=x_server.name) as command,
        observe(x_server.name) as other,
    ):
        command.wait_for(lambda event: event["type"] == "live" and bool(event.get("nudge")))
        assert other.down()
        command.send(signal.SIGKILL)
        deadline = time.monotonic() + 2.0
        while other.down() and time.monotonic() < deadline:
            time.sleep(0.002)
        assert not other.down()
    (path,) = home.glob("recordings/window/*")
    assert [edge.who for edge in Recording.open(path).timeline.edges] == ["nudge"]


def test_nudge_on_a_display_without_a_window_to_have_the_focus(server: XServer, home: Path) -> None:
    words = ("record", "--game", "window", "--region", "0,0,64,64", "--nudge", "--seconds", "1")
    result = agp(*words, home=home, display=server.name)
    assert result.code == 2
    failed = result.only_event("failed")
    assert "window in its region for --nudge" in failed["error"] and failed["setting"] == "nudge"
    assert not list(home.glob("recordings/*/*"))


def test_listener_tells_own_keys_from_a_remote_desktop(x_server: XServer) -> None:
    """Both press the same virtual keyboard."""
    from agp_tui.keys.state import OwnKeys
    from agp_tui.keys.virtual_keyboard import XTestKeyboard
    from agp_tui.keys.xinput2 import X11Listener

    own, keyboard = OwnKeys("nudge"), XTestKeyboard(x_server.name, ("left",))
    with closing(X11Listener(x_server.name, ("left",), "human", own)) as listener:

        def hold(down: bool) -> None:
            own.wanted = frozenset({"left"}) if down else frozenset()
            (keyboard.press if down else keyboard.release)("left")
            keyboard.flush()

        x_server.xdotool("key", "Left")
        hold(True)
        x_server.xdotool("keydown", "Left")
        x_server.xdotool("keyup", "Left")
        hold(False)
        hold(True)
        x_server.xdotool("keydown", "Left")
        hold(False)
        assert listener.down("human") == {"left"} or not time.sleep(0.1)
        x_server.xdotool("keyup", "Left")
        edges = []
        deadline = time.monotonic() + 2.0
        while len(edges) < 10 and time.monotonic() < deadline:
            listener.wait(0.05)
            edges += listener.edges()
    person, nudge = ("human", True), ("nudge", True)
    assert [(edge.who, edge.down) for edge in edges] == [
        person, ("human", False),
        nudge, person, ("human", False), ("nudge", False),
        nudge, person, ("nudge", False), ("human", False),
    ]  # fmt: skip
