"""The games in a browser: real Chromium, real packages, real keys."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.requirements import skip_or_fail
from support.xserver import XServer

from agp_tui.errors import JobFailed, MissingPart
from benchmarks.command_runner import CommandRunner
from benchmarks.imitation_suite.base import XGame
from benchmarks.imitation_suite.brickout import Brickout
from benchmarks.imitation_suite.browser import BrowserGame, PageState
from benchmarks.imitation_suite.trex import Trex
from benchmarks.imitation_suite.x_session import open_x_session

pytestmark = [pytest.mark.display, pytest.mark.debian_game]


@pytest.fixture(params=[Trex(), Brickout()], ids=lambda game: game.name)
def game(request: pytest.FixtureRequest) -> XGame:
    try:
        request.param.require()
    except MissingPart as error:
        skip_or_fail(str(error), "AGP_REQUIRE_GAMES")
    return request.param


def running_in(folder: str) -> list[int]:
    """The processes whose command line names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def observed(running: BrowserGame[PageState], seconds: float) -> Iterator[PageState]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = running.state()
        assert state is not None
        yield state
        time.sleep(0.02)


def test_browser_reports_states_stands_still_when_frozen_and_leaves_nothing(
    game: XGame, server: XServer
) -> None:
    with closing(game.start(server.name, seed=5)) as running:
        assert isinstance(running, BrowserGame)
        folder = running.folder
        assert len({state.time for state in observed(running, 1.0)}) > 10
        running.freeze()
        time.sleep(0.2)
        assert len({state.time for state in observed(running, 0.5)}) == 1
        running.resume()
        assert len({state.time for state in observed(running, 1.0)}) > 10
        assert running_in(folder)
    assert not running_in(folder)
    assert not Path(folder).exists()


def test_browser_that_ended_is_reported(game: XGame, server: XServer) -> None:
    with closing(game.start(server.name, seed=5)) as running:
        assert isinstance(running, BrowserGame)
        for process in running_in(running.folder):
            os.kill(process, 9)
        with pytest.raises(JobFailed, match="Expected the browser to go on"):
            list(observed(running, 10.0))


def test_demonstrator_with_real_keys_beats_no_keys(game: XGame, tmp_path: Path) -> None:
    with open_x_session(game, CommandRunner(tmp_path)) as session:
        demonstrator, constant = (
            session.drive(player, 30.0, seed=1) for player in ("demonstrator", "constant")
        )
    assert demonstrator is not None and constant is not None
    assert demonstrator > constant + 3
