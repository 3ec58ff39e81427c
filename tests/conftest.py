"""Fixtures that several tiers share: X servers, a game window, small models, terminals.

The tiers are folders. `make test` runs unit, process and app side by side, then screen two at a time, then
timed alone; `make test-all` adds nightly.
"""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.arena_window import Arena
from support.bright_model import BrightModel, cached_bright_model
from support.fakes import EventLog
from support.paths import FOREIGN_MODELS
from support.requirements import skip_or_fail
from support.small_models import SmallModels, cached_small_models
from support.ssh_session import SETTINGS
from support.tmux import Terminal, need_tmux
from support.xserver import XServer, missing_programs

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run


def _need_display() -> None:
    missing = missing_programs()
    if missing:
        skip_or_fail(f"needs {' and '.join(missing)} (apt install xvfb xdotool)")


@pytest.fixture(scope="session")
def x_server() -> Iterator[XServer]:
    """One X server for the whole run, 1024x768."""
    _need_display()
    server = XServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def x_display(x_server: XServer) -> str:
    """The name of the shared display, such as `:7`."""
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
    """An X server for one test, 1024x768."""
    return start_x_server()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder in which commands run."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def bright_model(pytestconfig: pytest.Config) -> BrightModel:
    """A model that reacts to the bright half of the picture; read-only."""
    return cached_bright_model(pytestconfig)


@pytest.fixture
def arena(x_server: XServer) -> Iterator[Arena]:
    """A new arena window with the focus."""
    window = Arena(x_server)
    yield window
    window.close()


def pytest_configure() -> None:
    """Restore signals that a run under nohup or `&` inherits as ignored and would pass to child processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def one_torch_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Small networks train faster with one thread, and sums have the same order on every machine.

    Not for timed tests, which measure what a user gets.
    """
    torch = sys.modules.get("torch")
    if torch is None or "timed" in request.path.parts:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def event_log() -> EventLog:
    """A listener that remembers the events of a job."""
    return EventLog()


@pytest.fixture
def job(event_log: EventLog) -> Job:
    """A job whose events go to `event_log`."""
    return Job(event_log)


@pytest.fixture(scope="session")
def small_models(pytestconfig: pytest.Config) -> SmallModels:
    """Small models in several forms; read-only."""
    return cached_small_models(pytestconfig)


@pytest.fixture
def model(small_models: SmallModels, tmp_path: Path) -> Path:
    """A writable copy of a small model's folder."""
    return Path(shutil.copytree(small_models.folder, tmp_path / "small"))


@pytest.fixture
def foreign_models() -> Path:
    """The folder of models made by another toolchain."""
    return FOREIGN_MODELS


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens tmux terminals in a folder with settings; ends terminals and runs afterwards."""
    need_tmux()
    (tmp_path / "config.toml").write_text(SETTINGS)
    terminals: list[Terminal] = []

    def start(size: tuple[int, int], *arguments: str) -> Terminal:
        terminals.append(Terminal(tmp_path, size, *arguments))
        return terminals[-1]

    yield start
    for opened_terminal in terminals:
        opened_terminal.kill()
    for run in Run.all(tmp_path / "runs"):
        if run.alive():
            run.stop()
