"""Gymnasium's CarRacing: a car on winding roads, seen from above. The score is the distance on the road."""

import math
import sys
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from typing import NamedTuple

import msgspec

from agp_tui.errors import MissingPart
from agp_tui.games.human_like import TYPICAL_DELAY
from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.base import XGame
from benchmarks.imitation_suite.hosted import HostedGame

STEPS_PER_SECOND = 50
"""Of the game on a machine that is fast enough."""
MIN_SPEED, MAX_SPEED = 10.0, 34.0
"""Between which the driver chooses, in meters per second."""
CORNER_ACCELERATION = 80.0
"""Sideways, in bends, in meters per second squared."""
SPEED_BAND = 1.0
"""Around the chosen speed, within which the driver goes on to accelerate or to roll."""
AIM_METERS, AIM_SECONDS = 6.0, 0.35
"""The driver aims at a point of the road this far ahead: a distance, and more with speed."""
STEER_ON, STEER_OFF = 0.3, 0.15
"""Angles to that point in radians at which steering begins and ends."""
SHARP = 0.35
"""Angle without gas: the rear wheels would slip."""
TURN_RADIUS, TURN_LAG = 9.7, 0.14
"""Of the car while it is steered: in meters, and in seconds until it turns as steered."""


class RoadPoint(NamedTuple):
    side: float
    """Meters to the right of the car."""
    ahead: float


class DriveState(msgspec.Struct, frozen=True):
    """The car and the road as seen from it; meters, seconds and radians."""

    time: float
    steps: int
    """Of the game so far."""
    score: float
    """Tiles of 3.5 m that the car went on the road, less those that it went back."""
    speed: float
    """Ahead."""
    drift: float
    """To the right."""
    turn: float
    """To the left, per second."""
    road: list[RoadPoint]
    """Centers of the next tiles."""


class Driver:
    """Aims at a point on the road ahead and rolls before sharp bends, which slow the car down.

    It knows the keys that it has decided on but that have no effect yet, as people do.
    """

    def __init__(self) -> None:
        self._steering = 0
        self._accelerates = False
        self._steered: deque[tuple[float, int]] = deque()
        """Times of the states of the last `TYPICAL_DELAY`, and what was decided at each: -1, 0 or 1."""

    def decide(self, state: DriveState) -> Keys:
        turn = self._pending_turn(state)
        road = [seen_later(point, state, turn) for point in state.road]
        aim = aim_point(road, state.speed)
        angle = math.atan2(aim.side, aim.ahead)
        if angle * self._steering < STEER_OFF:
            self._steering = 0
        if abs(angle) > STEER_ON:
            self._steering = 1 if angle > 0 else -1
        self._steered.append((state.time, self._steering))
        keys = {"right"} if self._steering > 0 else {"left"} if self._steering < 0 else set[str]()
        wanted = wanted_speed(road)
        self._accelerates = state.speed < wanted + (SPEED_BAND if self._accelerates else -SPEED_BAND)
        if self._accelerates and (abs(angle) < SHARP or state.speed < MIN_SPEED):
            keys.add("up")
        return frozenset(keys)

    def _pending_turn(self, state: DriveState) -> float:
        """Radians to the left that the car turns until the next decision has an effect."""
        begin = state.time - TYPICAL_DELAY
        while self._steered and self._steered[0][0] < begin:
            self._steered.popleft()
        times = [*(time for time, _ in self._steered), state.time]
        steered_rate = max(state.speed, 0.0) / TURN_RADIUS
        turn, rate = state.turn * (times[0] - begin), state.turn
        for (_, steering), (time, end) in zip(self._steered, pairwise(times), strict=True):
            turn += rate * (end - time)
            rate += (-steering * steered_rate - rate) * min(1.0, (end - time) / TURN_LAG)
        return turn


def seen_later(point: RoadPoint, state: DriveState, turn: float) -> RoadPoint:
    """Where a point is after the delay of a person, in which the car turns left by `turn`."""
    side = point.side - state.drift * TYPICAL_DELAY
    ahead = point.ahead - state.speed * TYPICAL_DELAY
    cosine, sine = math.cos(turn), math.sin(turn)
    return RoadPoint(side * cosine + ahead * sine, ahead * cosine - side * sine)


def aim_point(road: list[RoadPoint], speed: float) -> RoadPoint:
    distance = AIM_METERS + AIM_SECONDS * max(0.0, speed)
    return next((point for point in road if point.ahead > 0 and math.hypot(*point) >= distance), road[-1])


def wanted_speed(road: list[RoadPoint]) -> float:
    """The speed for the sharpest bend of the road."""
    directions = [math.atan2(end.side - start.side, end.ahead - start.ahead) for start, end in pairwise(road)]
    bends = [
        abs(math.remainder(later - earlier, math.tau))
        for earlier, later in zip(directions[:-2], directions[2:], strict=True)
    ]
    curvature = max(bends) / (2 * math.dist(road[0], road[1]))
    return min(MAX_SPEED, max(MIN_SPEED, math.sqrt(CORNER_ACCELERATION / max(curvature, 1e-3))))


class Drive(HostedGame[DriveState]):
    """One road after another."""

    def __init__(self, display: str, seed: int) -> None:
        super().__init__("carracing_host.py", DriveState, display, seed, python=sys.executable)

    def score(self) -> float:
        """Tiles per second of the game's time."""
        state = self.state()
        return STEPS_PER_SECOND * state.score / state.steps if state else 0.0


@dataclass(frozen=True, kw_only=True)
class CarRacing(XGame):
    """The baseline does nothing; holding the accelerator scores less."""

    name: str = "carracing"
    keys: tuple[str, ...] = ("up", "left", "right")
    constant: Keys = frozenset()
    width: int = 500
    height: int = 400

    def require(self) -> None:
        if find_spec("Box2D") is None or find_spec("pygame") is None:
            raise MissingPart(
                "Expected the packages of gymnasium[box2d], found that they are not installed.",
                "Run pip install 'gymnasium[box2d]'.",
            )

    def start(self, display: str, seed: int) -> Drive:
        return Drive(display, seed)

    def demonstrator(self, seed: int) -> Driver:
        return Driver()
