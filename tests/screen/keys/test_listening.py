"""Keys sent to a real game window are heard, whoever has the focus or a grab."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support.arena_window import Arena
from support.xserver import XServer, display_environment, observe

from agp_tui.errors import DisplayError, JobFailed
from agp_tui.key_names import KEYSYMS
from agp_tui.keys.listening import KeyListener, listen
from agp_tui.keys.state import KeyEdge
from agp_tui.keys.xinput2 import event_time

pytestmark = pytest.mark.display

KEYS = ("up", "left", "right", "down", "a", "space", "esc")


@pytest.fixture
def listener(x_server: XServer) -> Iterator[KeyListener]:
    made = listen(x_server.name, KEYS)
    yield made
    made.close()


def heard(listener: KeyListener, count: int, seconds: float = 5.0) -> list[KeyEdge]:
    """Edges until there are `count`, and a little longer to see if there are more."""
    edges: list[KeyEdge] = []
    deadline = time.monotonic() + seconds
    while len(edges) < count and time.monotonic() < deadline:
        edges += listener.edges()
        time.sleep(0.005)
    time.sleep(0.1)
    return edges + listener.edges()


def told(edges: list[KeyEdge]) -> list[tuple[str, bool]]:
    return [(edge.key, edge.down) for edge in edges]


def test_what_the_window_gets_is_heard_in_order_and_in_time(
    x_server: XServer, arena: Arena, listener: KeyListener
) -> None:
    x_server.xdotool(
        "keydown", "Up", "keydown", "Left", "sleep", "0.05", "key", "space", "keyup", "Up", "keyup", "Left"
    )
    x_server.xdotool("key", "a", "sleep", "0.03", "key", "Escape")
    reports = arena.wait_for(10)
    edges = heard(listener, 10)
    names = {"escape": "esc"}
    assert told(edges) == [(names.get(report.key, report.key), report.down) for report in reports]
    lags_ms = sorted(
        (report.time_ns - edge.time_ns) / 1e6 for report, edge in zip(reports, edges, strict=True)
    )
    # The window hears a key after the server has it: never before (but for the server's clock of
    # 1 ms), and mostly within its frame.
    assert lags_ms[0] > -1.0
    assert lags_ms[len(lags_ms) // 2] < 20.0


def test_waiting_ends_when_a_key_is_heard(x_server: XServer, listener: KeyListener) -> None:
    for down in (True, False):
        presses = threading.Timer(0.1, x_server.xdotool, ["keydown" if down else "keyup", "a"])
        presses.start()
        began = time.monotonic()
        listener.wait(60.0)
        assert time.monotonic() - began < 30.0
        assert told(listener.edges()) == [("a", down)]
        presses.join()
    listener.wait(0.01)
    assert listener.edges() == []


def test_times_are_those_of_the_key_however_late_they_are_read(
    x_server: XServer, listener: KeyListener
) -> None:
    before_ns = time.monotonic_ns()
    x_server.xdotool("keydown", "a")
    after_ns = time.monotonic_ns()
    x_server.xdotool("sleep", "0.3", "keyup", "a")
    down, up = heard(listener, 2)
    assert before_ns - 1_000_000 <= down.time_ns <= after_ns
    assert (up.time_ns - down.time_ns) / 1e6 >= 295


def test_auto_repeat_is_not_an_edge(x_server: XServer, listener: KeyListener) -> None:
    with observe(x_server.name) as server, server.focused_window() as presses:
        x_server.xdotool("keydown", "a", "sleep", "1", "keyup", "a")
        edges = heard(listener, 2)
        assert presses() > 5, "the server did not repeat the key"
    assert told(edges) == [("a", True), ("a", False)]
    assert 0.9 < (edges[1].time_ns - edges[0].time_ns) / 1e9 < 2.0


def test_a_key_held_before_listening_counts_as_held(x_server: XServer) -> None:
    x_server.xdotool("keydown", "Right")
    listener = listen(x_server.name, KEYS)
    try:
        assert listener.held() == {"right"}
        assert listener.edges() == []
        x_server.xdotool("keyup", "Right")
        assert told(heard(listener, 1)) == [("right", False)]
        assert listener.held() == frozenset()
    finally:
        listener.close()


def test_only_the_asked_keys_are_heard(x_server: XServer) -> None:
    listener = listen(x_server.name, ("left",))
    try:
        x_server.xdotool("key", "a", "key", "Left", "key", "b")
        assert told(heard(listener, 2)) == [("left", True), ("left", False)]
    finally:
        listener.close()


def test_a_grab_of_another_program_does_not_deafen(x_server: XServer, listener: KeyListener) -> None:
    from Xlib import X, display

    other = display.Display(x_server.name)
    try:
        reply = other.screen().root.grab_keyboard(True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime)
        assert reply == X.GrabSuccess
        x_server.xdotool("key", "a")
        assert told(heard(listener, 2)) == [("a", True), ("a", False)]
    finally:
        other.close()


def test_a_virtual_keyboard_can_be_told_apart(x_server: XServer) -> None:
    agent = listen(x_server.name, ("a",), virtual="agent")
    deaf = listen(x_server.name, ("a",), virtual=None)
    try:
        x_server.xdotool("key", "a")
        assert [edge.who for edge in heard(agent, 2)] == ["agent", "agent"]
        assert deaf.edges() == []
    finally:
        agent.close()
        deaf.close()


def test_a_new_layout_is_followed(x_server: XServer, listener: KeyListener) -> None:
    with observe(x_server.name) as server:
        q_code = server.keycode(KEYSYMS["q"])
    try:
        subprocess.run(["setxkbmap", "fr"], env=display_environment(x_server.name), check=True)
        time.sleep(0.2)
        # On a French keyboard `a` is where `q` is on an American one.
        x_server.xdotool("key", str(q_code))
        assert told(heard(listener, 2)) == [("a", True), ("a", False)]
        digits = listen(x_server.name, ("1",))
        x_server.xdotool("key", "10")
        assert told(heard(digits, 2)) == [("1", True), ("1", False)]
        digits.close()
    finally:
        subprocess.run(["setxkbmap", "us"], env=display_environment(x_server.name), check=True)


def test_every_key_we_name_is_on_a_plain_keyboard(x_server: XServer) -> None:
    listener = listen(x_server.name, tuple(KEYSYMS))
    try:
        x_server.xdotool("key", "F12", "key", "semicolon", "key", "Next")
        names = [key for key, down in told(heard(listener, 6)) if down]
        assert names == ["f12", "semicolon", "page_down"]
    finally:
        listener.close()


def test_the_death_of_the_server_is_a_sentence(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    listener = listen(server.name, KEYS)
    server.kill()
    with pytest.raises(JobFailed, match="is gone"):
        heard(listener, 1, seconds=2.0)
    listener.close()
    with pytest.raises(DisplayError, match="found none that answers"):
        listen(server.name, KEYS)


def test_closing_ends_the_thread(x_server: XServer) -> None:
    before = set(threading.enumerate())
    listener = listen(x_server.name, KEYS)
    assert len(set(threading.enumerate()) - before) == 1
    listener.close()
    listener.close()
    assert set(threading.enumerate()) <= before


def test_a_bad_display_name_is_a_sentence() -> None:
    with pytest.raises(DisplayError):
        listen("no display", KEYS)


def test_the_time_of_an_event() -> None:
    now_ns = 5_000_000_000_000
    now_ms = now_ns // 1_000_000
    assert event_time(now_ms - 3, now_ns) == now_ns - 2_500_000
    assert event_time(now_ms, now_ns) == now_ns
    # Another clock: the arrival has to do.
    assert event_time(now_ms - 60_000, now_ns) == now_ns
    assert event_time(now_ms + 60_000, now_ns) == now_ns
    # The server's 32 bits have run over.
    late_ns = (2**32 + 1) * 1_000_000
    assert event_time(2**32 - 1, late_ns) == late_ns - 1_500_000
