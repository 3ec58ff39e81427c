"""Key edges (a key goes down or up), held keys, and the tracker that drops auto-repeat."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Who = Literal["human", "agent", "expert", "nudge"]
"""Who pressed a key: a person, a model of ours, a demonstrator that knows the game, or a nudge: a wrong key
that is held on purpose while somebody else plays."""

Keys = frozenset[str]
"""The keys held at one moment, by the names of `key_names`."""

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
    """The edges between two sets of held keys: releases first, then presses."""
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


@dataclass
class OwnKeys:
    """The keys that this process wants held on the virtual keyboard, for a listener to tell them apart.

    Set `wanted` before each request to the keyboard. A person at a remote desktop presses the same virtual
    keyboard.
    """

    who: Who
    """Who presses them."""
    wanted: Keys = NO_KEYS


ANY_DEVICE = -1
"""The unknown device of a key that was held before listening began."""
OWN_DEVICE = -2
"""Stands for the virtual keyboard for the keys that this process presses on it."""


class KeyTracker:
    """Turns the presses and releases of one thread into edges for another.

    A press of a key that is down (auto-repeat, a second keyboard) and a release of one that is up are
    dropped. Times do not decrease.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._down: dict[tuple[int, int], tuple[Who, tuple[str, ...]]] = {}
        self._edges: list[KeyEdge] = []
        self._available = threading.Event()
        self._held: Keys = frozenset()
        self._last_ns = 0

    def start(self, down: dict[int, tuple[str, ...]]) -> None:
        """Set the keycodes, and the keys on them, that are down when listening begins."""
        with self._lock:
            self._down |= {(ANY_DEVICE, code): ("human", keys) for code, keys in down.items()}
            self._held = frozenset(key for keys in down.values() for key in keys)

    def press(self, device: int, code: int, keys: tuple[str, ...], time_ns: int, who: Who) -> None:
        """A device's keycode went down; `keys` are on it."""
        with self._lock:
            before = self._held_by(who)
            self._down.setdefault((device, code), (who, keys))
            self._add_edges(before, who, time_ns)

    def release(self, device: int, code: int, time_ns: int) -> None:
        """A device's keycode went up. The keys are those that went down with it."""
        with self._lock:
            for entry in ((device, code), (ANY_DEVICE, code)):
                if entry in self._down:
                    who = self._down[entry][0]
                    before = self._held_by(who)
                    del self._down[entry]
                    self._add_edges(before, who, time_ns)

    def is_down(self, device: int, code: int) -> bool:
        """Whether a device holds a keycode."""
        with self._lock:
            return (device, code) in self._down

    def down(self, who: Who) -> Keys:
        """The keys that `who` holds now, whether or not the edges were read."""
        with self._lock:
            return self._held_by(who)

    def held(self) -> Keys:
        """The keys held after the edges read so far; at first, those set by `start`."""
        with self._lock:
            return self._held

    def drain(self) -> list[KeyEdge]:
        """The edges since the last call, in order."""
        with self._lock:
            edges, self._edges = self._edges, []
            self._available.clear()
            self._held = apply_edges(self._held, edges)
            return edges

    def wait(self, seconds: float) -> None:
        """Wait for an edge, for at most `seconds`."""
        self._available.wait(seconds)

    def _held_by(self, who: Who) -> Keys:
        return frozenset(key for owner, keys in self._down.values() if owner == who for key in keys)

    def _add_edges(self, before: Keys, who: Who, time_ns: int) -> None:
        after = self._held_by(who)
        self._last_ns = max(self._last_ns, time_ns)
        for key in sorted(before ^ after):
            self._edges.append(KeyEdge(self._last_ns, key, key in after, who))
            self._available.set()
