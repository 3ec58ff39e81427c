"""What is known of keys over time: edges (a key goes down or up) and the keys held."""

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
