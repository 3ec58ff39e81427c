"""The running dinosaur of Chrome (npm package t-rex-runner): jump over what comes, faster and faster."""

import math
from dataclasses import dataclass
from typing import Any

from agp_tui.games.human_like import TYPICAL_DELAY, Demonstrator
from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.base import RunningGame, XGame
from benchmarks.imitation_suite.browser import BrowserGame, NpmPackage, PageState

PACKAGE = NpmPackage(
    "t-rex-runner",
    "1.0.6",
    "sha512-EtH3FJVepEi1IdcG0puI7qrPD6+ZvVP52Im3yhzmVspy7K1lqqqdgflMaxrwhaS2FygO3Tcg3LLevTQBlAokaQ==",
)
# Of the game: pixels, and frames of 1/60 s.
FRAMES = 60
WIDTH = 44
"""Of the dinosaur."""
GRAVITY = 0.6
JUMP = 10
MIDDLE, HIGH = 75, 50
"""Top edges of a pterodactyl: to be ducked under, to be ignored. A lower one is to be jumped over."""

# Of the demonstrator, in seconds.
AHEAD = TYPICAL_DELAY + 0.03
"""It decides for this time after the state: its own delay, and that of the game from a key to a picture."""
PRESS = 0.16
"""Duration of a press for a jump."""
LATEST = 0.3
"""Delay of a jump that still clears an obstacle, when the dinosaur had to land first."""
REST = 0.4
"""From one jump to the next at least: the first one is not visible at once."""
DUCK_BEFORE = 0.2
"""Before a pterodactyl arrives."""


class TrexState(PageState, frozen=True, kw_only=True):
    """Lengths in pixels, speeds in pixels per frame."""

    speed: float
    left: float
    """Left edge of the dinosaur."""
    height: float
    """Of the dinosaur above the ground."""
    rise: float
    """Upward speed in a jump."""
    jumping: bool
    obstacles: list[tuple[float, float, float, float]]
    """Left edge, width, top edge, and own speed towards the dinosaur; pterodactyls fly."""


class TrexDemonstrator:
    """Jumps so that the top of the jump is over the middle of an obstacle; ducks under pterodactyls."""

    def __init__(self) -> None:
        self._pressed = float("-inf")
        """When it began to want the last jump."""

    def decide(self, state: TrexState) -> Keys:
        if not state.playing:
            return frozenset()
        left = state.left
        for x, obstacle_width, top, own_speed in state.obstacles:
            speed = (state.speed + own_speed) * FRAMES
            ahead = x - speed * AHEAD
            flies = own_speed != 0
            if (flies and top == HIGH) or ahead + obstacle_width < left:
                continue
            if flies and top == MIDDLE:
                return frozenset({"down"} if ahead - left - WIDTH < speed * DUCK_BEFORE else ())
            time_to_top = (JUMP + state.speed / 10) / GRAVITY / FRAMES
            late = time_to_top - (ahead + obstacle_width / 2 - left - WIDTH / 2) / speed
            if 0 <= late < LATEST and state.time > self._pressed + REST and _lands_in(state) <= AHEAD:
                self._pressed = state.time
            break
        return frozenset({"up"} if state.time < self._pressed + PRESS else ())


def _lands_in(state: TrexState) -> float:
    """Seconds until the dinosaur is on the ground."""
    if not state.jumping:
        return 0.0
    return (state.rise + math.sqrt(state.rise**2 + 2 * GRAVITY * state.height)) / GRAVITY / FRAMES


@dataclass(frozen=True, kw_only=True)
class Trex(XGame):
    """Scored by the obstacles that the dinosaur leaves behind."""

    name: str = "trex"
    keys: tuple[str, ...] = ("up", "down")
    constant: Keys = frozenset()
    width: int = 600
    height: int = 150

    def require(self) -> None:
        PACKAGE.require()

    def start(self, display: str, seed: int) -> RunningGame:
        size = (self.width, self.height)
        return BrowserGame(PACKAGE.page("trex.html"), "trex.js", TrexState, display, seed, size)

    def demonstrator(self, seed: int) -> Demonstrator[Any]:
        return TrexDemonstrator()
