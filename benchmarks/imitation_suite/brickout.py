"""Breakout, an example of the physics engine planck-js from npm: bricks come down, the ball must not."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from agp_tui.games.human_like import TYPICAL_DELAY, Demonstrator
from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.base import RunningGame, XGame
from benchmarks.imitation_suite.browser import BrowserGame, NpmPackage, PageState

PACKAGE = NpmPackage(
    "planck-js",
    "0.3.31",
    "sha512-fwKYnL92pF2nXdMPeBq/Aipu+m8LztcEcNjdcrQm/sWKDR01Ej0g121KS1oO7NW23WnRzxw24a7V4KI2JlFpSg==",
)
# Of the game, in its own units, seconds, and from the center.
PADDLE_SPEED = 18.0
PADDLE_Y = -9.4
"""Of the center of a ball that touches the paddle."""
WALL_X = 8.5
"""Of the center of a ball that touches a wall."""

# Of the demonstrator.
EDGE = 0.8
"""Distance from the center of the paddle at which its slope turns a ball."""
FLAT, STEEP = 0.6, 0.2
"""Share of a ball's speed that is sideways: what is more, or less, is turned."""
START, STOP = 1.0, 0.4
"""Hysteresis: distance to the target at which the demonstrator begins and ceases to move."""


class BrickoutState(PageState, frozen=True, kw_only=True):
    """Positions from the center, upwards, in units of the game; speeds in units per second."""

    paddle: float
    reach: float
    """Half its width."""
    balls: list[tuple[float, float, float, float]]
    """Position x and y, speed x and y."""


class BrickoutDemonstrator:
    """Moves to where the next ball arrives, or follows a ball that rises.

    It takes flat and steep balls with an edge of the paddle, since they would hit no bricks for long.
    """

    def __init__(self) -> None:
        self._moves: deque[tuple[float, int]] = deque()
        """Time and direction of each decision whose effect is not visible yet."""
        self._direction = 0

    def decide(self, state: BrickoutState) -> Keys:
        target = _target(state.balls) if state.playing else 0.0
        distance = target - self._expected_paddle(state)
        if abs(distance) > START:
            self._direction = 1 if distance > 0 else -1
        elif abs(distance) < STOP or distance * self._direction < 0:
            self._direction = 0
        self._moves.append((state.time, self._direction))
        return frozenset({0: (), 1: ("right",), -1: ("left",)}[self._direction])

    def _expected_paddle(self, state: BrickoutState) -> float:
        """Where the keys wanted so far will have moved the paddle."""
        while self._moves and self._moves[0][0] < state.time - TYPICAL_DELAY:
            self._moves.popleft()
        times = [time for time, _ in self._moves] + [state.time]
        moved = sum(
            direction * (until - since)
            for (since, direction), until in zip(self._moves, times[1:], strict=True)
        )
        limit = WALL_X + 0.5 - state.reach
        return max(-limit, min(limit, state.paddle + PADDLE_SPEED * moved))


def _target(balls: list[tuple[float, float, float, float]]) -> float:
    """Where the paddle should meet the next ball; below it while all rise."""
    arrivals = [((y - PADDLE_Y) / -vy, x, vx, vy) for x, y, vx, vy in balls if vy < 0 and y > PADDLE_Y]
    if not arrivals:
        return balls[0][0] if balls else 0.0
    time, x, vx, vy = min(arrivals)
    place, direction = _reflected(x + vx * time)
    sideways = direction * vx / math.hypot(vx, vy)
    if abs(sideways) > FLAT:
        # The slope on the side where the ball comes from turns it upwards.
        return place + math.copysign(EDGE, sideways)
    return place - math.copysign(EDGE, place) if abs(sideways) < STEEP else place


def _reflected(x: float) -> tuple[float, int]:
    """`x` folded at the walls, and -1 if a movement to it was turned round, else 1."""
    folded = (x + WALL_X) % (4 * WALL_X)
    return (folded - WALL_X, 1) if folded < 2 * WALL_X else (3 * WALL_X - folded, -1)


@dataclass(frozen=True, kw_only=True)
class Brickout(XGame):
    """Scored by how often the paddle returns a ball. Bricks are a matter of luck, and each new game has them
    within reach of its first ball.
    """

    name: str = "brickout"
    keys: tuple[str, ...] = ("left", "right")
    constant: Keys = frozenset()
    width: int = 320
    height: int = 440

    def require(self) -> None:
        PACKAGE.require()

    def start(self, display: str, seed: int) -> RunningGame:
        size = (self.width, self.height)
        return BrowserGame(PACKAGE.page("brickout.html"), "brickout.js", BrickoutState, display, seed, size)

    def demonstrator(self, seed: int) -> Demonstrator[Any]:
        return BrickoutDemonstrator()
