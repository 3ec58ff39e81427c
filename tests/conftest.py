"""Real X servers and a real game window for the tests that need them."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.game_window import GameWindow
from support.xserver import XServer, missing_programs


def _need_display() -> None:
    missing = missing_programs()
    if not missing:
        return
    reason = f"needs {' and '.join(missing)} (apt install xvfb xdotool)"
    if os.environ.get("AGP_REQUIRE_DISPLAY") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def x_server() -> Iterator[XServer]:
    """One X server for the whole run, 1024x768."""
    _need_display()
    server = XServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def x_display(x_server: XServer) -> str:
    """The name of the run's display, such as `:7`."""
    return x_server.name


@pytest.fixture
def start_x_server() -> Iterator[Callable[..., XServer]]:
    """Starts X servers that the test may kill; arguments as of `XServer.start`."""
    _need_display()
    servers: list[XServer] = []

    def start(**arguments: Any) -> XServer:
        servers.append(XServer.start(**arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def game_window(x_server: XServer) -> Iterator[GameWindow]:
    """A game window with the focus, its reports empty."""
    window = GameWindow(x_server)
    yield window
    window.close()
