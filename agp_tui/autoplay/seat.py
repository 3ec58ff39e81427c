"""The player's seat: the one way to the game, which can be emptied at any moment from another thread."""

import threading
from enum import Enum

from agp_tui.autoplay.tally import Restartable
from agp_tui.games.base import Frame, Game, Status
from agp_tui.keys.state import NO_KEYS, Keys

PATIENCE_SECONDS = 0.1
"""How long leaving waits for a game that is busy; a game that hangs must not keep keys down."""


class State(Enum):
    """Whether keys may be pressed: now, later, or never again."""

    PLAYING = "playing"
    PAUSED = "paused"
    LEFT = "left"


class Seat:
    """A game with a player in front of it. Keys reach the game only when they change.

    In a dry run no key ever reaches it. The calls of the game are never made from two threads at
    once, except where it hangs while the seat is being left.
    """

    def __init__(self, game: Game, dry_run: bool = False) -> None:
        self._game = game
        self._dry_run = dry_run
        self._lock = threading.Lock()
        self._state = State.PLAYING
        self._held: Keys = NO_KEYS

    @property
    def held(self) -> Keys:
        """The keys held now; in a dry run, those that would be."""
        return self._held

    @property
    def state(self) -> State:
        return self._state

    def grab(self) -> Frame:
        """The game's picture now."""
        with self._lock:
            return self._game.grab()

    def status(self) -> Status | None:
        """Score and lives, where the game tells them."""
        with self._lock:
            return self._game.status()

    def restart(self) -> None:
        """End the game that is on, where the game can do that; its score counts."""
        with self._lock:
            if isinstance(self._game, Restartable):
                self._game.restart()

    def press(self, keys: Keys) -> None:
        """Hold exactly these keys; nothing happens while paused or left."""
        with self._lock:
            if self._state is State.PLAYING and keys != self._held:
                self._held = keys
                if not self._dry_run:
                    self._game.hold(keys)

    def pause(self) -> None:
        """Release every key, press none until `resume`."""
        if self._state is State.PLAYING:
            self._empty(State.PAUSED)

    def resume(self) -> None:
        """Press again from the next decision on."""
        with self._lock:
            if self._state is State.PAUSED:
                self._state = State.PLAYING

    def leave(self) -> None:
        """Release every key, for good. May be called twice, from any thread."""
        self._empty(State.LEFT)

    def _empty(self, state: State) -> None:
        # First the state, so that nothing is pressed behind the release below.
        self._state = state
        mine = self._lock.acquire(timeout=PATIENCE_SECONDS)
        try:
            self._held = NO_KEYS
            if not self._dry_run:
                self._game.hold(NO_KEYS)
        finally:
            if mine:
                self._lock.release()
