"""Pong: keep the middle of the paddle where the ball is about to be.

Knows the console's memory and decides from what a few pictures show: where the ball and the paddle
are and how they move. All lengths are in the memory's pixels; y grows downwards.
"""

from agp_tui.games.atari import FRAMES_A_SECOND, AtariGame
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

FRAME_COUNT, REST, BALL_Y = 8, 4, 54
"""Where the memory holds what. The paddle glides on: its place of rest is there at even frames only."""

AHEAD = 2
"""How many console frames the ball's motion is looked ahead."""

ABOVE = 7
"""The paddle's top is held so far above the ball: the ball meets its middle, with room on both sides."""

FASTEST = 8
"""A ball that moves further than this in a frame has been served anew."""

DEAD_BAND_A_FRAME = 3.0
"""A key moves the paddle's rest by 5.75 a frame, so being right to half of that is all one can do."""


class PongExpert:
    """Follows the ball all the time, so that every picture shows what it wants.

    Made for 30 decisions a second. Meeting the ball with an end of the paddle would win faster, but a
    clone of that must be right to two pixels; one of this may be wrong by eight and still returns it.
    """

    who: Who = "expert"
    keys = ("up", "down")

    def __init__(self, game: AtariGame) -> None:
        self._game = game
        self._dead_band = DEAD_BAND_A_FRAME * max(1, round(FRAMES_A_SECOND / game.fps))

    def decide(self, frame: Frame) -> Keys:
        """The keys for the state that `frame` shows, whoever played so far."""
        before, now = self._game.memory()
        ball, ball_before = int(now[BALL_Y]), int(before[BALL_Y])
        if ball == 0 or ball_before == 0:
            return NO_KEYS
        moved = ball - ball_before if abs(ball - ball_before) <= FASTEST else 0
        rest = int((now if now[FRAME_COUNT] % 2 == 0 else before)[REST])
        off = rest - (ball + AHEAD * moved - ABOVE)
        if abs(off) <= self._dead_band:
            return NO_KEYS
        return frozenset({"up" if off > 0 else "down"})
