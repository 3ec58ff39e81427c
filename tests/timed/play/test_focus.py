"""Tests of the focus monitor: another window takes the focus during play, on a real X server."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from support.arena_window import Arena
from support.fakes import EventLog, ScriptedPolicy
from support.xserver import Observer, XServer, observe

from agp_tui.config import GameSettings, PlaySettings
from agp_tui.engine.clock import Clock
from agp_tui.engine.job import Job
from agp_tui.games.region_tracker import RegionTracker
from agp_tui.games.screen import ScreenGame
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.games.window_focus import WindowFocus
from agp_tui.jobs.play import open_focus_monitor
from agp_tui.key_names import KEYSYMS
from agp_tui.play.player import play
from agp_tui.protocol.commands import Pause, Resume
from agp_tui.protocol.events import Live, Note

pytestmark = pytest.mark.display

KEYS = ("left", "right")
ALWAYS_RIGHT = [[0.0, 1.0]]
FPS = 30


class Session:
    """A policy that always presses right, playing on a thread."""

    def __init__(self, job: Job, event_log: EventLog, observer: Observer) -> None:
        self.job, self.event_log, self.observer = job, event_log, observer
        self._right = observer.keycode(KEYSYMS["right"])

    def pressed(self) -> bool:
        """Whether the X server has the key down."""
        return self._right in self.observer.down()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> float:
        """Wait until `condition()`; returns the seconds waited."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds
            time.sleep(0.002)
        return time.monotonic() - began

    def key_stays(self, pressed: bool, seconds: float = 0.5) -> bool:
        """Whether the key state stays `pressed` for `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.pressed() != pressed:
                return False
            time.sleep(0.005)
        return True

    def notes(self) -> list[str]:
        return [event.text for event in self.event_log.events if isinstance(event, Note)]


@contextmanager
def session(server: XServer, arena: Arena, when_unfocused: str) -> Iterator[Session]:
    game_settings = GameSettings(
        display=server.name, center=arena.center, size=arena.size, keys=KEYS, fps=FPS
    )
    settings = PlaySettings(when_unfocused=when_unfocused, takeover=False)  # type: ignore[arg-type]
    event_log = EventLog()
    job = Job(event_log)
    # Without a window manager, the focus of a closed window moves to the window under the pointer.
    server.xdotool("mousemove", *map(str, arena.center))
    with (
        observe(server.name) as observer,
        closing(ScreenGame("window", game_settings)) as game,
        open_focus_monitor(game, settings) as focus,
    ):
        game.hold(frozenset())
        policy = ScriptedPolicy(KEYS, ALWAYS_RIGHT, fps=FPS)
        player = threading.Thread(
            target=lambda: play(game, policy, settings, job, Clock(FPS), focus=focus), daemon=True
        )
        player.start()
        try:
            yield Session(job, event_log, observer)
        finally:
            job.stop()
            player.join(5)
    assert not player.is_alive()


def test_nothing_is_pressed_while_another_window_has_the_focus(x_server: XServer, arena: Arena) -> None:
    with session(x_server, arena, "pause") as played:
        played.wait_until(played.pressed)
        for _ in range(5):
            with played.observer.focused_window() as presses:
                assert played.wait_until(lambda: not played.pressed()) < 0.5
                presses()
                assert played.key_stays(pressed=False)
                assert presses() == 0, "no key goes to the other window"
            played.wait_until(played.pressed)
        for words in ("does not have the focus", "has the focus again"):
            played.wait_until(lambda words=words: sum(words in note for note in played.notes()) == 5)
        assert any(event.paused for event in played.event_log.events if isinstance(event, Live))


def test_release_mode_waits_for_resume(x_server: XServer, arena: Arena) -> None:
    with session(x_server, arena, "release") as played:
        played.wait_until(played.pressed)
        with played.observer.focused_window():
            played.wait_until(lambda: not played.pressed())
        assert played.key_stays(pressed=False)
        played.job.send(Resume())
        played.wait_until(played.pressed)


@pytest.mark.parametrize("when", ["pause", "release"])
def test_resume_without_focus_waits_for_the_focus(x_server: XServer, arena: Arena, when: str) -> None:
    with session(x_server, arena, when) as played:
        played.wait_until(played.pressed)
        played.job.send(Pause())
        played.wait_until(lambda: not played.pressed())
        with played.observer.focused_window() as presses:
            played.job.send(Resume())
            assert played.key_stays(pressed=False)
            assert presses() == 0
        played.wait_until(played.pressed)


def test_continue_mode_ignores_the_focus(x_server: XServer, arena: Arena) -> None:
    with session(x_server, arena, "continue") as played:
        played.wait_until(played.pressed)
        with played.observer.focused_window():
            assert played.key_stays(pressed=True)


def test_nothing_is_pressed_before_the_game_has_the_focus(x_server: XServer, arena: Arena) -> None:
    with observe(x_server.name) as other, other.focused_window() as presses:
        with session(x_server, arena, "pause") as played:
            assert played.key_stays(pressed=False, seconds=1.0)
        assert presses() == 0


def test_has_focus_for_a_region_without_and_with_a_window(x_server: XServer) -> None:
    with (
        closing(
            WindowFocus(x_server.name, RegionTracker.of_region(None, ScreenRegion(700, 500, 100, 100)))
        ) as focus,
        observe(x_server.name) as other,
    ):
        with other.focused_window():
            assert focus.has_focus(), "without a window, the game may be drawn on the root window"
        window = Arena(x_server, 650, 450, 200)
        try:
            assert focus.has_focus()
            with other.focused_window():
                assert not focus.has_focus()
        finally:
            window.close()
        deadline = time.monotonic() + 5
        while not focus.has_focus():
            assert time.monotonic() < deadline, "after the window closed, the region has the focus again"
            time.sleep(0.05)
