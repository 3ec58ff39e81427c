"""SolarWolf: a ship that never stops collects boxes between guards that shoot. The score counts the boxes."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from agp_tui.games.human_like import TYPICAL_DELAY
from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.base import XGame
from benchmarks.imitation_suite.hosted import HostedGame, require_package

TICKS = 40
"""Of the game, per second."""
SHIP_SPEED = 5.0 * TICKS
LEFT, TOP, RIGHT, BOTTOM = 71, 66, 629, 524
"""Bounds of the center of the ship."""
REACH = 24
"""Distance from a box at which the ship collects it as it passes."""
LANE = 14
"""Distance from the row or column of a box at which the ship turns into it."""
TURN_COST = 0.4
"""Seconds that a box in another direction must be nearer, so that the ship keeps its direction."""
DANGER = 34
"""Distance from a shot that counts as a hit."""
LOOK_AHEAD, LOOKS = 0.8, 16
"""The seconds in which a shot is a danger, and the number of moments that the pilot considers."""
SIGHT = 260
"""Distance at which the pilot notices a shot."""
DANGER_COST = 3.0
"""Seconds of flight that a hit counts for."""
UNREACHABLE = 50.0
"""Seconds to a box, if the direction leads away from it."""


class Point(NamedTuple):
    x: float
    y: float


class Mover(NamedTuple):
    """Something that flies, or a spike, which does not."""

    x: float
    y: float
    step_x: float
    """Pixels per tick."""
    step_y: float


class WolfState(msgspec.Struct, frozen=True):
    """A picture of the game; centers in pixels of its window of 800x600."""

    time: float
    playing: bool
    """False between levels and between lives."""
    score: int
    """Boxes that were collected in all games since the start; some count several times."""
    ship: Point
    heading: Point
    """Of the ship: (1, 0) to the right; (0, 0) before the first key and at a wall."""
    boxes: list[Point]
    dangers: list[Mover]


DIRECTIONS: dict[str, Point] = {
    "up": Point(0, -1),
    "down": Point(0, 1),
    "left": Point(-1, 0),
    "right": Point(1, 0),
}


class Pilot:
    """Flies along the rows and columns of boxes, and turns towards nearer ones and away from shots."""

    def __init__(self) -> None:
        self._direction: str | None = None

    def decide(self, state: WolfState) -> Keys:
        if not state.playing or not state.boxes:
            self._direction = None
            return frozenset()
        ship = moved(state.ship, state.heading, TYPICAL_DELAY)
        self._direction = min(DIRECTIONS, key=lambda name: self._cost(state, ship, name))
        return frozenset({self._direction})

    def _cost(self, state: WolfState, ship: Point, name: str) -> float:
        """Seconds to the next box in a direction, and what turning and shots add."""
        direction = DIRECTIONS[name]
        cost = min(flight(ship, direction, box) for box in state.boxes)
        if name != self._direction:
            cost += TURN_COST
        return cost + DANGER_COST * danger(state.dangers, ship, direction)


def moved(ship: Point, direction: Point, seconds: float) -> Point:
    """Where the ship is later."""
    step = SHIP_SPEED * seconds
    return Point(
        min(RIGHT, max(LEFT, ship.x + direction.x * step)), min(BOTTOM, max(TOP, ship.y + direction.y * step))
    )


def flight(ship: Point, direction: Point, box: Point) -> float:
    """Seconds to a box, first straight ahead, then aside."""
    x, y = box.x - ship.x, box.y - ship.y
    ahead = x * direction.x + y * direction.y
    aside = abs(x * direction.y + y * direction.x)
    if aside < REACH:
        return ahead / SHIP_SPEED if ahead >= 0 else UNREACHABLE
    return (ahead + aside) / SHIP_SPEED if ahead >= LANE else UNREACHABLE


def danger(dangers: list[Mover], ship: Point, direction: Point) -> float:
    """From 1 for a hit at once to 0 for none within `LOOK_AHEAD`, if the ship flies in a direction.

    `ship` is where it will be after a person's delay, the dangers are where they are now.
    """
    near = [one for one in dangers if max(abs(one.x - ship.x), abs(one.y - ship.y)) < SIGHT]
    if not near:
        return 0.0
    for look in range(LOOKS):
        seconds = LOOK_AHEAD * look / LOOKS
        x, y = moved(ship, direction, seconds)
        ticks = (seconds + TYPICAL_DELAY) * TICKS
        for one in near:
            if max(abs(one.x + one.step_x * ticks - x), abs(one.y + one.step_y * ticks - y)) < DANGER:
                return 1 - look / LOOKS
    return 0.0


class Mission(HostedGame[WolfState]):
    """Games that start at the first level."""

    def __init__(self, display: str, seed: int) -> None:
        super().__init__("solarwolf_host.py", WolfState, display, seed)

    def score(self) -> float:
        """Boxes that were collected."""
        state = self.state()
        return float(state.score) if state else 0.0


@dataclass(frozen=True, kw_only=True)
class SolarWolf(XGame):
    """The window without the panel at its right edge. The baseline does nothing."""

    name: str = "solarwolf"
    keys: tuple[str, ...] = ("up", "down", "left", "right")
    constant: Keys = frozenset()
    width: int = 700
    height: int = 600

    def require(self) -> None:
        require_package("solarwolf", Path("/usr/games/solarwolf"))

    def start(self, display: str, seed: int) -> Mission:
        return Mission(display, seed)

    def demonstrator(self, seed: int) -> Pilot:
        return Pilot()
