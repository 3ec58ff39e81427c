"""Scripted players that act as people do: late, with hysteresis, with keys held for a while, with slips."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, Protocol, TypeVar

from agp_tui.keys.state import NO_KEYS, Keys


class TimedState(Protocol):
    """A state of a game, such as a msgspec struct."""

    @property
    def time(self) -> float:
        """When the game showed it, in seconds of any monotonic clock."""


S = TypeVar("S", bound=TimedState)
S_contra = TypeVar("S_contra", bound=TimedState, contravariant=True)


class Demonstrator(Protocol[S_contra]):
    """Plays a game well from its state; may remember earlier states."""

    def decide(self, state: S_contra) -> Keys:
        """The keys to hold; called once per state, in order. `HumanLike` adds what makes it human."""


@dataclass(frozen=True, kw_only=True)
class HumanTraits:
    """Times in seconds. Pairs are bounds of uniform distributions."""

    delay: tuple[float, float] = (0.10, 0.25)
    """From a state to the key; it drifts between the bounds."""
    settle: float = 0.03
    """Hysteresis: a key changes after the demonstrator has wanted it for this long. A part of the delay."""
    hold: tuple[float, float] = (0.08, 0.12)
    """Minimum time between two changes of a key; drawn for each change."""
    slip_every: float = 20.0
    """Mean time between slips; infinity for none."""
    slip: tuple[float, float] = (0.10, 0.30)
    """Duration of a slip: a key of those held is missing, or a wrong one is held."""


TYPICAL_DELAY = sum(HumanTraits().delay) / 2
"""Demonstrators may extrapolate their state by this time, as people anticipate what moves steadily."""
DELAY_STEP = 0.01
"""Standard deviation of the change of the delay at each change of a key."""


class HumanLike(Generic[S]):
    """Turns the decisions of a demonstrator into keys as a person presses them.

    `seed` determines its delays and slips. The times given to it need not be evenly spaced.
    """

    def __init__(
        self,
        demonstrator: Demonstrator[S],
        keys: Sequence[str],
        *,
        seed: int,
        traits: HumanTraits = HumanTraits(),
    ) -> None:
        self._demonstrator = demonstrator
        self._rng = random.Random(seed)
        self._traits = traits
        self._keys = {key: _Key() for key in keys}
        self._states: deque[S] = deque()
        self._wanted: Keys = NO_KEYS
        self._delay = self._rng.uniform(*traits.delay)
        self._slip: _Slip | None = None
        self._next_slip: float | None = None

    def see(self, state: S) -> None:
        """Show it a state; states come in the order of their times, the same one any number of times."""
        if not self._states or state.time > self._states[-1].time:
            self._states.append(state)

    def keys(self, now: float) -> Keys:
        """The keys that it holds at the time `now`. Call it at least every 20 ms for exact times."""
        visible = now - self._delay + self._traits.settle
        while self._states and self._states[0].time <= visible:
            state = self._states.popleft()
            self._wanted = self._demonstrator.decide(state) & self._keys.keys()
        target = self._with_slip(now)
        for name, key in self._keys.items():
            if key.update(name in target, now, self._traits.settle):
                key.locked_until = now + self._rng.uniform(*self._traits.hold)
                self._drift()
        return frozenset(name for name, key in self._keys.items() if key.down)

    def _with_slip(self, now: float) -> Keys:
        if self._next_slip is None:
            self._next_slip = now + self._time_to_slip()
        if self._slip and now >= self._slip.until:
            self._slip = None
            self._next_slip = now + self._time_to_slip()
        if self._slip is None and now >= self._next_slip:
            until = now + self._traits.settle + self._rng.uniform(*self._traits.slip)
            self._slip = _Slip(self._rng.choice(sorted(self._keys)), until)
        return self._wanted ^ {self._slip.key} if self._slip else self._wanted

    def _time_to_slip(self) -> float:
        every = self._traits.slip_every
        return self._rng.expovariate(1 / every) if every < inf else inf

    def _drift(self) -> None:
        low, high = self._traits.delay
        self._delay = min(high, max(low, self._delay + self._rng.gauss(0, DELAY_STEP)))


@dataclass(frozen=True)
class _Slip:
    key: str
    """Held although it is not wanted, or the other way round."""
    until: float


class _Key:
    """A key with hysteresis and a minimum time between its changes."""

    def __init__(self) -> None:
        self.down = False
        self.locked_until = -inf
        self._differs_since: float | None = None

    def update(self, wanted: bool, now: float, settle: float) -> bool:
        """Whether the key changes now."""
        if wanted == self.down:
            self._differs_since = None
            return False
        if self._differs_since is None:
            self._differs_since = now
        if now - self._differs_since < settle or now < self.locked_until:
            return False
        self.down = wanted
        self._differs_since = None
        return True
