"""Scripted players: experts that read the console's RAM, and a random player."""

import random

from agp_tui.engine.clock import NS
from agp_tui.errors import SettingError
from agp_tui.games.atari import FRAMES_PER_SECOND, AtariGame
from agp_tui.games.base import Driver, Frame, Game
from agp_tui.keys.state import NO_KEYS, Keys, Who


class RandomDriver:
    """Holds random sets of keys.

    Each set is held for an exponentially distributed time with mean `hold_seconds`, measured in frame
    times. A key is in the set with probability 1/2 for up to two keys, 1/3 for more. The same seed gives
    the same keys at the same frame times.
    """

    who: Who = "agent"

    def __init__(self, keys: tuple[str, ...], seed: int, hold_seconds: float = 0.25) -> None:
        self._keys = keys
        self._random = random.Random(seed)
        self._hold_seconds = hold_seconds
        self._held: Keys = NO_KEYS
        self._until_ns: int | None = None

    def decide(self, frame: Frame) -> Keys:
        """The random keys at this frame."""
        if self._until_ns is None:
            self._until_ns = frame.before_ns
        while self._until_ns <= frame.before_ns:
            chance = 1 / 2 if len(self._keys) <= 2 else 1 / 3
            self._held = frozenset(key for key in self._keys if self._random.random() < chance)
            self._until_ns += round(self._random.expovariate(1 / self._hold_seconds) * NS)
        return self._held


BREAKOUT_PADDLE_X, BREAKOUT_BALL_X, BREAKOUT_BALL_Y = 72, 99, 101
"""RAM addresses of the paddle's left end and of the ball; the ball's y is 0 without a ball."""
BREAKOUT_PADDLE_MIDDLE = 9
"""Offset of the paddle's middle from its left end, in pixels."""
BREAKOUT_FORESIGHT = 4
"""Console frames by which the ball's position is extrapolated: the paddle takes that long to start."""
BREAKOUT_DEAD_BAND = 9
"""The paddle rests while the ball is within this distance of its middle, in pixels."""
BREAKOUT_JUMP = 8
"""A larger move of the ball in one frame is a serve or a bounce: its velocity is not known yet."""


class BreakoutExpert:
    """Moves under the falling ball, rests while it rises, serves with space."""

    who: Who = "expert"
    keys = ("left", "right", "space")

    def __init__(self, game: AtariGame) -> None:
        self._game = game

    def decide(self, frame: Frame) -> Keys:
        """The keys for the current state of the game, independent of earlier decisions."""
        before, now = self._game.ram_pair()
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
"""RAM addresses. The paddle glides to a rest position, which is valid in even frames only."""

AHEAD = 2
"""Console frames by which the ball's position is extrapolated."""

ABOVE = 7
"""The paddle's top is held this far above the ball, so that the ball meets its middle."""

FASTEST = 8
"""A larger move of the ball in one frame is a serve."""

DEAD_BAND_A_FRAME = 3.0
"""A key moves the rest position by 5.75 per frame, which bounds the precision to half of that."""


class PongExpert:
    """Follows the ball at all times, so that every frame determines its keys.

    Made for 30 decisions per second. Hitting the ball with an end of the paddle would win faster, but a
    clone of that must be accurate to two pixels; a clone of this one may be off by eight.
    """

    who: Who = "expert"
    keys = ("up", "down")

    def __init__(self, game: AtariGame) -> None:
        self._game = game
        self._dead_band = DEAD_BAND_A_FRAME * max(1, round(FRAMES_PER_SECOND / game.fps))

    def decide(self, frame: Frame) -> Keys:
        """The keys for the current state of the game, independent of earlier decisions."""
        before, now = self._game.ram_pair()
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
    """The scripted expert of this game.

    It decides from the state of the game alone, so it can annotate another player's frames. Raises
    `SettingError` for a game without an expert, or without a key that the expert needs.
    """
    expert = _EXPERTS.get(game.name)
    if expert is None:
        raise SettingError(
            f"{game.name} has no scripted expert.",
            f"Choose {' or '.join(_EXPERTS)}, or record a person.",
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
    """The scripted expert of this game. Raises `SettingError` if there is none."""
    if not isinstance(game, AtariGame):
        raise SettingError(f"Expected an Atari game for an expert, found {game.name}.", "Choose --by human.")
    return expert_for(game)


def random_driver(game: Game) -> Driver:
    """A player that presses random keys."""
    return RandomDriver(game.keys, seed=0)
