"""Runs games of SolarWolf without menus and hints: `solarwolf_host.py DESCRIPTOR SEED`.

A game that is over is followed by a new one at the first level.
"""

import os
import random
import sys

sys.path.append("/usr/lib/games/solarwolf")

import game
import gamemenu
import gameplay
import main as solarwolf
import objbox
import players
import pygame
from state_pipe import StatePipe, call_after_pictures

DATA = "/usr/share/games/solarwolf"
LONGEST_PICTURE = 100
"""In milliseconds."""


class Clock:
    """A clock whose pictures never last long, so that a game that was stopped goes on where it was."""

    def __init__(self, clock):
        self._clock = clock
        self.get_fps = clock.get_fps

    def tick(self, rate):
        return min(self._clock.tick(rate), LONGEST_PICTURE)


class NewGame:
    """Instead of the menu: starts a game, which returns here at its end."""

    def __init__(self, _previous=None):
        pass

    def input(self, _event):
        pass

    def event(self, _event):
        pass

    def run(self):
        game.player = players.Player("player")
        game.handler = gameplay.GamePlay(self)


class BoxCounter:
    """Counts how often the ship collects a box, in all games."""

    def __init__(self):
        self.count = 0
        collide = objbox.Box.playercollide

        def collide_and_count(box, ship):
            touched = collide(box, ship)
            self.count += bool(touched)
            return touched

        objbox.Box.playercollide = collide_and_count


def main():
    descriptor, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    os.chdir(DATA)
    pipe, boxes = StatePipe(descriptor), BoxCounter()
    new_clock = pygame.time.Clock
    pygame.time.Clock = lambda: Clock(new_clock())
    # A hint waits for a key, unless it is a comment.
    game.music, game.volume, game.help, game.comments = 0, 0, 1, 0
    gamemenu.GameMenu = NewGame
    # Hundreds of small areas, one for each star, cost more than the whole picture.
    flip = pygame.display.flip
    pygame.display.update = lambda _areas=None: flip()

    def write_state():
        if isinstance(game.handler, gameplay.GamePlay):
            pipe.write(score=boxes.count, **state_of(game.handler))

    call_after_pictures(pygame.display, write_state)
    solarwolf.main(["solarwolf", "-window", "-nosound"])


def state_of(play):
    ship = play.player
    spikes = [(*spike.rect.center, 0, 0) for spike in play.spikeobjs]
    shots = [(*shot.rect.center, *shot.move) for shot in play.shotobjs]
    rocks = [
        (*rock.rect.center, rock.speed * rock.movex, rock.speed * rock.movey) for rock in play.asteroidobjs
    ]
    return {
        "playing": play.state == "normal" and bool(ship.active),
        "ship": ship.rect.center,
        "heading": ship.move,
        "boxes": [box.rect.center for box in play.boxobjs],
        "dangers": [*shots, *spikes, *rocks],
    }


if __name__ == "__main__":
    main()
