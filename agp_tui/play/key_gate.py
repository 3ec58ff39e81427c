"""The only way of a policy's keys to the game, which any thread can close at any moment."""

import threading
import time
from collections import Counter
from enum import Enum

from agp_tui.games.base import Frame, Game, GameStatus
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, edges_between
from agp_tui.play.episode_tracker import Restartable

LOCK_TIMEOUT_SECONDS = 0.1
"""How long a release waits for a game call in progress; a game that hangs must not keep keys down."""


class InjectedKeys:
    """The key edges that this process injected and has not yet heard back. Thread-safe.

    A virtual keyboard may also serve a person at a remote desktop, and its events do not say which of
    the two they come from. Events of a physical keyboard need no such bookkeeping.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: Counter[tuple[str, bool]] = Counter()

    def expect(self, before: Keys, after: Keys) -> None:
        """Register the edges between two sets of held keys, before they are injected."""
        with self._lock:
            self._expected.update((edge.key, edge.down) for edge in edges_between(before, after, 0, "agent"))

    def consume(self, edge: KeyEdge) -> bool:
        """Whether a heard edge was injected; each registered edge matches once."""
        with self._lock:
            found = self._expected[edge.key, edge.down] > 0
            if found:
                self._expected[edge.key, edge.down] -= 1
            return found


class GateState(Enum):
    """Who may press keys."""

    OPEN = "open"
    """The policy."""
    HUMAN = "human"
    """A person, who has taken over, until the game is handed back."""
    UNFOCUSED = "unfocused"
    """Nobody, until the game has the keyboard focus again."""
    PAUSED = "paused"
    """Nobody, until resumed."""
    CLOSED = "closed"
    """Nobody, for good."""


class KeyGate:
    """Passes a policy's keys to the game while it is open, and only when they change.

    In a dry run no key reaches the game. With `forward_human_keys` the game has no keyboard that a person
    could touch, so the person's keys pass through here too. Game calls are serialised, except that a
    release does not wait longer than `LOCK_TIMEOUT_SECONDS` for a game that hangs.
    """

    def __init__(self, game: Game, dry_run: bool = False, forward_human_keys: bool = False) -> None:
        self._game = game
        self._dry_run = dry_run
        self._forward_human_keys = forward_human_keys
        self._lock = threading.Lock()
        self._state = GateState.OPEN
        self._held: Keys = NO_KEYS
        self._pressed_at = 0.0
        self.injected = InjectedKeys()
        """The edges that went through this gate."""

    @property
    def held(self) -> Keys:
        """The policy's keys held now; in a dry run, those that would be."""
        return self._held

    @property
    def state(self) -> GateState:
        return self._state

    def grab(self) -> Frame:
        """The game's current frame."""
        with self._lock:
            return self._game.grab()

    @property
    def region(self) -> tuple[int, int, int, int] | None:
        """The region of a screen game on its display."""
        return self._game.origin.region

    def status(self) -> GameStatus | None:
        """Score and lives; None if the game does not report them."""
        with self._lock:
            return self._game.status()

    def restart(self) -> None:
        """End the current episode if the game can; its score counts."""
        with self._lock:
            if isinstance(self._game, Restartable):
                self._game.restart()

    def press(self, keys: Keys) -> None:
        """Hold exactly these keys; ignored unless the gate is open."""
        with self._lock:
            self._pressed_at = time.monotonic()
            if self._state is GateState.OPEN and keys != self._held:
                self._hold(keys)

    def release_if_stale(self, seconds: float) -> bool:
        """Release every key if the last `press` is older than `seconds`; returns whether any was held."""
        stale = time.monotonic() - self._pressed_at > seconds
        if not stale or self._state is not GateState.OPEN or not self._held:
            return False
        self._release(NO_KEYS)
        return True

    def take_over(self, touched: Keys) -> None:
        """A person who holds `touched` plays until `hand_back`; releases the policy's other keys.

        A key that both hold stays down until `follow_human`, because a release from here would reach the
        game although the person still holds it. Ignored unless the gate is open.
        """
        if self._state is GateState.OPEN:
            self._close(GateState.HUMAN, NO_KEYS if self._forward_human_keys else touched)

    def follow_human(self, keys: Keys) -> None:
        """The person who has taken over now holds exactly these keys."""
        with self._lock:
            if self._state is not GateState.HUMAN:
                return
            if self._forward_human_keys:
                self._game.hold(keys)
            elif not self._held <= keys:
                self._hold(self._held & keys)

    def hand_back(self) -> None:
        """End the takeover; the policy presses from its next decision on."""
        self._reopen(GateState.HUMAN)

    def focus_lost(self) -> bool:
        """Release every key until `focus_gained`; returns whether somebody was playing."""
        if self._state not in (GateState.OPEN, GateState.HUMAN):
            return False
        self._close(GateState.UNFOCUSED)
        return True

    def focus_gained(self) -> bool:
        """Reopen after `focus_lost`; returns whether the gate was waiting for the focus."""
        return self._reopen(GateState.UNFOCUSED)

    def pause(self) -> None:
        """Release every key until `resume`."""
        if self._state not in (GateState.PAUSED, GateState.CLOSED):
            self._close(GateState.PAUSED)

    def resume(self, *, focused: bool = True) -> None:
        """Reopen after `pause`; if not `focused`, wait for `focus_gained`."""
        if focused:
            self._reopen(GateState.PAUSED)
            return
        with self._lock:
            if self._state is GateState.PAUSED:
                self._state = GateState.UNFOCUSED

    def close(self) -> None:
        """Release every key for good. Idempotent, callable from any thread."""
        self._close(GateState.CLOSED)

    def _reopen(self, state: GateState) -> bool:
        with self._lock:
            if self._state is not state:
                return False
            self._state = GateState.OPEN
            if self._forward_human_keys:
                self._game.hold(self._held)
            return True

    def _close(self, state: GateState, keep: Keys = NO_KEYS) -> None:
        # The state first, so that nothing is pressed after the release below.
        self._state = state
        self._release(keep)

    def _release(self, keep: Keys) -> None:
        locked = self._lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
        try:
            self._hold(self._held & keep)
        finally:
            if locked:
                self._lock.release()

    def _hold(self, keys: Keys) -> None:
        before, self._held = self._held, keys
        if not self._dry_run:
            # Registered first: a listener of the game's keyboard may hear it before this call returns.
            self.injected.expect(before, keys)
            self._game.hold(keys)
