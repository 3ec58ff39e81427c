"""Pong: go where the ball will come down, hit it with the paddle's edge across the field.

Knows the console's memory and decides from what one can see: where ball and paddle are and how
they move. All lengths are in the memory's pixels, y grows downwards, all times in console frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agp_tui.games.atari import FRAMES_A_SECOND, AtariGame
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

FRAME_COUNT, AIM, BALL_X, PADDLE_Y, BALL_Y, BALL_DY, BALL_DX, PADDLE_NEXT_Y = 8, 4, 49, 51, 54, 56, 58, 60
"""Where the memory holds what. The paddle's aim is where it comes to rest; only at even frames."""

OUR_X = 188
"""Where the ball meets our paddle, at the right."""
TOP, BOTTOM = 44.6, 206.2
"""Where the ball turns at the walls."""
PADDLE_TOP, PADDLE_BOTTOM = 38.0, 203.0
"""How far the paddle goes."""
SPEED = 5.75
"""How far a held key moves the paddle's aim in a frame. Every two frames the paddle goes half the way."""

ACROSS = 120.0
"""A ball that comes down above this is hit downwards, one below it upwards."""
DOWNWARDS, UPWARDS = (-14.6, -13.0), (-1.0, 1.6)
"""Paddle minus ball at the meeting, for the two steep returns. The ball is missed outside (-15, 2)."""
SAFE = (-13.5, 0.5)
"""Paddle minus ball where a return is certain."""
SWING = 8
"""How many frames before the meeting the paddle may leave its place for a swing."""
EFFORT, DISTANCE = 0.2, 0.02
"""What pressing a key costs, and each decision that it is held, in pixels of a worse hit."""


class PongExpert:
    """Goes where the ball will meet its side, waits there, and swings at the ball if it must.

    Steep returns into the far corner win points. It presses keys only while the ball comes.
    """

    who: Who = "expert"
    keys = ("up", "down")

    def __init__(self, game: AtariGame) -> None:
        self._game = game
        self._hold = max(1, round(FRAMES_A_SECOND / game.fps))

    def decide(self, frame: Frame) -> Keys:
        """The keys for the state that `frame` shows, whoever played so far."""
        play = _see(*self._game.memory())
        if play is None:
            return NO_KEYS
        direction = _swing(play, self._hold) if play.left <= SWING else _walk(play, self._hold)
        return frozenset({"up" if direction < 0 else "down"}) if direction else NO_KEYS


@dataclass(frozen=True, slots=True)
class _Play:
    """A ball on its way to us."""

    left: int
    """Frames until it is here."""
    landing: float
    """Its y then."""
    aim: float
    """Where the paddle would come to rest."""
    paddle: float
    """Where the paddle is at the next frame."""
    even: bool
    """Whether the paddle moved at this frame and not at the next one."""

    @property
    def edge(self) -> tuple[float, float]:
        return DOWNWARDS if self.landing < ACROSS else UPWARDS

    def badness(self, paddle: float) -> float:
        """How bad it is to meet the ball with the paddle there."""
        offset = paddle - self.landing
        beside = _outside(offset, self.edge)
        return beside + (4 * _outside(offset, SAFE) if beside else 0.0)


def _see(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> _Play | None:
    x, y, dy = int(now[BALL_X]), int(now[BALL_Y]), _signed(now[BALL_DY])
    comes = _signed(now[BALL_DX]) < 0
    if not comes or x == 0 or y == 0 or x > OUR_X:
        return None
    even = now[FRAME_COUNT] % 2 == 0
    left = OUR_X - x
    aim = float((now if even else before)[AIM])
    return _Play(left, _landing(y, dy, left), aim, float(now[PADDLE_NEXT_Y]), bool(even))


def _landing(y: int, dy: int, frames: int) -> float:
    """Where the ball is after so many frames, thrown back by the walls."""
    height = BOTTOM - TOP
    way = (y + dy * frames - TOP) % (2 * height)
    return TOP + min(way, 2 * height - way)


def _walk(play: _Play, hold: int) -> int:
    """-1, 0 or 1: the direction to press so that the paddle comes to rest at the best place."""
    plans = range(-12, 13)
    rests = {steps: _clamped(play.aim + steps * SPEED * hold) for steps in plans}
    best = min(plans, key=lambda steps: play.badness(rests[steps]) + _effort(steps))
    return (best > 0) - (best < 0)


def _swing(play: _Play, hold: int) -> int:
    """The same shortly before the meeting, where the paddle is still moving when it hits the ball."""
    decisions = play.left // hold + 1
    plans = [
        (wait, steps) for wait in range(decisions) for steps in range(wait - decisions, decisions - wait + 1)
    ]

    def badness(plan: tuple[int, int]) -> float:
        wait, steps = plan
        return play.badness(_paddle_at_meeting(play, hold, wait, steps)) + _effort(steps)

    wait, steps = min(plans, key=badness)
    return 0 if wait else (steps > 0) - (steps < 0)


def _paddle_at_meeting(play: _Play, hold: int, wait: int, steps: int) -> float:
    """Where the paddle is when the ball comes, after pressing for `steps` decisions, `wait` from now."""
    aim, coming, even = play.aim, play.paddle, play.even
    paddle = coming
    direction = (steps > 0) - (steps < 0)
    for frame in range(play.left):
        if wait <= frame // hold < wait + abs(steps):
            aim = _clamped(aim + direction * SPEED)
        even = not even
        paddle = coming
        if even:
            coming = (coming + aim) / 2
    return paddle


def _effort(steps: int) -> float:
    return EFFORT + DISTANCE * abs(steps) if steps else 0.0


def _outside(value: float, bounds: tuple[float, float]) -> float:
    return max(0.0, bounds[0] - value, value - bounds[1])


def _clamped(paddle: float) -> float:
    return min(PADDLE_BOTTOM, max(PADDLE_TOP, paddle))


def _signed(byte: np.uint8) -> int:
    return int(byte) - 256 if byte > 127 else int(byte)
