"""Who drives: the model until a person touches one of the game's keys, the person until the keys rest."""

import threading
from dataclasses import dataclass

from agp_tui.autoplay.seat import Seat, State
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges


@dataclass(frozen=True)
class Turn:
    """From `time_ns` (monotonic clock) on it is `who` that drives."""

    time_ns: int
    who: Who


class Takeover:
    """Hears a person's keys on one thread and lends them the seat at once; another thread reads who drives.

    The model's keys are released before anything else happens, so the game never has both.
    """

    def __init__(self, seat: Seat, keys: tuple[str, ...], idle_seconds: float, back_key: str | None) -> None:
        """`keys` are the game's; `back_key` gives control back at once, as `idle_seconds` without keys do."""
        self._seat = seat
        self._keys = frozenset(keys)
        self._idle_ns = round(idle_seconds * 1e9)
        self._back_key = back_key
        self._lock = threading.Lock()
        self._driver: Who = "agent"
        self._held: Keys = NO_KEYS
        self._touched_ns = 0
        self._edges: list[KeyEdge] = []
        self._turns: list[Turn] = []

    @property
    def driver(self) -> Who:
        """Who drives now: `human` or `agent`."""
        return self._driver

    @property
    def held(self) -> Keys:
        """The game's keys that the person holds."""
        return self._held

    def hear(self, edges: list[KeyEdge], now_ns: int) -> None:
        """What a keyboard's listener heard since the last call, an empty list included."""
        for edge in edges:
            if edge.key == self._back_key and edge.down:
                self._give_back(edge.time_ns)
            elif edge.key in self._keys and self._is_a_persons(edge):
                self._touch(edge)
        if self._driver == "human":
            # Whoever paused and went on, or stopped, meant the model.
            over = self._seat.state is not State.LENT
            rested = not self._held and now_ns - self._touched_ns >= self._idle_ns
            if over or rested:
                self._give_back(now_ns)

    def take(self) -> tuple[list[KeyEdge], list[Turn]]:
        """The person's edges and the changes of the driver since the last call, in order."""
        with self._lock:
            found = self._edges, self._turns
            self._edges, self._turns = [], []
        return found

    def _is_a_persons(self, edge: KeyEdge) -> bool:
        return edge.who == "human" or not self._seat.ledger.is_ours(edge)

    def _touch(self, edge: KeyEdge) -> None:
        if edge.down and self._driver == "agent" and self._seat.state is State.PLAYING:
            self._seat.lend(frozenset({edge.key}))
            self._turn(edge.time_ns, "human")
        person = KeyEdge(edge.time_ns, edge.key, edge.down, "human")
        with self._lock:
            self._held = apply_edges(self._held, [person])
            self._edges.append(person)
        self._touched_ns = edge.time_ns
        self._seat.follow(self._held)

    def _give_back(self, time_ns: int) -> None:
        if self._driver == "human":
            self._turn(time_ns, "agent")
            self._seat.take_back()

    def _turn(self, time_ns: int, who: Who) -> None:
        with self._lock:
            self._driver = who
            self._turns.append(Turn(time_ns, who))
