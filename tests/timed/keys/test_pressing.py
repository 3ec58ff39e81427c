"""Keys are pressed by a guard that lets go of them, whatever happens to the player or to itself."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.arena_window import Arena
from support.paths import ROOT
from support.xserver import Observer, XServer, display_environment, observe

from agp_tui.errors import DisplayError, JobFailed, SettingError
from agp_tui.key_names import KEYSYMS
from agp_tui.keys.guard import KeyGuard
from agp_tui.keys.state import NO_KEYS

pytestmark = pytest.mark.display

KEYS = ("up", "left", "space", "shift")
KILLS = 20
RELEASED_WITHIN_SECONDS = 0.1

PLAYER = """
import os, sys, time
from agp_tui.keys.guard import KeyGuard
guard = KeyGuard(None, ("up", "left", "space", "shift"))
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)
    os._exit(0)
print(guard.pid, flush=True)
chords = [{"up"}, {"up", "left"}, {"left", "space"}, {"shift", "up", "left", "space"}]
turn = 0
while True:
    guard.hold(frozenset(chords[turn % 4]))
    turn += 1
    time.sleep(0.002)
"""


@pytest.fixture
def server(x_server: XServer) -> Iterator[Observer]:
    with observe(x_server.name) as observer:
        yield observer


@pytest.fixture
def guard(x_server: XServer) -> Iterator[KeyGuard]:
    made = KeyGuard(x_server.name, KEYS)
    yield made
    made.close()


def start_player(x_server: XServer, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PLAYER, *arguments],
        env=display_environment(x_server.name),
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def read_pid(player: "subprocess.Popen[bytes]") -> int:
    assert player.stdout is not None
    return int(player.stdout.readline())


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """How long it took, in seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "it did not happen"
        time.sleep(0.001)
    return time.monotonic() - start


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def codes(server: Observer, *keys: str) -> frozenset[int]:
    return frozenset(server.keycode(KEYSYMS[key]) for key in keys)


def test_the_window_gets_what_is_held(arena: Arena, guard: KeyGuard) -> None:
    guard.hold(frozenset({"up"}))
    guard.hold(frozenset({"up"}))
    guard.hold(frozenset({"up", "left"}))
    guard.hold(frozenset({"left", "space"}))
    guard.hold(NO_KEYS)
    reports = [(report.key, report.down) for report in arena.wait_for(6)]
    assert reports == [
        ("up", True),
        ("left", True),
        ("up", False),
        ("space", True),
        ("left", False),
        ("space", False),
    ]


def test_hold_comes_back_when_the_server_has_it(server: Observer, guard: KeyGuard) -> None:
    for chord in (("up",), ("up", "left", "shift"), (), ("space",), ()):
        guard.hold(frozenset(chord))
        assert server.down() == codes(server, *chord)
        assert guard.held == set(chord)


def test_close_releases(server: Observer, x_server: XServer) -> None:
    guard = KeyGuard(x_server.name, KEYS)
    guard.hold(frozenset({"up", "space"}))
    guard.close()
    guard.close()
    assert server.down() == frozenset()
    with pytest.raises(JobFailed, match="closed"):
        guard.hold(frozenset({"up"}))


def test_only_allowed_keys_can_be_pressed(server: Observer, guard: KeyGuard) -> None:
    with pytest.raises(SettingError, match="found a"):
        guard.hold(frozenset({"up", "a"}))
    assert server.down() == frozenset()


def test_the_guard_itself_refuses_other_keys(server: Observer, x_server: XServer) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "agp_tui.keys.guard_process", "--display", x_server.name, "up"],
        input=b"up\nup a\n",
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert answer.returncode == 1
    assert answer.stdout.decode().splitlines()[:2] == ["ok", "ok"]
    assert "Expected only up" in answer.stdout.decode()
    assert server.down() == frozenset()


def test_kill_9_of_the_player_releases_everything_within_100_ms(server: Observer, x_server: XServer) -> None:
    moments = random.Random(7)
    slowest = 0.0
    for _ in range(KILLS):
        player = start_player(x_server)
        read_pid(player)
        wait_until(lambda: bool(server.down()))
        time.sleep(moments.uniform(0.0, 0.1))
        player.kill()
        slowest = max(slowest, wait_until(lambda: not server.down()))
        player.wait()
        # Nothing is pressed again afterwards.
        time.sleep(0.02)
        assert server.down() == frozenset()
    assert slowest < RELEASED_WITHIN_SECONDS


def test_a_forked_child_does_not_keep_the_keys_down(server: Observer, x_server: XServer) -> None:
    player = start_player(x_server, "fork")
    read_pid(player)
    wait_until(lambda: bool(server.down()))
    player.kill()
    assert wait_until(lambda: not server.down()) < RELEASED_WITHIN_SECONDS
    player.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_the_guard_cleanly(server: Observer, guard: KeyGuard, number: signal.Signals) -> None:
    guard.hold(frozenset({"up", "left"}))
    os.kill(guard.pid, number)
    wait_until(lambda: not server.down())
    wait_until(lambda: gone(guard.pid))
    with pytest.raises(JobFailed, match="key guard"):
        guard.hold(frozenset({"up", "left"}))
    assert server.down() == frozenset()


def test_kill_9_of_the_guard_is_noticed_and_everything_released(server: Observer, guard: KeyGuard) -> None:
    guard.hold(frozenset({"up", "left"}))
    os.kill(guard.pid, signal.SIGKILL)
    wait_until(lambda: gone(guard.pid))
    assert server.down() == codes(server, "up", "left")
    with pytest.raises(JobFailed, match="All keys it held were released"):
        guard.hold(frozenset({"up", "left"}))
    assert server.down() == frozenset()


def test_close_after_kill_9_of_the_guard_releases(server: Observer, guard: KeyGuard) -> None:
    guard.hold(frozenset({"space"}))
    os.kill(guard.pid, signal.SIGKILL)
    wait_until(lambda: gone(guard.pid))
    guard.close()
    assert server.down() == frozenset()


def test_a_stopped_player_holds_nothing(server: Observer, x_server: XServer) -> None:
    player = start_player(x_server)
    read_pid(player)
    wait_until(lambda: bool(server.down()))
    player.send_signal(signal.SIGSTOP)
    wait_until(lambda: not server.down())
    player.send_signal(signal.SIGCONT)
    wait_until(lambda: bool(server.down()))
    player.kill()
    player.wait()
    wait_until(lambda: not server.down())


def test_ctrl_c_in_the_terminal_is_not_for_the_guard(guard: KeyGuard) -> None:
    assert os.getsid(guard.pid) != os.getsid(0)


def test_the_death_of_the_server_is_a_sentence(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    guard = KeyGuard(server.name, KEYS)
    guard.hold(frozenset({"up"}))
    server.kill()
    with pytest.raises(JobFailed):
        guard.hold(frozenset({"left"}))
    guard.close()
    with pytest.raises(DisplayError, match="found none that answers"):
        KeyGuard(server.name, KEYS)


def test_a_changed_layout_releases_what_went_down(server: Observer, x_server: XServer) -> None:
    guard = KeyGuard(x_server.name, ("a",))
    try:
        guard.hold(frozenset({"a"}))
        american = server.down()
        subprocess.run(["setxkbmap", "fr"], env=display_environment(x_server.name), check=True)
        guard.hold(NO_KEYS)
        assert server.down() == frozenset()
        guard.hold(frozenset({"a"}))
        assert len(server.down()) == 1 and server.down() != american
        guard.hold(NO_KEYS)
    finally:
        guard.close()
        subprocess.run(["setxkbmap", "us"], env=display_environment(x_server.name), check=True)
