"""The interfaces of games and of drivers that play them, and the frames between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agp_tui.games.view import View
from agp_tui.keys.state import Keys, Who

Pixels = NDArray[np.uint8]
"""An image: shape (height, width, 3), uint8, RGB."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An image of the game, grabbed between `before_ns` and `after_ns` (monotonic clock)."""

    pixels: Pixels
    before_ns: int
    after_ns: int


@dataclass(frozen=True, slots=True)
class GameStatus:
    """Score, lives and episode of a game that reports them."""

    score: float
    lives: int
    episode: int
    """The number of episodes that have ended."""
    finished_scores: tuple[float, ...]
    """The final score of every ended episode."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the frames of a game come from, as stored in the metadata of a recording."""

    backend: str
    """`mss` (a screen) or `ale` (the Atari emulator)."""
    region: tuple[int, int, int, int] | None = None
    """X, y, width, height on the display."""
    display: str | None = None
    view: View | None = None
    """Of a screen: region, display and window."""


class Game(Protocol):
    """Frames out, keys in."""

    name: str
    keys: tuple[str, ...]
    """The keys of this game, in the order of the columns of a key state."""

    @property
    def origin(self) -> Origin:
        """Where its frames come from."""
        ...

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of the frames."""
        ...

    def grab(self) -> Frame:
        """The current frame."""
        ...

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys from now on."""
        ...

    def status(self) -> GameStatus | None:
        """Score and lives; None for a screen."""
        ...

    def close(self) -> None:
        """Release all keys and close the game. May be called twice."""
        ...


class EmulatedGame(Game, Protocol):
    """A game emulated in this process, in which keys can be held from a time in the recent past."""

    def hold_at(self, keys: Keys, time_ns: int) -> None:
        """Hold exactly these keys from `time_ns` (the game's clock) on; emulated frames stay as they are."""
        ...


class Driver(Protocol):
    """A player that decides at each frame: an expert, a model or an agent."""

    who: Who

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        ...


DriverFactory = Callable[[Game], Driver]
"""Makes the driver of a game, before its first frame."""


class FocusMonitor(Protocol):
    """Knows whether keys reach the game."""

    def has_focus(self) -> bool:
        """Whether the game has the keyboard focus."""
        ...
