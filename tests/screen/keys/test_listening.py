"""Tests of key listeners on a real X server: edges, times, grabs, layouts."""

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
    key_listener = listen(x_server.name, KEYS)
    yield key_listener
    key_listener.close()


def read_edges(listener: KeyListener, count: int, seconds: float = 5.0) -> list[KeyEdge]:
    """Wait for `count` edges, then 0.1 s for unexpected ones; returns all."""
    edges: list[KeyEdge] = []
    deadline = time.monotonic() + seconds
    while len(edges) < count and time.monotonic() < deadline:
        edges += listener.edges()
        time.sleep(0.005)
    time.sleep(0.1)
    return edges + listener.edges()


def key_changes(edges: list[KeyEdge]) -> list[tuple[str, bool]]:
    return [(edge.key, edge.down) for edge in edges]


def test_edges_equal_the_key_events_of_the_window(
    x_server: XServer, arena: Arena, listener: KeyListener
) -> None:
    x_server.xdotool(
        "keydown", "Up", "keydown", "Left", "sleep", "0.05", "key", "space", "keyup", "Up", "keyup", "Left"
    )
    x_server.xdotool("key", "a", "sleep", "0.03", "key", "Escape")
    reports = arena.wait_for(10)
    edges = read_edges(listener, 10)
    names = {"escape": "esc"}
    assert key_changes(edges) == [(names.get(report.key, report.key), report.down) for report in reports]
    lags_ms = sorted(
        (report.time_ns - edge.time_ns) / 1e6 for report, edge in zip(reports, edges, strict=True)
    )
    # The window receives a key after the server, except for the server's resolution of 1 ms, and
    # mostly within one frame.
    assert lags_ms[0] > -1.0
    assert lags_ms[len(lags_ms) // 2] < 20.0


def test_wait_returns_on_a_key_event(x_server: XServer, listener: KeyListener) -> None:
    for down in (True, False):
        presses = threading.Timer(0.1, x_server.xdotool, ["keydown" if down else "keyup", "a"])
        presses.start()
        began = time.monotonic()
        listener.wait(60.0)
        assert time.monotonic() - began < 30.0
        assert key_changes(listener.edges()) == [("a", down)]
        presses.join()
    listener.wait(0.01)
    assert listener.edges() == []


def test_edge_times_do_not_depend_on_the_time_of_reading(x_server: XServer, listener: KeyListener) -> None:
    before_ns = time.monotonic_ns()
    x_server.xdotool("keydown", "a")
    after_ns = time.monotonic_ns()
    x_server.xdotool("sleep", "0.3", "keyup", "a")
    down, up = read_edges(listener, 2)
    assert before_ns - 1_000_000 <= down.time_ns <= after_ns
    assert (up.time_ns - down.time_ns) / 1e6 >= 295


def test_auto_repeat_is_not_an_edge(x_server: XServer, listener: KeyListener) -> None:
    with observe(x_server.name) as server, server.focused_window() as presses:
        x_server.xdotool("keydown", "a", "sleep", "1", "keyup", "a")
        edges = read_edges(listener, 2)
        assert presses() > 5, "the server did not repeat the key"
    assert key_changes(edges) == [("a", True), ("a", False)]
    assert 0.9 < (edges[1].time_ns - edges[0].time_ns) / 1e9 < 2.0


def test_key_pressed_before_the_start_is_held(x_server: XServer) -> None:
    x_server.xdotool("keydown", "Right")
    listener = listen(x_server.name, KEYS)
    try:
        assert listener.held() == {"right"}
        assert listener.edges() == []
        x_server.xdotool("keyup", "Right")
        assert key_changes(read_edges(listener, 1)) == [("right", False)]
        assert listener.held() == frozenset()
    finally:
        listener.close()


def test_only_requested_keys_are_reported(x_server: XServer) -> None:
    listener = listen(x_server.name, ("left",))
    try:
        x_server.xdotool("key", "a", "key", "Left", "key", "b")
        assert key_changes(read_edges(listener, 2)) == [("left", True), ("left", False)]
    finally:
        listener.close()


def test_keyboard_grab_of_another_program_does_not_block_events(
    x_server: XServer, listener: KeyListener
) -> None:
    from Xlib import X, display

    other_client = display.Display(x_server.name)
    try:
        reply = other_client.screen().root.grab_keyboard(
            True, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime
        )
        assert reply == X.GrabSuccess
        x_server.xdotool("key", "a")
        assert key_changes(read_edges(listener, 2)) == [("a", True), ("a", False)]
    finally:
        other_client.close()


def test_events_of_a_virtual_keyboard_are_labelled_or_ignored(x_server: XServer) -> None:
    agent = listen(x_server.name, ("a",), virtual="agent")
    ignoring = listen(x_server.name, ("a",), virtual=None)
    try:
        x_server.xdotool("key", "a")
        assert [edge.who for edge in read_edges(agent, 2)] == ["agent", "agent"]
        assert ignoring.edges() == []
    finally:
        agent.close()
        ignoring.close()


def test_layout_change_is_followed(x_server: XServer, listener: KeyListener) -> None:
    with observe(x_server.name) as server:
        q_code = server.keycode(KEYSYMS["q"])
    try:
        subprocess.run(["setxkbmap", "fr"], env=display_environment(x_server.name), check=True)
        time.sleep(0.2)
        # On a French keyboard, `a` has the position of `q` on a US keyboard.
        x_server.xdotool("key", str(q_code))
        assert key_changes(read_edges(listener, 2)) == [("a", True), ("a", False)]
        digits = listen(x_server.name, ("1",))
        x_server.xdotool("key", "10")
        assert key_changes(read_edges(digits, 2)) == [("1", True), ("1", False)]
        digits.close()
    finally:
        subprocess.run(["setxkbmap", "us"], env=display_environment(x_server.name), check=True)


def test_listener_accepts_every_key_name(x_server: XServer) -> None:
    listener = listen(x_server.name, tuple(KEYSYMS))
    try:
        x_server.xdotool("key", "F12", "key", "semicolon", "key", "Next")
        names = [key for key, down in key_changes(read_edges(listener, 6)) if down]
        assert names == ["f12", "semicolon", "page_down"]
    finally:
        listener.close()


def test_lost_server_raises_error(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    listener = listen(server.name, KEYS)
    server.kill()
    with pytest.raises(JobFailed, match="is gone"):
        read_edges(listener, 1, seconds=2.0)
    listener.close()
    with pytest.raises(DisplayError, match="found none that answers"):
        listen(server.name, KEYS)


def test_close_ends_the_thread(x_server: XServer) -> None:
    before = set(threading.enumerate())
    listener = listen(x_server.name, KEYS)
    assert len(set(threading.enumerate()) - before) == 1
    listener.close()
    listener.close()
    assert set(threading.enumerate()) <= before


def test_invalid_display_name_raises_error() -> None:
    with pytest.raises(DisplayError):
        listen("no display", KEYS)


def test_event_time_converts_server_time() -> None:
    now_ns = 5_000_000_000_000
    now_ms = now_ns // 1_000_000
    assert event_time(now_ms - 3, now_ns) == now_ns - 2_500_000
    assert event_time(now_ms, now_ns) == now_ns
    # Unrelated clock: falls back to the time of arrival.
    assert event_time(now_ms - 60_000, now_ns) == now_ns
    assert event_time(now_ms + 60_000, now_ns) == now_ns
    # The 32-bit server time has wrapped around.
    late_ns = (2**32 + 1) * 1_000_000
    assert event_time(2**32 - 1, late_ns) == late_ns - 1_500_000
