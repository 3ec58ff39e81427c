"""Breakout: be under the ball. Knows the console's memory, decides from what one can see."""

from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

PADDLE_X, BALL_X, BALL_Y = 72, 99, 101
"""Where the memory holds the left end of the paddle, and the ball; the ball's y is 0 where there is none."""
PADDLE_MIDDLE = 9
"""From the paddle's left end, as the memory has it, to its middle, in pixels."""
FORESIGHT = 4
"""The paddle goes where the ball will be after so many console frames: it takes that long to start."""
DEAD_BAND = 9
"""The paddle stays while the ball is no further than this from its middle, in pixels."""
JUMP = 8
"""A ball that moved further than this in a frame was served or bounced: its way is not known yet."""


class BreakoutExpert:
    """Goes under the falling ball with left and right, rests while it rises, serves with space."""

    who: Who = "expert"
    keys = ("left", "right", "space")

    def __init__(self, game: AtariGame) -> None:
        self._game = game

    def decide(self, frame: Frame) -> Keys:
        """The keys for the state that `frame` shows, whoever played so far."""
        before, now = self._game.memory()
        if now[BALL_Y] == 0:
            return frozenset({"space"})
        if now[BALL_Y] < before[BALL_Y]:
            return NO_KEYS
        moved = int(now[BALL_X]) - int(before[BALL_X])
        if abs(moved) > JUMP:
            moved = 0
        off = int(now[BALL_X]) + FORESIGHT * moved - (int(now[PADDLE_X]) + PADDLE_MIDDLE)
        if abs(off) <= DEAD_BAND:
            return NO_KEYS
        return frozenset({"right" if off > 0 else "left"})
