"""What a game and its player must be able to do. Knows nothing of screens, consoles or models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agp_tui.keys.state import Keys, Who

Pixels = NDArray[np.uint8]
"""One picture: shape (height, width, 3), uint8, RGB."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of the game and when it was taken.

    `before_ns` and `after_ns` (monotonic clock, ns) enclose the grab.
    """

    pixels: Pixels
    before_ns: int
    after_ns: int


@dataclass(frozen=True, slots=True)
class GameStatus:
    """What a game knows of its own state of play; a screen knows nothing and gives None."""

    score: float
    lives: int
    episode: int
    """How many games have ended before this one, counted from the start of play."""
    finished_scores: tuple[float, ...]
    """The final score of every ended game."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the frames of a game come from, as stored in the metadata of a recording."""

    backend: str
    """`mss` (a screen) or `ale` (the Atari emulator)."""
    region: tuple[int, int, int, int] | None = None
    """X, y, width, height on the display."""
    display: str | None = None


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
        """The picture that is on the game's screen now."""
        ...

    def hold(self, keys: Keys) -> None:
        """From now on exactly these of the game's keys are held."""
        ...

    def status(self) -> GameStatus | None:
        """Score and lives, where the game tells them."""
        ...

    def close(self) -> None:
        """Release every key and let go of the game. May be called twice."""
        ...


class EmulatedGame(Game, Protocol):
    """A game that is emulated here, and so can be given a key as of a moment that is just over."""

    def hold_at(self, keys: Keys, time_ns: int) -> None:
        """Exactly these keys are held from `time_ns` (the game's clock) on; what was played stays."""
        ...


class Driver(Protocol):
    """Somebody who plays by deciding at each frame: an expert or a model, never a person."""

    who: Who

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        ...


DriverFactory = Callable[[Game], Driver]
"""Makes the driver of a game, before its first frame."""
