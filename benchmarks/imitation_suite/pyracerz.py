"""pyracerz: a car race seen from above. The score is the distance along the track."""

import math
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from agp_tui.games.human_like import TYPICAL_DELAY
from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.base import XGame
from benchmarks.imitation_suite.hosted import HostedGame, require_package

TRACK = "bio"
CENTRE_LINE = (
    (933, 559), (918, 622), (870, 663), (806, 672), (742, 663), (690, 625), (655, 571), (614, 520),
    (557, 490), (493, 482), (428, 484), (365, 498), (316, 540), (288, 598), (250, 651), (191, 673),
    (133, 646), (101, 590), (88, 526), (82, 462), (80, 397), (81, 332), (87, 267), (101, 204), (138, 151),
    (197, 127), (259, 145), (313, 182), (365, 221), (418, 258), (477, 285), (540, 281), (584, 235),
    (619, 180), (671, 141), (733, 122), (797, 116), (860, 129), (906, 173), (927, 234), (933, 299),
    (934, 364), (934, 429), (934, 494),
)  # fmt: skip
"""Of the track, in pixels of its picture of 1024x768, in the direction of the race, from the finish line."""
STEPS_PER_SECOND = 100
"""Of the game on a machine that is fast enough."""
TURN_RATE = 3.5
"""Of the car while a key is held, in radians per second."""
OFFSET = 60.0
"""Largest distance of the demonstrator's line from the centre line, in pixels; the road is 130 wide."""


class CarState(msgspec.Struct, frozen=True):
    """The car; lengths in pixels of the track's picture."""

    time: float
    x: float
    y: float
    angle: float
    """Of the car's tail, in radians, clockwise from the right."""
    speed: float
    """In pixels per step; negative if it moves backwards."""
    steps: int
    """Steps of the game so far."""


class Track:
    """A closed line; positions along it are distances from its first point."""

    def __init__(self, points: tuple[tuple[float, float], ...]) -> None:
        self._points = np.array(points, np.float64)
        self._edges = np.roll(self._points, -1, axis=0) - self._points
        self._lengths = np.hypot(*self._edges.T)
        self._starts = np.concatenate([[0.0], np.cumsum(self._lengths)[:-1]])
        self.length = float(self._lengths.sum())

    def position(self, x: float, y: float) -> float:
        """The position of the nearest point of the line."""
        offsets = np.array([x, y]) - self._points
        along = np.clip((offsets * self._edges).sum(axis=1) / self._lengths**2, 0.0, 1.0)
        gaps = np.hypot(*(offsets - along[:, None] * self._edges).T)
        nearest = int(gaps.argmin())
        return float(self._starts[nearest] + along[nearest] * self._lengths[nearest])

    def point(self, position: float) -> tuple[float, float]:
        """The point at a position, which may exceed the length."""
        position %= self.length
        edge = int(np.searchsorted(self._starts, position, side="right")) - 1
        x, y = self._points[edge] + self._edges[edge] * (position - self._starts[edge]) / self._lengths[edge]
        return float(x), float(y)

    def moved(self, before: float, after: float) -> float:
        """The shorter way from one position to another; negative against the direction of the race."""
        return (after - before + self.length / 2) % self.length - self.length / 2


class Odometer:
    """The distance of a car along the track."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._position: float | None = None
        self._distance = 0.0
        self._steps = 0

    def observe(self, state: CarState) -> None:
        position = self._track.position(state.x, state.y)
        if self._position is not None:
            self._distance += self._track.moved(self._position, position)
        self._position, self._steps = position, state.steps

    @property
    def laps_per_minute(self) -> float:
        """Of the game's time; 0 before the first step."""
        seconds = self._steps / STEPS_PER_SECOND
        return 60 * self._distance / self._track.length / seconds if seconds else 0.0


class Racer:
    """Steers towards a point ahead and slows down before bends, as somebody who has played a few times.

    The line that it takes and the speed that it trusts itself with change every few seconds, so that it
    leaves the road now and then; it backs off from what stops it. It knows the keys that it has decided on
    but that have no effect yet, as people do.
    """

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._track = Track(CENTRE_LINE)
        self._turn = 0
        self._turns: deque[tuple[float, int]] = deque()
        """Times of the states of the last `TYPICAL_DELAY`, and the turn decided at each: -1, 0 or 1."""
        self._accelerates = True
        self._offset = 0.0
        """Of its line from the centre line, to the right, in pixels."""
        self._wanted_offset, self._courage, self._next_mood = 0.0, 1.0, 0.0
        self._moved_at: float | None = None
        self._reverses_until = 0.0

    def decide(self, state: CarState) -> Keys:
        self._change_mood(state.time)
        while self._turns and self._turns[0][0] < state.time - TYPICAL_DELAY:
            self._turns.popleft()
        speed = state.speed * STEPS_PER_SECOND
        heading = state.angle + math.pi + self._pending_turn(state.time)
        x = state.x + math.cos(heading) * speed * TYPICAL_DELAY
        y = state.y + math.sin(heading) * speed * TYPICAL_DELAY
        position = self._track.position(x, y)
        target_x, target_y = self._aim(position + 45 + 0.2 * max(0.0, speed))
        error = _angle(math.atan2(target_y - y, target_x - x) - heading)
        if self._is_stuck(state):
            self._turns.append((state.time, 0))
            return frozenset({"down", "left" if error > 0 else "right"})
        if self._turn * error < 0.1:
            self._turn = 0
        if self._turn == 0 and abs(error) > 0.35:
            self._turn = 1 if error > 0 else -1
        self._turns.append((state.time, self._turn))
        keys = {"right"} if self._turn > 0 else {"left"} if self._turn < 0 else set[str]()
        wanted = self._courage * self._speed_at(position, error)
        self._accelerates = speed < (wanted if self._accelerates else 0.85 * wanted)
        if self._accelerates:
            keys.add("up")
        elif speed > 1.3 * wanted:
            keys.add("down")
        return frozenset(keys)

    def _change_mood(self, now: float) -> None:
        if now >= self._next_mood:
            self._next_mood = now + self._rng.uniform(1.5, 4.0)
            self._wanted_offset = self._rng.uniform(-OFFSET, OFFSET)
            self._courage = self._rng.uniform(0.9, 1.5)
        self._offset += 0.03 * (self._wanted_offset - self._offset)

    def _is_stuck(self, state: CarState) -> bool:
        """Whether it reverses: for a moment, after a second without movement."""
        if self._moved_at is None or abs(state.speed) > 0.2:
            self._moved_at = state.time
        if state.time - self._moved_at > 1.0:
            self._moved_at = state.time
            self._reverses_until = state.time + self._rng.uniform(0.6, 1.0)
        return state.time < self._reverses_until

    def _aim(self, position: float) -> tuple[float, float]:
        (x, y), direction = self._track.point(position), self._direction(position)
        return x - math.sin(direction) * self._offset, y + math.cos(direction) * self._offset

    def _pending_turn(self, now: float) -> float:
        ends = [*(time for time, _ in self._turns), now][1:]
        return TURN_RATE * sum(
            turn * (end - time) for (time, turn), end in zip(self._turns, ends, strict=True)
        )

    def _speed_at(self, position: float, error: float) -> float:
        """In pixels per second: less before a bend, and while the car points elsewhere."""
        directions = [self._direction(position + ahead) for ahead in (0, 60, 120)]
        bend = max(abs(_angle(one - directions[0])) for one in directions[1:])
        return max(100.0, 330.0 - 120.0 * bend - 150.0 * max(0.0, abs(error) - 0.4))

    def _direction(self, position: float) -> float:
        (x0, y0), (x1, y1) = self._track.point(position), self._track.point(position + 40)
        return math.atan2(y1 - y0, x1 - x0)


def _angle(angle: float) -> float:
    """The same angle between -pi and pi."""
    return (angle + math.pi) % math.tau - math.pi


class Race(HostedGame[CarState]):
    """A race of one car."""

    def __init__(self, display: str, seed: int) -> None:
        self._odometer = Odometer(Track(CENTRE_LINE))
        super().__init__("pyracerz_host.py", CarState, display, seed, [TRACK])

    def observe(self, state: CarState) -> None:
        self._odometer.observe(state)

    def score(self) -> float:
        """Laps per minute of the game's time."""
        return self._odometer.laps_per_minute


@dataclass(frozen=True, kw_only=True)
class Pyracerz(XGame):
    """The track `bio` at the easiest level. The baseline holds the accelerator."""

    name: str = "pyracerz"
    keys: tuple[str, ...] = ("up", "down", "left", "right")
    constant: Keys = frozenset({"up"})
    width: int = 640
    height: int = 480

    def require(self) -> None:
        require_package("pyracerz", Path("/usr/share/games/pyracerz/modules/game.py"))

    def start(self, display: str, seed: int) -> Race:
        return Race(display, seed)

    def demonstrator(self, seed: int) -> Racer:
        return Racer(seed)
