"""Games under a host script: their states arrive, their time stops and goes on, and their end is noticed."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agp_tui.errors import JobFailed
from benchmarks.imitation_suite import hosted
from benchmarks.imitation_suite.hosted import HostedGame

COUNTING = """
import itertools, os, sys, time
from state_pipe import StatePipe
pipe = StatePipe(int(sys.argv[1]))
for number in itertools.count(int(sys.argv[2])):
    pipe.write(number=number, display=os.environ["DISPLAY"], arguments=sys.argv[3:])
    time.sleep(0.002)
"""
ENDING = """
import sys
from state_pipe import StatePipe
StatePipe(int(sys.argv[1])).write(number=0, display="", arguments=[])
sys.exit("the track is missing")
"""
FAILING = "raise RuntimeError('no window')"


class Count(msgspec.Struct):
    time: float
    number: int
    display: str
    arguments: list[str]


class CountingGame(HostedGame[Count]):
    """Counts the states that arrive."""

    observed = 0

    def observe(self, state: Count) -> None:
        self.observed += 1


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], CountingGame]]:
    """Starts a game whose host has the given text, in this Python."""
    shutil.copy(hosted.HOSTS / "state_pipe.py", tmp_path)
    monkeypatch.setattr(hosted, "HOSTS", tmp_path)
    monkeypatch.setattr(hosted, "DEBIAN_PYTHON", sys.executable)
    games: list[CountingGame] = []

    def start(text: str) -> CountingGame:
        (tmp_path / "host.py").write_text(text)
        games.append(CountingGame("host.py", Count, ":77", 1000, ["bio"]))
        return games[-1]

    yield start
    for game in games:
        game.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def number(game: CountingGame) -> int:
    state = game.state()
    assert state is not None
    return state.number


def test_states_arrive_in_time(start: Callable[[str], CountingGame]) -> None:
    game = start(COUNTING)
    state = game.state()
    assert state is not None and state.number >= 1000
    assert (state.display, state.arguments) == (":77", ["bio"])
    wait_until(lambda: number(game) > 1100)
    state = game.state()
    assert state is not None and -0.001 < time.monotonic() - state.time < 5
    assert game.observed > 50


def test_frozen_game_stands_still_until_it_resumes(start: Callable[[str], CountingGame]) -> None:
    game = start(COUNTING)
    game.freeze()
    time.sleep(0.1)
    frozen = number(game)
    time.sleep(0.2)
    assert number(game) == frozen
    game.resume()
    wait_until(lambda: number(game) > frozen + 10)


def test_game_that_ends_is_noticed(start: Callable[[str], CountingGame]) -> None:
    with pytest.raises(JobFailed, match="the track is missing"):
        game = start(ENDING)
        wait_until(lambda: game.state() is None)


def test_game_that_does_not_start_is_reported(start: Callable[[str], CountingGame]) -> None:
    with pytest.raises(JobFailed, match="no window"):
        start(FAILING)


def test_closed_game_is_gone(start: Callable[[str], CountingGame]) -> None:
    game = start(COUNTING)
    game.freeze()
    game.close()
    seen = game.observed
    time.sleep(0.05)
    assert game.observed == seen
