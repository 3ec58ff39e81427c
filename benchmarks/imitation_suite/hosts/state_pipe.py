"""Writes the states of a game as JSON lines to the pipe that `hosted.HostedGame` reads.

Runs in the Python of the game, which has the standard library and pygame, but not this package.
"""

import json
import os
import time


class StatePipe:
    """A pipe that drops states while it is full, and ends the game once nobody reads it."""

    def __init__(self, descriptor):
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def write(self, **fields):
        """Write a state and its time. Lines below 4096 bytes are written whole or not at all."""
        line = json.dumps({"time": time.monotonic(), **fields}) + "\n"
        try:
            os.write(self._descriptor, line.encode())
        except BlockingIOError:
            pass
        except BrokenPipeError:
            os._exit(0)


def call_after_pictures(display, function):
    """Call `function` after each `flip` and `update` of `pygame.display`."""
    for name in ("flip", "update"):
        setattr(display, name, _followed_by(getattr(display, name), function))


def _followed_by(original, function):
    def show(*arguments):
        original(*arguments)
        function()

    return show
