"""Hosts of the imitation suite on a real X server: the games start, report states and obey keys."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from support.requirements import skip_or_fail
from support.xserver import XServer

from agp_tui.errors import MissingPart
from agp_tui.keys.virtual_keyboard import XTestKeyboard
from benchmarks.imitation_suite.suite import GAMES
from benchmarks.imitation_suite.x_session import focus_window

pytestmark = [pytest.mark.display, pytest.mark.debian_game]
SECONDS = 60.0


class Played:
    """A game of the suite and a keyboard for it."""

    def __init__(self, name: str, display: str, seed: int) -> None:
        game: Any = GAMES[name]
        try:
            game.require()
        except MissingPart as error:
            skip_or_fail(str(error), "AGP_REQUIRE_GAMES")
        self.running = game.start(display, seed)
        focus_window(display, game.width // 2, game.height // 2)
        self._keyboard = XTestKeyboard(display, (*game.keys, "esc"))

    def close(self) -> None:
        self.running.close()

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        self._keyboard.press(key)
        self._keyboard.flush()
        yield
        self._keyboard.release(key)
        self._keyboard.flush()

    def wait_for(self, condition: Callable[[Any], bool]) -> Any:
        """The first state for which it holds."""
        deadline = time.monotonic() + SECONDS
        while not condition(state := self.running.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.005)
        return state


def test_car_obeys_keys_and_its_way_counts(server: XServer) -> None:
    with closing(Played("carracing", server.name, seed=1)) as played:
        start = played.running.state()
        assert abs(start.speed) < 1 and played.running.score() == 0
        with played.holding("up"):
            fast = played.wait_for(lambda state: state.speed > 12)
        assert fast.steps > start.steps and fast.score > start.score
        assert played.running.score() > 0
        with played.holding("left"):
            played.wait_for(lambda state: state.turn > 0.5)
        with played.holding("right"):
            played.wait_for(lambda state: state.turn < -0.5)


def test_road_is_determined_by_the_seed(server: XServer) -> None:
    roads = []
    for seed in (1, 1, 2):
        with closing(Played("carracing", server.name, seed)) as played:
            roads.append([round(value, 3) for point in played.running.state().road for value in point])
    assert roads[0] == pytest.approx(roads[1], abs=1e-3)
    assert roads[0] != pytest.approx(roads[2], abs=1e-3)


def test_ship_obeys_keys_and_collects_boxes(server: XServer) -> None:
    with closing(Played("solarwolf", server.name, seed=1)) as played:
        start = played.wait_for(lambda state: state.playing)
        assert tuple(start.heading) == (0, 0) and len(start.boxes) > 20
        with played.holding("left"):
            state = played.wait_for(lambda state: tuple(state.heading) == (-1, 0))
        assert state.playing
        collected = played.wait_for(lambda state: state.score > 0)
        assert collected.ship.x < start.ship.x and len(collected.boxes) < len(start.boxes)
        assert played.running.score() >= 1


def test_game_that_is_over_is_followed_by_a_new_one(server: XServer) -> None:
    with closing(Played("solarwolf", server.name, seed=1)) as played:
        played.wait_for(lambda state: state.playing)
        with played.holding("right"):
            first = played.wait_for(lambda state: state.score > 0)
        with played.holding("esc"):
            played.wait_for(lambda state: not state.playing)
        played.wait_for(lambda state: not state.boxes)
        again = played.wait_for(lambda state: state.playing)
        assert len(again.boxes) > len(first.boxes) and again.score >= first.score
