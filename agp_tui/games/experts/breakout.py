"""Breakout: be under the ball. Knows the console's memory, decides from what one can see."""

from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

BALL_X, BALL_Y, PADDLE_X = 99, 101, 72
PADDLE_MIDDLE = 8
"""From the memory's paddle position to the middle of the paddle, in its pixels."""
DEAD_BAND = 4
"""How far the paddle's middle may be from the ball before an arrow goes down, in pixels."""


class BreakoutExpert:
    """Follows the ball with left and right; space serves while there is no ball."""

    who: Who = "expert"
    keys = ("left", "right", "space")

    def __init__(self, game: AtariGame) -> None:
        self._game = game

    def decide(self, frame: Frame) -> Keys:
        """The keys for the state that `frame` shows, whoever played so far."""
        _, ram = self._game.memory()
        if ram[BALL_Y] == 0:
            return frozenset({"space"})
        off = int(ram[BALL_X]) - (int(ram[PADDLE_X]) + PADDLE_MIDDLE)
        if abs(off) <= DEAD_BAND:
            return NO_KEYS
        return frozenset({"right" if off > 0 else "left"})
