"""Tests of display discovery: order of the candidates, access keys, rejected displays."""

import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from support.xserver import XServer

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError
from agp_tui.games import display_discovery
from agp_tui.games.display_discovery import Desktop, candidates, find_display

NOWHERE = ":987"
COOKIE = bytes(range(16))


def number(server: XServer) -> int:
    return int(server.name[1:])


def write_authority(path: Path, display: int, cookie: bytes) -> None:
    """Write an authority file in the format of `xauth`."""
    fields = (os.uname().nodename.encode(), str(display).encode(), b"MIT-MAGIC-COOKIE-1", cookie)
    path.write_bytes(
        struct.pack(">H", 256) + b"".join(struct.pack(">H", len(part)) + part for part in fields)
    )


@pytest.mark.display
def test_display_of_the_settings_comes_first(x_server: XServer) -> None:
    found = find_display(GameSettings(display=x_server.name), Desktop({"DISPLAY": NOWHERE}))
    assert (found.name, found.source, found.size) == (x_server.name, "the settings", (1024, 768))


@pytest.mark.display
def test_display_variable_comes_second(x_server: XServer) -> None:
    found = find_display(GameSettings(), Desktop({"DISPLAY": x_server.name}, servers=(987,)))
    assert (found.name, found.source) == (x_server.name, "$DISPLAY")


@pytest.mark.display
def test_sessions_and_local_servers_come_third(x_server: XServer) -> None:
    desktop = Desktop({}, sessions=((NOWHERE, None),), servers=(number(x_server), 987))
    found = candidates(GameSettings(), desktop)
    assert [(one.name, one.usable) for one in found] == [(NOWHERE, False), (x_server.name, True)]
    assert find_display(GameSettings(), desktop).name == x_server.name
    assert "no X server listens there" in found[0].reason


@pytest.mark.display
def test_local_server_is_found_without_the_display_variable(
    x_server: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    found = candidates(GameSettings())
    assert [one.usable for one in found if one.name == x_server.name] == [True]


@pytest.mark.display
def test_authority_file_of_the_session_is_used(
    start_x_server: Callable[..., XServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "Xauthority"
    write_authority(authority, 0, COOKIE)
    server = start_x_server(authority=authority)
    write_authority(authority, number(server), COOKIE)
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
    locked = candidates(GameSettings(), Desktop({}, servers=(number(server),)))
    assert not locked[0].usable and "uthoriz" in locked[0].reason
    wrong = tmp_path / "wrong"
    write_authority(wrong, number(server), bytes(16))
    for desktop in (
        Desktop({}, sessions=((server.name, str(authority)),)),
        Desktop({}, servers=(number(server),), authorities=(str(wrong), str(authority))),
    ):
        found = find_display(GameSettings(), desktop)
        assert (found.usable, found.authority) == (True, str(authority))
    found.enter()
    assert os.environ["XAUTHORITY"] == str(authority)


@pytest.mark.parametrize("name", ["localhost:10.0", "127.0.0.1:12", "elsewhere:0"])
def test_display_of_another_machine_is_rejected(name: str) -> None:
    for settings, desktop in (
        (GameSettings(display=name), Desktop({})),
        (GameSettings(), Desktop({"DISPLAY": name})),
    ):
        with pytest.raises(DisplayError, match="not this one; --allow-forwarded-display"):
            find_display(settings, desktop)


def test_forwarded_display_can_be_allowed() -> None:
    [forced] = candidates(GameSettings(display="localhost:98", allow_forwarded_display=True), Desktop({}))
    assert "no X server listens there" in forced.reason


def test_wayland_desktop_is_named_in_the_error() -> None:
    desktop = Desktop({"DISPLAY": ":0"}, servers=(0,), rootless=frozenset({0}))
    with pytest.raises(DisplayError, match=r"Wayland session.*Xorg session"):
        find_display(GameSettings(), desktop)


def test_missing_display_raises_error() -> None:
    with pytest.raises(DisplayError, match=r"no display was found.*--display"):
        find_display(GameSettings(), Desktop({}))


def test_invalid_display_name_raises_error() -> None:
    with pytest.raises(DisplayError, match="expected a name such as :0"):
        find_display(GameSettings(display="the big screen"), Desktop({}))


@pytest.mark.display
def test_hung_server_times_out(
    start_x_server: Callable[..., XServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display_discovery, "PROBE_SECONDS", 1.0)
    server = start_x_server()
    server.process.send_signal(signal.SIGSTOP)
    with pytest.raises(DisplayError, match="did not answer within 1 seconds"):
        find_display(GameSettings(display=server.name), Desktop({}))


def test_sessions_servers_and_rootless_displays_are_found(tmp_path: Path) -> None:
    local, remote = tmp_path / "101", tmp_path / "102"
    for process, environ in (
        (local, b"DISPLAY=:7\0XAUTHORITY=/run/key\0"),
        (remote, b"DISPLAY=localhost:10.0\0"),
    ):
        process.mkdir()
        (process / "environ").write_bytes(environ)
        (process / "cmdline").write_bytes(b"game\0")
    (remote / "cmdline").write_bytes(b"/usr/bin/Xwayland\0:3\0-rootless\0-core\0")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "unix").write_text("0: 2 0 1 1 9 @/tmp/.X11-unix/X4\n")
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    (sockets / "X2").touch()
    (sockets / "X2.lock").touch()
    assert display_discovery._sessions(tmp_path) == ((":7", "/run/key"),)
    assert display_discovery._servers(sockets, tmp_path) == (2, 4)
    assert display_discovery._rootless(tmp_path) == {3}
