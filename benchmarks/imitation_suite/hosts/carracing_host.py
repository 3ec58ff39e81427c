"""Runs Gymnasium's CarRacing with a keyboard, one road after another: `carracing_host.py DESCRIPTOR SEED`.

Needs the packages of Gymnasium's extra `box2d`.
"""

import math
import sys

import numpy as np
import pygame
from gymnasium.envs.box2d import car_racing
from state_pipe import StatePipe

SHRINK = 2
"""The window is smaller than Gymnasium's by this factor and shows the same part of the road."""
STEERING, GAS = 0.35, 0.025
"""Of each action while its keys are held. The largest values are too fast for people, as Gymnasium warns."""
AHEAD = 12
"""Tiles of the road in a state; the window shows about ten."""
ROAD_REACH = 1.5 * car_racing.TRACK_WIDTH
"""Distance in meters from the middle of the road at which a car is on the road."""
LONGEST_MOVE = 3
"""Tiles between two pictures. A car that moves further has crossed the grass to another part of the road."""
LEAVING_COST = 0.1
"""Part of the road that is subtracted for leaving the field, as Gymnasium's reward of -100 out of 1000."""
VISIBLE = 84.0
"""Distance in meters, |x| + |y|, within which the window shows something of a tile or a patch of grass."""


class KeyboardCarRacing(car_racing.CarRacing):
    """CarRacing without observations, which draws only what the window shows, in less time."""

    def _render(self, mode):
        return super()._render(mode) if mode == "human" else None

    def _draw_colored_polygon(self, surface, poly, color, zoom, translation, angle, clip=True):
        x, y = self.car.hull.position
        zooms_in = self.t < 1
        if not clip or zooms_in or abs(poly[0][0] - x) + abs(poly[0][1] - y) < VISIBLE:
            super()._draw_colored_polygon(surface, poly, color, zoom, translation, angle, clip)


class Road:
    """The tiles of a closed road, and the one at which the car is."""

    def __init__(self, track):
        self._centers = np.array([tile[2:4] for tile in track])
        self._index = 0

    def __len__(self):
        return len(self._centers)

    def advance(self, x, y):
        """Move to the tile nearest to the car; returns the number of tiles, negative if it went back."""
        distances = ((self._centers - (x, y)) ** 2).sum(1)
        index = int(distances.argmin())
        moved = (index - self._index + len(self) // 2) % len(self) - len(self) // 2
        self._index = index
        return moved if distances[index] < ROAD_REACH**2 and abs(moved) <= LONGEST_MOVE else 0

    def ahead(self):
        """Centers of the next tiles, shape (AHEAD, 2)."""
        return self._centers[(self._index + np.arange(1, AHEAD + 1)) % len(self)]


def main():
    descriptor, seed = int(sys.argv[1]), int(sys.argv[2])
    car_racing.WINDOW_W //= SHRINK
    car_racing.WINDOW_H //= SHRINK
    car_racing.ZOOM /= SHRINK
    pipe = StatePipe(descriptor)
    env = KeyboardCarRacing(render_mode="human")
    env.reset(seed=seed)
    pygame.display.set_caption("CarRacing")
    steps, score = 0, 0.0
    while True:
        road, terminated = Road(env.track), False
        while not terminated:
            held = pygame.key.get_pressed()
            pressed = action(held[pygame.K_UP], held[pygame.K_LEFT], held[pygame.K_RIGHT])
            points, terminated = step(env, road, pressed)
            steps, score = steps + 1, score + points
            pipe.write(steps=steps, score=score, **state_of(env.car.hull, road))
        env.reset()


def action(up, left, right):
    """Steering, gas and brake, which people do without at this gas."""
    return np.array([STEERING * (bool(right) - bool(left)), GAS * bool(up), 0.0])


def step(env, road, action):
    """One step; returns what it adds to the score, and whether the road is finished or left."""
    _, _, terminated, _, info = env.step(action)
    points = road.advance(*env.car.hull.position)
    if terminated and not info["lap_finished"]:
        points -= LEAVING_COST * len(road)
    return points, terminated


def state_of(hull, road):
    """How the car moves, and the road, as seen from the car."""
    cosine, sine = math.cos(hull.angle), math.sin(hull.angle)

    def seen(x, y):
        """To the right and ahead."""
        return float(x * cosine + y * sine), float(y * cosine - x * sine)

    drift, speed = seen(*hull.linearVelocity)
    return {
        "speed": speed,
        "drift": drift,
        "turn": float(hull.angularVelocity),
        "road": [seen(*offset) for offset in road.ahead() - tuple(hull.position)],
    }


if __name__ == "__main__":
    main()
