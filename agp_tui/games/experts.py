"""Scripted players: experts that read the console's RAM, and a random player.

An expert decides in two ways. `decide` uses the state of the game alone, so that it can also annotate another
player's frames. `react` is for an expert that plays as a person does (`HumanLikeExpert`). The RAM addresses
are from the Atari Annotated RAM Interface (Anand et al. 2019, arXiv:1906.08226) or were found by experiment.
"""

import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.clock import NS
from agp_tui.errors import SettingError
from agp_tui.games.atari import FRAMES_PER_SECOND, AtariGame
from agp_tui.games.base import Driver, Frame, Game
from agp_tui.games.human_like import HumanLike
from agp_tui.keys.state import NO_KEYS, Keys, Who

RamPair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""The console's RAM at two consecutive frames, shape (128,) each."""


@dataclass(frozen=True, slots=True)
class Perception:
    """What a person knows when deciding."""

    seen: RamPair
    """The game as it was a reaction time ago."""
    now: RamPair
    """The game as it is, for the position of what the player moves, which follows from the keys."""
    late: float
    """Console frames between `seen` and `now`."""
    wanted: Keys
    """The previous decision, for hysteresis."""

    @classmethod
    def current(cls, game: AtariGame) -> "Perception":
        """The state of the game without any delay."""
        pair = game.ram_pair()
        return cls(pair, pair, 0.0, NO_KEYS)


class AtariExpert(Protocol):
    """A scripted player of one game."""

    who: Who
    keys: tuple[str, ...]
    """The keys that it needs."""

    def __init__(self, game: AtariGame) -> None: ...

    def decide(self, frame: Frame) -> Keys:
        """The keys for the current state of the game, independent of earlier decisions."""
        ...

    def react(self, perception: Perception) -> Keys:
        """The keys to press after a reaction time, with few changes."""
        ...


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
BREAKOUT_WALLS = (57, 198)
"""Between them the ball's x changes direction."""
BREAKOUT_PADDLE_Y = 177
"""The ball's y at the paddle."""
BREAKOUT_START, BREAKOUT_STOP = 10, 6
"""A person presses a key if the paddle is farther off than this, and releases it this early; in pixels."""


class BreakoutExpert:
    """Moves under the falling ball, rests while it rises, serves with space."""

    who: Who = "expert"
    keys: tuple[str, ...] = ("left", "right", "space")

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

    def react(self, perception: Perception) -> Keys:
        """Move to where the falling ball will arrive; serve with space."""
        before, seen = perception.seen
        x, y = int(seen[BREAKOUT_BALL_X]), int(seen[BREAKOUT_BALL_Y])
        if y == 0 or before[BREAKOUT_BALL_Y] == 0:
            return frozenset({"space"})
        dx, dy = x - int(before[BREAKOUT_BALL_X]), y - int(before[BREAKOUT_BALL_Y])
        if dy <= 0 or max(abs(dx), dy) > BREAKOUT_JUMP:
            return NO_KEYS
        frames = max((BREAKOUT_PADDLE_Y - y) / dy, perception.late)
        paddle = int(perception.now[1][BREAKOUT_PADDLE_X]) + BREAKOUT_PADDLE_MIDDLE
        off = _reflect(x + dx * frames, *BREAKOUT_WALLS) - paddle
        return _move(off, "left", "right", perception.wanted, BREAKOUT_START, BREAKOUT_STOP)


def _reflect(position: float, low: float, high: float) -> float:
    """Where something that moves in a straight line is after it bounced off two walls."""
    distance = (position - low) % (2 * (high - low))
    return low + min(distance, 2 * (high - low) - distance)


def _move(off: float, negative: str, positive: str, wanted: Keys, start: float, stop: float) -> Keys:
    """The key that reduces the distance `off`, with hysteresis: from `start` on, until `stop` is left."""
    if positive in wanted:
        return frozenset({positive}) if off > stop else NO_KEYS
    if negative in wanted:
        return frozenset({negative}) if off < -stop else NO_KEYS
    if abs(off) <= start:
        return NO_KEYS
    return frozenset({positive if off > 0 else negative})


FRAME_COUNT, REST, PONG_BALL_X, PONG_BALL_Y = 8, 4, 49, 54
"""RAM addresses. The paddle glides to a rest position, which is valid in even frames only."""

AHEAD = 2
"""Console frames by which the ball's position is extrapolated."""

ABOVE = 7
"""The paddle's top is held this far above the ball, so that the ball meets its middle."""

FASTEST = 8
"""A larger move of the ball in one frame is a serve."""

DEAD_BAND_A_FRAME = 3.0
"""A key moves the rest position by 5.75 per frame, which bounds the precision to half of that."""

PONG_WALLS = (44, 207)
"""Between them the ball's y changes direction."""
PONG_PADDLE_X = 188
"""The ball's x at the paddle."""
PONG_START, PONG_STOP, PONG_START_AWAY = 12, 12, 30
"""As `BREAKOUT_START` and `BREAKOUT_STOP`, and the start while the ball moves away."""


class PongExpert:
    """Follows the ball at all times, so that every frame determines its keys.

    Made for 30 decisions per second. Hitting the ball with an end of the paddle would win faster, but a
    clone of that must be accurate to two pixels; a clone of this one may be off by eight.
    """

    who: Who = "expert"
    keys: tuple[str, ...] = ("up", "down")

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
        off = _pong_rest((before, now)) - (ball + AHEAD * moved - ABOVE)
        if abs(off) <= self._dead_band:
            return NO_KEYS
        return frozenset({"up" if off > 0 else "down"})

    def react(self, perception: Perception) -> Keys:
        """Move to where the approaching ball will arrive; follow it loosely while it moves away."""
        before, seen = perception.seen
        x, y = int(seen[PONG_BALL_X]), int(seen[PONG_BALL_Y])
        if y == 0 or before[PONG_BALL_Y] == 0:
            return NO_KEYS
        dx, dy = x - int(before[PONG_BALL_X]), y - int(before[PONG_BALL_Y])
        dx, dy = (step if abs(step) <= FASTEST else 0 for step in (dx, dy))
        frames, start = perception.late + AHEAD, float(PONG_START_AWAY)
        if dx > 0:
            frames, start = max((PONG_PADDLE_X - x) / dx, perception.late), PONG_START
        off = _reflect(y + dy * frames, *PONG_WALLS) - ABOVE - _pong_rest(perception.now)
        return _move(off, "up", "down", perception.wanted, start, PONG_STOP)


def _pong_rest(pair: RamPair) -> int:
    before, now = pair
    return int((now if now[FRAME_COUNT] % 2 == 0 else before)[REST])


CHICKEN_Y, FREEWAY_CARS = 14, slice(108, 118)
"""RAM addresses of the chicken's height above the bottom, and of the cars' x, from the lowest lane up."""
CAR_SPEEDS = np.array([1 / 5, 1 / 4, 1 / 3, 1 / 2, 1, -1, -1 / 2, -1 / 3, -1 / 4, -1 / 5])
"""Pixels per console frame, by lane."""
FREEWAY_WIDTH = 160
CHICKEN_STEP = 4
"""Console frames, and so pixels of the chicken, per step of the plan."""
CHICKEN_STEPS = 16
"""Length of the plan in steps."""
CHICKEN_HEIGHTS = np.arange(6, 182, CHICKEN_STEP)
"""Heights from the lower to the upper pavement."""
CAR_REACH = (39, 54)
"""A car between these x touches the chicken, if it is in the car's lane; with a margin of a pixel."""
CAR_MARGIN = 4
"""Console frames by which a car is expected earlier and later."""
LANE_REACH = (11, 31)
"""Heights of the chicken in the lowest lane, with a margin of a pixel; the next lane is `LANE_HEIGHT` up."""
LANE_HEIGHT = 16
HIT_COST = 80
"""Console frames that a hit costs."""
_LANES = np.arange(len(CAR_SPEEDS))[:, None] * LANE_HEIGHT
_IN_LANE = (_LANES + LANE_REACH[0] <= CHICKEN_HEIGHTS) & (_LANES + LANE_REACH[1] >= CHICKEN_HEIGHTS)
"""Whether a height is in a lane: shape (lanes, heights)."""


class FreewayExpert:
    """Plans the chicken's way up between the cars, by dynamic programming over the next second."""

    who: Who = "expert"
    keys: tuple[str, ...] = ("up", "down")

    def __init__(self, game: AtariGame) -> None:
        self._game = game

    def decide(self, frame: Frame) -> Keys:
        """The keys for the current state of the game, independent of earlier decisions."""
        return self.react(Perception.current(self._game))

    def react(self, perception: Perception) -> Keys:
        """The first step of the best plan: up, rest or down."""
        cars = perception.seen[1][FREEWAY_CARS] + CAR_SPEEDS * perception.late
        hit = self._hits(cars)
        values = CHICKEN_HEIGHTS.astype(np.float64)
        steps = np.empty((3, len(values)))
        for step in range(CHICKEN_STEPS, 0, -1):
            values = values - HIT_COST * hit[step]
            # A rest costs little, so that of equal plans the one that moves first is chosen.
            steps[0, :-1], steps[0, -1] = values[1:], values[-1]
            steps[1] = values - 0.01
            steps[2, 1:], steps[2, 0] = values[:-1] - 0.5, values[0] - 0.5
            values = steps.max(axis=0)
        height = int(perception.now[1][CHICKEN_Y])
        place = min(max(round((height - CHICKEN_HEIGHTS[0]) / CHICKEN_STEP), 0), len(values) - 1)
        return (frozenset({"up"}), NO_KEYS, frozenset({"down"}))[int(steps[:, place].argmax())]

    def _hits(self, cars: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether a car touches the chicken: shape (steps + 1, heights)."""
        frames = np.arange(CHICKEN_STEPS + 1)[:, None] * CHICKEN_STEP
        x = (cars + CAR_SPEEDS * frames) % FREEWAY_WIDTH
        margin = np.abs(CAR_SPEEDS) * CAR_MARGIN
        near = (x > CAR_REACH[0] - margin) & (x < CAR_REACH[1] + margin)
        touched: NDArray[np.bool_] = near.astype(np.int64) @ _IN_LANE.astype(np.int64) > 0
        return touched


ENDURO_SPEED, ENDURO_CURVE, ENDURO_X, ENDURO_DISTANCE = 22, 34, 46, 59
"""RAM addresses: speed, curve of the road (signed), the car's place on it (signed, left is positive), and
how far the other cars have come in their section, from 127 down to 0."""
ENDURO_CARS = range(27, 34)
"""RAM addresses of the sections of the road, the nearest first; 0 for a section without a car."""
NOT_CENTRE_LANE, RIGHT_LANE = 0x10, 0x01
"""Bits of a section with a car."""
SECTION = 128
CLOSING = (0.4, 24)
"""Distance per frame that the other cars come closer, per unit of speed above theirs."""
ENDURO_VIEW = (-60, 700)
"""Distances of the cars that matter."""
CURVE_DRIFT = 20
"""The curve, divided by this, is how far it will have moved the car when a key takes effect."""
ROAD_CENTRE = -1.5
"""The place in the middle of the road; its edges are 20 away."""
FREE_ROAD = (-6.0, 6.0)
"""Distances from the middle to drive without another car."""
PASS_LANE = (1.0, 9.0)
"""Distances from the middle to pass a car in the right lane; negative for one in the left lane."""
PASS_CENTRE = (13.0, 15.0)
"""Distances from the middle to pass a car in the centre; negative on the right."""
SPEED_START, SPEED_STOP = 70, 75
"""A person accelerates below and lets go above: faster, the cars appear too late for a reaction."""


class EnduroExpert:
    """Passes the other cars in the free lane, and keeps to the middle of the free road."""

    who: Who = "expert"
    keys: tuple[str, ...] = ("left", "right", "space")

    def __init__(self, game: AtariGame) -> None:
        self._game = game

    def decide(self, frame: Frame) -> Keys:
        """The keys for the current state of the game, independent of earlier decisions."""
        return self.react(Perception.current(self._game))

    def react(self, perception: Perception) -> Keys:
        """Steer into the range of places from which the next cars can be passed."""
        own, wanted = perception.now[1], perception.wanted
        place = _signed(own[ENDURO_X]) - ROAD_CENTRE + _signed(own[ENDURO_CURVE]) / CURVE_DRIFT
        low, high = self._free_range(perception, place)
        middle = (low + high) / 2
        keys: set[str] = set()
        if "left" in wanted or "right" in wanted:
            if "left" in wanted and place < middle:
                keys.add("left")
            if "right" in wanted and place > middle:
                keys.add("right")
        elif place < low:
            keys.add("left")
        elif place > high:
            keys.add("right")
        if own[ENDURO_SPEED] < (SPEED_STOP if "space" in wanted else SPEED_START):
            keys.add("space")
        return frozenset(keys)

    def _free_range(self, perception: Perception, place: float) -> tuple[float, float]:
        """The places from which as many of the next cars as possible can be passed."""
        seen = perception.seen[1]
        factor, others = CLOSING
        nearer = perception.late * factor * (int(seen[ENDURO_SPEED]) - others)
        free: tuple[float, float] | None = None
        for number, address in enumerate(ENDURO_CARS):
            distance = number * SECTION + (int(seen[ENDURO_DISTANCE]) & 127) - nearer
            if not seen[address] or not ENDURO_VIEW[0] < distance < ENDURO_VIEW[1]:
                continue
            low, high = _passing_range(int(seen[address]), place)
            if free is not None:
                low, high = max(low, free[0]), min(high, free[1])
                if low > high:
                    break
            free = low, high
        return free or FREE_ROAD


def _passing_range(car: int, place: float) -> tuple[float, float]:
    if not car & NOT_CENTRE_LANE:
        low, high = PASS_CENTRE
        return (low, high) if place > 0 else (-high, -low)
    low, high = PASS_LANE
    return (low, high) if car & RIGHT_LANE else (-high, -low)


def _signed(value: np.uint8) -> int:
    return int(value) - 256 if value > 127 else int(value)


_EXPERTS: dict[str, type[AtariExpert]] = {
    "ALE/Breakout-v5": BreakoutExpert,
    "ALE/Enduro-v5": EnduroExpert,
    "ALE/Freeway-v5": FreewayExpert,
    "ALE/Pong-v5": PongExpert,
}


def expert_games() -> tuple[str, ...]:
    """The games that have a scripted expert."""
    return tuple(_EXPERTS)


def has_expert(game_id: str) -> bool:
    """Whether this Atari game (`ALE/Pong-v5`, in any case) has a scripted expert."""
    return game_id.lower() in {name.lower() for name in _EXPERTS}


def expert_for(game: AtariGame) -> AtariExpert:
    """The scripted expert of this game.

    It decides from the state of the game alone, so it can annotate another player's frames. Raises
    `SettingError` for a game without an expert, or without a key that the expert needs.
    """
    expert = _EXPERTS.get(game.name)
    if expert is None:
        raise SettingError(
            f"{game.name} has no scripted expert.",
            f"Choose {', '.join(_EXPERTS)}, or record a person.",
        )
    missing = [key for key in expert.keys if key not in game.keys]
    if missing:
        raise SettingError(
            f"Expected the keys {', '.join(expert.keys)} for the expert of {game.name}, "
            f"found {', '.join(game.keys)}.",
            f"Use --keys {','.join(expert.keys)}.",
        )
    return expert(game)


@dataclass(frozen=True, slots=True)
class _TimedRam:
    time: float
    """Of the frame, in seconds."""
    pair: RamPair


class _ReactingExpert:
    """The decisions of an expert that sees the game late."""

    def __init__(self, expert: AtariExpert, game: AtariGame) -> None:
        self.now = 0.0
        self._expert, self._game = expert, game
        self._wanted: Keys = NO_KEYS

    def decide(self, state: _TimedRam) -> Keys:
        """The keys at the time `now`, after a look at an earlier state."""
        late = (self.now - state.time) * FRAMES_PER_SECOND
        self._wanted = self._expert.react(Perception(state.pair, self._game.ram_pair(), late, self._wanted))
        return self._wanted


class HumanLikeExpert:
    """The scripted expert of a game, playing as a person does: late, with held keys, and with slips.

    The seed of the game determines its delays and slips. Raises what `expert_for` raises.
    """

    who: Who = "expert"

    def __init__(self, game: AtariGame) -> None:
        expert = expert_for(game)
        self._game = game
        self._reacting = _ReactingExpert(expert, game)
        self._human = HumanLike(self._reacting, expert.keys, seed=game.seed)

    def decide(self, frame: Frame) -> Keys:
        """The keys that it holds from this frame on."""
        self._reacting.now = now = frame.before_ns / NS
        self._human.see(_TimedRam(now, self._game.ram_pair()))
        return self._human.keys(now)


def expert_driver(game: Game) -> Driver:
    """The scripted expert of this game. Raises `SettingError` if there is none."""
    return expert_for(_atari(game))


def human_like_driver(game: Game) -> Driver:
    """The scripted expert of this game, playing as a person does. Raises `SettingError` if there is none."""
    return HumanLikeExpert(_atari(game))


def _atari(game: Game) -> AtariGame:
    if not isinstance(game, AtariGame):
        raise SettingError(f"Expected an Atari game for an expert, found {game.name}.", "Choose --by human.")
    return game


def random_driver(game: Game) -> Driver:
    """A player that presses random keys."""
    return RandomDriver(game.keys, seed=0)
