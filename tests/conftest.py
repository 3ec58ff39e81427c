"""Real X servers and a real game window for the tests that need them."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.arena_window import Arena
from support.bright_model import BrightModel, bright_model
from support.needs import lacking
from support.xserver import XServer, missing_programs


def _need_display() -> None:
    missing = missing_programs()
    if missing:
        lacking(f"needs {' and '.join(missing)} (apt install xvfb xdotool)")


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
def server(start_x_server: Callable[..., XServer]) -> XServer:
    """An X server of the test's own, 1024x768."""
    return start_x_server()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where commands run: nothing is there yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def bright(pytestconfig: pytest.Config) -> BrightModel:
    """A model that looks for the bright half of the picture; not to be written to."""
    return bright_model(pytestconfig)


@pytest.fixture
def arena(x_server: XServer) -> Iterator[Arena]:
    """A game window that has the focus and shows the keys it knows, its reports empty."""
    window = Arena(x_server)
    yield window
    window.close()


def pytest_configure() -> None:
    """Under nohup, or behind `&`, a run inherits signals that are ignored, and would hand that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


ALONE = (
    "autoplay/test_bench.py",
    "autoplay/test_focus_on_screen.py",
    "autoplay/test_player.py",
    "autoplay/test_takeover_on_screen.py",
    "benchmarks/test_benchmarks.py",
    "engine/test_clock.py",
    "faults/test_hung_model.py",
    "imitation/test_bench.py",
    "keys/test_pressing.py",
    "test_import_hygiene.py",
    "ui/benchmarks/",
    "ui/widgets/test_preview.py",
)
"""What is timed, or must be there in time each time: nothing else runs beside these tests."""


REAL_TIME = (
    "endtoend/test_learn_screen.py",
    "faults/test_kill.py",
    "endtoend/test_play_in_terminal.py",
    "endtoend/test_screen_play.py",
    "endtoend/test_screen_record.py",
    "autoplay/test_player_on_screen.py",
    "faults/test_killed_writer.py",
    "games/test_screen.py",
    "keys/test_listening.py",
    "keys/test_pynput.py",
    "recording/test_recorder_live.py",
)
"""What plays or listens in real time, at a keyboard of its own. It mostly waits: two run side by side."""


LONGEST = (
    "jobs/test_demo.py",
    "endtoend/test_app_in_terminal.py",
    "endtoend/test_app_in_large_terminal.py",
    "imitation/test_export.py",
    "ui/screens/",
)
"""Begun first and in this order, so that none of them is left over for one process at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is to run alone or with little beside it; the longest of the others begin first."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> str:
        return item.path.relative_to(here).as_posix()

    for item in items:
        if place(item).startswith(ALONE):
            item.add_marker(pytest.mark.alone)
        if place(item).startswith(REAL_TIME):
            item.add_marker(pytest.mark.real_time)
    items.sort(key=lambda item: [not place(item).startswith(longest) for longest in LONGEST])
