"""Scripted players: demonstrators that read the console's memory, and a player at random."""

import random

from agp_tui.engine.clock import NS
from agp_tui.errors import SettingError
from agp_tui.games.atari import FRAMES_A_SECOND, AtariGame
from agp_tui.games.base import Driver, Frame, Game
from agp_tui.keys.state import NO_KEYS, Keys, Who


class RandomDriver:
    """Holds random sets of keys, as a person does who hits about on the keyboard.

    Each set is held for a random time around `hold_seconds` (exponential), in the time of the
    frames. In a set each key is down with a chance of one half where there are one or two keys, of
    one third where there are more. The same seed gives the same keys at the same frame times.
    """

    who: Who = "agent"

    def __init__(self, keys: tuple[str, ...], seed: int, hold_seconds: float = 0.25) -> None:
        self._keys = keys
        self._random = random.Random(seed)
        self._hold_seconds = hold_seconds
        self._held: Keys = NO_KEYS
        self._until_ns: int | None = None

    def decide(self, frame: Frame) -> Keys:
        """The random keys of this moment."""
        if self._until_ns is None:
            self._until_ns = frame.before_ns
        while self._until_ns <= frame.before_ns:
            chance = 1 / 2 if len(self._keys) <= 2 else 1 / 3
            self._held = frozenset(key for key in self._keys if self._random.random() < chance)
            self._until_ns += round(self._random.expovariate(1 / self._hold_seconds) * NS)
        return self._held


BREAKOUT_PADDLE_X, BREAKOUT_BALL_X, BREAKOUT_BALL_Y = 72, 99, 101
"""Where the memory holds the left end of the paddle, and the ball; the ball's y is 0 where there is none."""
BREAKOUT_PADDLE_MIDDLE = 9
"""From the paddle's left end, as the memory has it, to its middle, in pixels."""
BREAKOUT_FORESIGHT = 4
"""The paddle goes where the ball will be after so many console frames: it takes that long to start."""
BREAKOUT_DEAD_BAND = 9
"""The paddle stays while the ball is no further than this from its middle, in pixels."""
BREAKOUT_JUMP = 8
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
        if now[BREAKOUT_BALL_Y] == 0:
            return frozenset({"space"})
        if now[BREAKOUT_BALL_Y] < before[BREAKOUT_BALL_Y]:
            return NO_KEYS
        moved = int(now[BREAKOUT_BALL_X]) - int(before[BREAKOUT_BALL_X])
        if abs(moved) > BREAKOUT_JUMP:
            moved = 0
        off = (
            int(now[BREAKOUT_BALL_X])
            + BREAKOUT_FORESIGHT * moved
            - (int(now[BREAKOUT_PADDLE_X]) + BREAKOUT_PADDLE_MIDDLE)
        )
        if abs(off) <= BREAKOUT_DEAD_BAND:
            return NO_KEYS
        return frozenset({"right" if off > 0 else "left"})


FRAME_COUNT, REST, PONG_BALL_Y = 8, 4, 54
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
        ball, ball_before = int(now[PONG_BALL_Y]), int(before[PONG_BALL_Y])
        if ball == 0 or ball_before == 0:
            return NO_KEYS
        moved = ball - ball_before if abs(ball - ball_before) <= FASTEST else 0
        rest = int((now if now[FRAME_COUNT] % 2 == 0 else before)[REST])
        off = rest - (ball + AHEAD * moved - ABOVE)
        if abs(off) <= self._dead_band:
            return NO_KEYS
        return frozenset({"up" if off > 0 else "down"})


_EXPERTS: dict[str, type[PongExpert] | type[BreakoutExpert]] = {
    "ALE/Breakout-v5": BreakoutExpert,
    "ALE/Pong-v5": PongExpert,
}


def expert_games() -> tuple[str, ...]:
    """The games that have a scripted expert."""
    return tuple(_EXPERTS)


def has_expert(game_id: str) -> bool:
    """Whether this Atari game (`ALE/Pong-v5`, in any case) has a scripted expert."""
    return game_id.lower() in {name.lower() for name in _EXPERTS}


def expert_for(game: AtariGame) -> Driver:
    """The scripted expert of this game, watching this game's console.

    Each decides from nothing but the state of play, whoever brought it about. So it can be asked
    what it would press while somebody else plays. Raises `SettingError` for a game without one,
    or where the game's keys lack one that the expert needs.
    """
    expert = _EXPERTS.get(game.name)
    if expert is None:
        raise SettingError(
            f"Expected a game that has a scripted expert, found {game.name}.",
            f"Take {' or '.join(_EXPERTS)}, or record a person.",
        )
    missing = [key for key in expert.keys if key not in game.keys]
    if missing:
        raise SettingError(
            f"Expected the keys {', '.join(expert.keys)} for the expert of {game.name}, "
            f"found {', '.join(game.keys)}.",
            f"Use --keys {','.join(expert.keys)}.",
        )
    return expert(game)


def expert_driver(game: Game) -> Driver:
    """The scripted expert of this game. Raises `SettingError` where there is none."""
    if not isinstance(game, AtariGame):
        raise SettingError(f"Expected an Atari game for an expert, found {game.name}.", "Choose --by human.")
    return expert_for(game)


def random_driver(game: Game) -> Driver:
    """Somebody who presses keys at random."""
    return RandomDriver(game.keys, seed=0)
