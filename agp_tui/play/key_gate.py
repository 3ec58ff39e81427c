"""The player's seat: the one way to the game, which can be emptied at any moment from another thread."""

import threading
import time
from collections import Counter
from enum import Enum

from agp_tui.games.base import Frame, Game, GameStatus
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, edges_between
from agp_tui.play.episode_tracker import Restartable


class InjectedKeys:
    """What we pressed and released, each ticked off when it is heard. For several threads.

    A virtual keyboard serves a person at a remote desktop as well as us, and does not say whom; a person
    at a keyboard of their own needs no ledger.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: Counter[tuple[str, bool]] = Counter()

    def expect(self, before: Keys, after: Keys) -> None:
        """We are about to go from one set of held keys to another."""
        with self._lock:
            self._expected.update((edge.key, edge.down) for edge in edges_between(before, after, 0, "agent"))

    def is_ours(self, edge: KeyEdge) -> bool:
        """Whether this is one of ours, which is then ticked off."""
        with self._lock:
            found = self._expected[edge.key, edge.down] > 0
            if found:
                self._expected[edge.key, edge.down] -= 1
            return found


LOCK_TIMEOUT_SECONDS = 0.1
"""How long leaving waits for a game that is busy; a game that hangs must not keep keys down."""


class GateState(Enum):
    """Whether keys may be pressed: now; once a person gives the game back; once it has the focus again;
    later; never again.
    """

    PLAYING = "playing"
    LENT = "lent"
    AWAY = "away"
    PAUSED = "paused"
    LEFT = "left"


class KeyGate:
    """A game with a player in front of it. Keys reach the game only when they change.

    In a dry run no key ever reaches it. With `forwards` the game has no keyboard that a person could
    touch, so the person's keys reach it through here as well. The calls of the game are never made from
    two threads at once, except where it hangs while the seat is being left.
    """

    def __init__(self, game: Game, dry_run: bool = False, forwards: bool = False) -> None:
        self._game = game
        self._dry_run = dry_run
        self._forwards = forwards
        self._lock = threading.Lock()
        self._state = GateState.PLAYING
        self._held: Keys = NO_KEYS
        self._decided = 0.0
        self.ledger = InjectedKeys()
        """What was pressed and released from here."""

    @property
    def held(self) -> Keys:
        """The player's keys held now; in a dry run, those that would be."""
        return self._held

    @property
    def state(self) -> GateState:
        return self._state

    def grab(self) -> Frame:
        """The game's picture now."""
        with self._lock:
            return self._game.grab()

    def status(self) -> GameStatus | None:
        """Score and lives, where the game tells them."""
        with self._lock:
            return self._game.status()

    def restart(self) -> None:
        """End the game that is on, where the game can do that; its score counts."""
        with self._lock:
            if isinstance(self._game, Restartable):
                self._game.restart()

    def press(self, keys: Keys) -> None:
        """Hold exactly these keys; nothing happens unless it is being played."""
        with self._lock:
            self._decided = time.monotonic()
            if self._state is GateState.PLAYING and keys != self._held:
                self._hold(keys)

    def let_go(self, seconds: float) -> bool:
        """Release every key until the next `press` if the last one was so long ago; whether any was held."""
        late = time.monotonic() - self._decided > seconds
        if not late or self._state is not GateState.PLAYING or not self._held:
            return False
        self._release(NO_KEYS)
        return True

    def lend(self, touched: Keys) -> None:
        """A person, who touches these keys, plays until `take_back`: release every other one.

        What is released by us goes up for the game, whoever else holds it: a key that both hold is let
        go of by `follow`, once the person did. Nothing happens unless it is being played.
        """
        if self._state is GateState.PLAYING:
            self._empty(GateState.LENT, NO_KEYS if self._forwards else touched)

    def follow(self, touched: Keys) -> None:
        """The person, to whom the seat is lent, holds exactly these keys now."""
        with self._lock:
            if self._state is not GateState.LENT:
                return
            if self._forwards:
                self._game.hold(touched)
            elif not self._held <= touched:
                self._hold(self._held & touched)

    def take_back(self) -> None:
        """Press again from the next decision on."""
        self._go_on_from(GateState.LENT)

    def look_away(self) -> bool:
        """Release every key, press none until `look_back`; whether it was being played."""
        if self._state not in (GateState.PLAYING, GateState.LENT):
            return False
        self._empty(GateState.AWAY)
        return True

    def look_back(self) -> bool:
        """Press again from the next decision on; whether it was waited for."""
        return self._go_on_from(GateState.AWAY)

    def pause(self) -> None:
        """Release every key, press none until `resume`."""
        if self._state in (GateState.PLAYING, GateState.LENT, GateState.AWAY):
            self._empty(GateState.PAUSED)

    def resume(self, *, away: bool = False) -> None:
        """Press again from the next decision on; `away`: only after `look_back`."""
        if away:
            with self._lock:
                if self._state is GateState.PAUSED:
                    self._state = GateState.AWAY
        else:
            self._go_on_from(GateState.PAUSED)

    def leave(self) -> None:
        """Release every key, for good. May be called twice, from any thread."""
        self._empty(GateState.LEFT)

    def _go_on_from(self, state: GateState) -> bool:
        with self._lock:
            if self._state is not state:
                return False
            self._state = GateState.PLAYING
            if self._forwards:
                self._game.hold(self._held)
            return True

    def _empty(self, state: GateState, but: Keys = NO_KEYS) -> None:
        # First the state, so that nothing is pressed behind the release below.
        self._state = state
        self._release(but)

    def _release(self, but: Keys) -> None:
        mine = self._lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
        try:
            self._hold(self._held & but)
        finally:
            if mine:
                self._lock.release()

    def _hold(self, keys: Keys) -> None:
        before, self._held = self._held, keys
        if not self._dry_run:
            # Before the game hears of it: whoever listens to its keyboard may be quicker than this call.
            self.ledger.expect(before, keys)
            self._game.hold(keys)
