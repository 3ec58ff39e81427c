"""What a game of the suite provides."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from agp_tui.games.human_like import Demonstrator, TimedState
from agp_tui.keys.state import Keys
from benchmarks.command_runner import CommandRunner

Reference = Literal["demonstrator", "constant"]


class Session(Protocol):
    """A place to play the game: a display of its own, or an emulator. Each method starts new games."""

    def record(self, seconds: float, seed: int, *options: str) -> Path | None:
        """Record the demonstrator with `agp record`; returns the recording, None if stopped.

        `options` are further flags. `seed` determines the games and the demonstrator. Raises `JobFailed` if a
        command fails.
        """

    def drive(self, player: Reference | Path, seconds: float, seed: int) -> float | None:
        """The raw score of a player, or of a model's folder with `agp play`; None if stopped.

        The same `seed` gives each player the same games. Raises `JobFailed` if a command fails.
        """


class SuiteGame(ABC):
    """A game of the suite, which the runner records, trains for and plays."""

    name: str
    """As in `--games` and in the results: `pyracerz`."""
    keys: tuple[str, ...]
    constant: Keys
    """Keys that the baseline holds all the time; none for a baseline that does nothing."""

    @property
    @abstractmethod
    def game_id(self) -> str:
        """As in `agp train --game`: `suite-pyracerz`, or `ALE/Freeway-v5`."""

    @abstractmethod
    def require(self) -> None:
        """Raise `MissingPart` if the game, or a program that it needs, is not installed."""

    @abstractmethod
    def session(self, commands: CommandRunner) -> AbstractContextManager[Session]:
        """Open a session whose commands run in the folder of `commands`, with its recordings and models."""


@dataclass(frozen=True, kw_only=True)
class XGame(SuiteGame):
    """A game in a window on an X server. `x_session` runs it and presses the keys."""

    name: str
    keys: tuple[str, ...]
    constant: Keys
    width: int
    """Of the window, whose upper left corner is at (0, 0) of the display."""
    height: int
    fps: int = 30
    """Of its recordings."""

    @property
    def game_id(self) -> str:
        return f"suite-{self.name}"

    @abstractmethod
    def start(self, display: str, seed: int) -> "RunningGame":
        """Start the program on the display `:N`; returns once its window shows a game in progress.

        `seed` determines the course of the game as far as the program allows. A game that ends is followed
        by a new one without menus, so that the player always has something to do.
        Raises `JobFailed` if it does not start.
        """

    @abstractmethod
    def demonstrator(self, seed: int) -> Demonstrator[Any]:
        """A new demonstrator for one recording or drive; it gets the states of `RunningGame.state`."""

    def session(self, commands: CommandRunner) -> AbstractContextManager[Session]:
        from benchmarks.imitation_suite.x_session import open_x_session

        return open_x_session(self, commands)


class RunningGame(Protocol):
    """A started program; `hosted.HostedGame` implements it for games that run under a host script,
    `browser.BrowserGame` for those in a browser.

    The session calls `state` about 200 times a second while a demonstrator plays.
    """

    def state(self) -> TimedState | None:
        """The newest state; None before the first. Its time is that of `time.monotonic()`."""

    def score(self) -> float:
        """The score since the start, summed over the games that were played; more is better.

        Drives are of equal length. A game that slows down on a busy machine scores by its own time.
        """

    def freeze(self) -> None:
        """Stop the game's time until `resume`, with its picture left: no player has to begin unprepared.

        A game whose time cannot be stopped, and that does not mind a late start, may do nothing.
        """

    def resume(self) -> None:
        """Let a frozen game go on."""

    def close(self) -> None:
        """End the program and all its processes."""
