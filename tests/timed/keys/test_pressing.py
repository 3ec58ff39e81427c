"""Tests of KeyGuard: keys are released when the player or the guard ends, for any reason."""

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

PLAYER_SCRIPT = """
import os, sys, time
from agp_tui.keys.guard import KeyGuard
guard = KeyGuard(None, ("up", "left", "space", "shift"))
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)
    os._exit(0)
print(guard.pid, flush=True)
chords = [{"up"}, {"up", "left"}, {"left", "space"}, {"shift", "up", "left", "space"}]
step = 0
while True:
    guard.hold(frozenset(chords[step % 4]))
    step += 1
    time.sleep(0.002)
"""


@pytest.fixture
def server(x_server: XServer) -> Iterator[Observer]:
    with observe(x_server.name) as observer:
        yield observer


@pytest.fixture
def guard(x_server: XServer) -> Iterator[KeyGuard]:
    key_guard = KeyGuard(x_server.name, KEYS)
    yield key_guard
    key_guard.close()


def start_player(x_server: XServer, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PLAYER_SCRIPT, *arguments],
        env=display_environment(x_server.name),
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def read_pid(player: "subprocess.Popen[bytes]") -> int:
    assert player.stdout is not None
    return int(player.stdout.readline())


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """Wait for `condition` and return the seconds waited."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "the condition was not met"
        time.sleep(0.001)
    return time.monotonic() - start


def has_exited(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def codes(server: Observer, *keys: str) -> frozenset[int]:
    return frozenset(server.keycode(KEYSYMS[key]) for key in keys)


def test_window_receives_held_keys(arena: Arena, guard: KeyGuard) -> None:
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


def test_hold_returns_after_the_server_has_the_keys(server: Observer, guard: KeyGuard) -> None:
    for chord in (("up",), ("up", "left", "shift"), (), ("space",), ()):
        guard.hold(frozenset(chord))
        assert server.down() == codes(server, *chord)
        assert guard.held == set(chord)


def test_close_releases_all_keys(server: Observer, x_server: XServer) -> None:
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


def test_guard_process_rejects_other_keys(server: Observer, x_server: XServer) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "agp_tui.keys.guard_process", "--display", x_server.name, "up"],
        input=b"up\nup a\n",
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 1
    assert result.stdout.decode().splitlines()[:2] == ["ok", "ok"]
    assert "Expected only up" in result.stdout.decode()
    assert server.down() == frozenset()


def test_killed_player_releases_all_keys_within_100_ms(server: Observer, x_server: XServer) -> None:
    rng = random.Random(7)
    slowest = 0.0
    for _ in range(KILLS):
        player = start_player(x_server)
        read_pid(player)
        wait_until(lambda: bool(server.down()))
        time.sleep(rng.uniform(0.0, 0.1))
        player.kill()
        slowest = max(slowest, wait_until(lambda: not server.down()))
        player.wait()
        # Nothing is pressed again afterwards.
        time.sleep(0.02)
        assert server.down() == frozenset()
    assert slowest < RELEASED_WITHIN_SECONDS


def test_forked_child_does_not_keep_keys_down(server: Observer, x_server: XServer) -> None:
    player = start_player(x_server, "fork")
    read_pid(player)
    wait_until(lambda: bool(server.down()))
    player.kill()
    assert wait_until(lambda: not server.down()) < RELEASED_WITHIN_SECONDS
    player.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_the_guard_and_releases_its_keys(
    server: Observer, guard: KeyGuard, number: signal.Signals
) -> None:
    guard.hold(frozenset({"up", "left"}))
    os.kill(guard.pid, number)
    wait_until(lambda: not server.down())
    wait_until(lambda: has_exited(guard.pid))
    with pytest.raises(JobFailed, match="key guard"):
        guard.hold(frozenset({"up", "left"}))
    assert server.down() == frozenset()


def test_killed_guard_is_detected_and_keys_are_released(server: Observer, guard: KeyGuard) -> None:
    guard.hold(frozenset({"up", "left"}))
    os.kill(guard.pid, signal.SIGKILL)
    wait_until(lambda: has_exited(guard.pid))
    assert server.down() == codes(server, "up", "left")
    with pytest.raises(JobFailed, match="All keys it held were released"):
        guard.hold(frozenset({"up", "left"}))
    assert server.down() == frozenset()


def test_close_after_a_killed_guard_releases_its_keys(server: Observer, guard: KeyGuard) -> None:
    guard.hold(frozenset({"space"}))
    os.kill(guard.pid, signal.SIGKILL)
    wait_until(lambda: has_exited(guard.pid))
    guard.close()
    assert server.down() == frozenset()


def test_suspended_player_holds_no_key(server: Observer, x_server: XServer) -> None:
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


def test_guard_runs_in_a_separate_session(guard: KeyGuard) -> None:
    assert os.getsid(guard.pid) != os.getsid(0)


def test_lost_server_raises_error(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    guard = KeyGuard(server.name, KEYS)
    guard.hold(frozenset({"up"}))
    server.kill()
    with pytest.raises(JobFailed):
        guard.hold(frozenset({"left"}))
    guard.close()
    with pytest.raises(DisplayError, match="found none that answers"):
        KeyGuard(server.name, KEYS)


def test_keys_are_released_after_a_layout_change(server: Observer, x_server: XServer) -> None:
    guard = KeyGuard(x_server.name, ("a",))
    try:
        guard.hold(frozenset({"a"}))
        us_keycodes = server.down()
        subprocess.run(["setxkbmap", "fr"], env=display_environment(x_server.name), check=True)
        guard.hold(NO_KEYS)
        assert server.down() == frozenset()
        guard.hold(frozenset({"a"}))
        assert len(server.down()) == 1 and server.down() != us_keycodes
        guard.hold(NO_KEYS)
    finally:
        guard.close()
        subprocess.run(["setxkbmap", "us"], env=display_environment(x_server.name), check=True)
