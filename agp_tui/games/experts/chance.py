"""A player at random: the lower bound that every other player is measured against."""

import random

from agp_tui.engine.clock import NS
from agp_tui.games.base import Frame
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
