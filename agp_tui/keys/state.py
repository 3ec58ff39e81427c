"""What is known of keys over time: edges (a key goes down or up) and the keys held."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Who = Literal["human", "agent", "expert"]
"""Who pressed a key: a person, a model of ours, or a demonstrator that knows the game."""

Keys = frozenset[str]
"""The keys held at one moment, by our names."""

NO_KEYS: Keys = frozenset()


@dataclass(frozen=True, slots=True)
class KeyEdge:
    """A key went down or up.

    `time_ns` is on the monotonic clock that frames use; auto-repeat is not an edge.
    """

    time_ns: int
    key: str
    down: bool
    who: Who


def edges_between(before: Keys, after: Keys, time_ns: int, who: Who) -> list[KeyEdge]:
    """The edges that lead from one set of held keys to another: releases first, then presses."""
    releases = [KeyEdge(time_ns, key, False, who) for key in sorted(before - after)]
    presses = [KeyEdge(time_ns, key, True, who) for key in sorted(after - before)]
    return releases + presses


def apply_edges(held: Keys, edges: Iterable[KeyEdge]) -> Keys:
    """The keys held after `edges`, starting from `held`."""
    keys = set(held)
    for edge in edges:
        if edge.down:
            keys.add(edge.key)
        else:
            keys.discard(edge.key)
    return frozenset(keys)


ANY_DEVICE = -1
"""Stands for the unknown device that held a key before listening began."""


class KeyTracker:
    """Collects presses and releases from one thread and hands them out as edges to another.

    A press of what is down already (auto-repeat, a second keyboard) and a release of what is up
    are not edges. Times never run backwards.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._down: dict[tuple[int, int], tuple[Who, tuple[str, ...]]] = {}
        self._edges: list[KeyEdge] = []
        self._waiting = threading.Event()
        """Whether there are edges."""
        self._handed_out: Keys = frozenset()
        self._last_ns = 0

    def start(self, down: dict[int, tuple[str, ...]]) -> None:
        """The keycodes, and the keys on them, that are down when listening begins."""
        with self._lock:
            self._down |= {(ANY_DEVICE, code): ("human", keys) for code, keys in down.items()}
            self._handed_out = frozenset(key for keys in down.values() for key in keys)

    def press(self, device: int, code: int, keys: tuple[str, ...], time_ns: int, who: Who) -> None:
        """A device's keycode went down; `keys` are on it."""
        with self._lock:
            before = self._held_by(who)
            self._down.setdefault((device, code), (who, keys))
            self._note(before, who, time_ns)

    def release(self, device: int, code: int, time_ns: int) -> None:
        """A device's keycode went up. The keys are those that went down with it."""
        with self._lock:
            for entry in ((device, code), (ANY_DEVICE, code)):
                if entry in self._down:
                    who = self._down[entry][0]
                    before = self._held_by(who)
                    del self._down[entry]
                    self._note(before, who, time_ns)

    def held(self) -> Keys:
        """The keys down as far as edges were handed out; at first those down from the start."""
        with self._lock:
            return self._handed_out

    def take(self) -> list[KeyEdge]:
        """The edges since the last call, in order."""
        with self._lock:
            edges, self._edges = self._edges, []
            self._waiting.clear()
            self._handed_out = apply_edges(self._handed_out, edges)
            return edges

    def wait(self, seconds: float) -> None:
        """Sleep until there are edges, or so long."""
        self._waiting.wait(seconds)

    def _held_by(self, who: Who) -> Keys:
        return frozenset(key for owner, keys in self._down.values() if owner == who for key in keys)

    def _note(self, before: Keys, who: Who, time_ns: int) -> None:
        after = self._held_by(who)
        self._last_ns = max(self._last_ns, time_ns)
        for key in sorted(before ^ after):
            self._edges.append(KeyEdge(self._last_ns, key, key in after, who))
            self._waiting.set()
