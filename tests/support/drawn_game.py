"""A synthetic game for recorder tests: each frame contains its number and the held keys.

A real game does not report which keys it had at which frame.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agp_tui.config import RecordSettings
from agp_tui.engine.clock import NS, Clock, RealTime, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.games.base import Driver, Frame, GameStatus, Origin, Pixels
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges
from agp_tui.recording.inputs import HumanOnScreen, HumanViaTerminal, PlayerInput, PolicyInput
from agp_tui.recording.recorder import RecorderResult, record
from agp_tui.recording.store import Recording

KEYS = ("up", "left", "space")


@dataclass
class DrawnGame:
    """Draws the frame number and the held keys into its picture; an episode ends every 20 frames."""

    source: SimulatedTime = field(default_factory=SimulatedTime)
    name: str = "drawn"
    origin: Origin = field(default_factory=lambda: Origin("drawn"))
    keys: tuple[str, ...] = KEYS
    frame_shape: tuple[int, int] = (48, 64)
    shown: int = 0
    held: Keys = NO_KEYS
    breaks_at: int | None = None
    given: list[tuple[int, Keys]] = field(default_factory=list)
    """Forwarded keys of a person, with their times (ns)."""

    def grab(self) -> Frame:
        if self.shown == self.breaks_at:
            raise JobFailed("Expected the game's screen, found it gone.")
        now = self.source.now_ns()
        pixels = np.zeros((*self.frame_shape, 3), np.uint8)
        pixels[0, 0] = self.shown % 256, self.shown // 256, 7
        pixels[1, : len(KEYS), 0] = [255 * (key in self.held) for key in KEYS]
        self.shown += 1
        return Frame(pixels, now, now)

    def hold(self, keys: Keys) -> None:
        self.held = keys

    def hold_at(self, keys: Keys, time_ns: int) -> None:
        self.given.append((time_ns, keys))
        self.hold(keys)

    def status(self) -> GameStatus | None:
        ended = self.shown // 20
        return GameStatus(float(self.shown % 20), 3, ended, tuple(float(number) for number in range(ended)))

    def close(self) -> None:
        self.hold(NO_KEYS)


def frame_number(pixels: Pixels) -> int:
    return int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1])


def keys_in_frame(pixels: Pixels) -> list[bool]:
    return [bool(value) for value in pixels[1, : len(KEYS), 0] > 128]


@dataclass
class PatternPolicy:
    """A seeded random policy of the frame number."""

    seed: int
    who: Who

    def decide(self, frame: Frame) -> Keys:
        return self.at(frame_number(frame.pixels))

    def at(self, number: int) -> Keys:
        bits = random.Random(self.seed * 1000 + number // 3).getrandbits(3)
        return frozenset(key for place, key in enumerate(KEYS) if bits >> place & 1)

    def rows(self, numbers: range) -> list[list[bool]]:
        return [[key in self.at(number) for key in KEYS] for number in numbers]


class ScriptedKeyboard:
    """A keyboard with edges at given times of the game's clock (ns)."""

    def __init__(self, source: SimulatedTime | RealTime, edges: list[KeyEdge], held: Keys = NO_KEYS) -> None:
        self._source = source
        self._pending = sorted(edges, key=lambda edge: edge.time_ns)
        self._held = held

    def held(self) -> Keys:
        return self._held

    def edges(self) -> list[KeyEdge]:
        due = [edge for edge in self._pending if edge.time_ns <= self._source.now_ns()]
        self._pending = self._pending[len(due) :]
        self._held = apply_edges(self._held, due)
        return due

    def wait(self, seconds: float) -> None:
        """Return at once: time may be simulated."""

    def close(self) -> None:
        self._pending = []


def record_drawn_game(
    root: Path,
    game: DrawnGame,
    player: Driver | ScriptedKeyboard,
    fps: int = 30,
    job: Job | None = None,
    *,
    teacher: Driver | None = None,
    shadow: Driver | None = None,
    forwards: bool = False,
    **options: Any,
) -> RecorderResult:
    """Record a driver or a person at a keyboard; `forwards`: the recorder passes the person's keys on."""
    settings = options.pop("settings", RecordSettings(min_free_mb=0))
    clock = Clock(fps, game.source)
    source: PlayerInput
    if not isinstance(player, ScriptedKeyboard):
        source = PolicyInput(game, clock, player, teacher=teacher)
    elif forwards:
        source = HumanViaTerminal(game, clock, player, shadow=shadow)
    else:
        source = HumanOnScreen(game, clock, player, shadow=shadow)
    return record(source, settings, job or Job(), root=root, **options)


def open_recording(recorded: RecorderResult) -> Recording:
    assert recorded.path is not None
    return Recording.open(recorded.path)


def frame_time_ns(frame: float) -> int:
    return round(frame * NS / 30)
