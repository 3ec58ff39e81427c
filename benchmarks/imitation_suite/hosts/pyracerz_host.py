"""Runs a race of pyracerz without menus and countdown: `pyracerz_host.py DESCRIPTOR SEED TRACK`.

The race has too many laps to end. The seed chooses the place on the starting grid.
"""

import random
import sys

sys.path.append("/usr/share/games/pyracerz/modules")

import game
import misc
import player
import pygame
from state_pipe import StatePipe, call_after_pictures

ZOOM = 0.625
"""640x480 instead of 1024x768."""
GRID_PLACES = 6
LAPS = 10_000
CAR, LEVEL = 9, 1
"""The orange car at the slowest of three levels."""


class HumanPlayer(player.HumanPlayer):
    """A player who starts at a place of the grid and whose car counts the steps of the game."""

    def __init__(self, place):
        super().__init__("YOU", CAR, LEVEL, pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT)
        self.place = place
        self.steps = 0

    def play(self, track, rank):
        super().play(track, self.place)
        update = self.car.update

        def count_and_update():
            self.steps += 1
            update()

        self.car.update = count_and_update


def main():
    descriptor, seed, track = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    random.seed(seed)
    place = random.Random(seed).randint(1, GRID_PLACES)
    misc.zoom, misc.music = ZOOM, 0
    pygame.init()
    misc.screen = pygame.display.set_mode((int(1024 * ZOOM), int(768 * ZOOM)), 0, 24)
    pygame.mouse.set_visible(0)
    misc.init()
    pygame.time.delay = lambda milliseconds: 0
    person, pipe = HumanPlayer(place), StatePipe(descriptor)

    def write_state():
        car = person.car
        if person.steps:
            pipe.write(x=car.x / ZOOM, y=car.y / ZOOM, angle=car.angle, speed=car.speed, steps=person.steps)

    call_after_pictures(pygame.display, write_state)
    game.Game("singleRace", [[track, 0]], [person], LAPS).play()


main()
