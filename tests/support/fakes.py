"""Fakes: a game that logs its keys, a policy with scripted probabilities, a log of a job's events.

A real game does not report when it received which keys, and a real model neither hangs on demand nor
returns chosen probabilities.
"""

import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.clock import RealTime, Time
from agp_tui.games.base import Frame, GameStatus, Origin, Pixels
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.models.key_filter import UNFILTERED
from agp_tui.protocol.events import Event


@dataclass
class FakeGame:
    """Grey frames, no score; logs every call of `hold` with its time (monotonic, ns)."""

    name: str = "noted"
    origin: Origin = field(default_factory=lambda: Origin("noted"))
    keys: tuple[str, ...] = ("up", "left", "right", "down")
    source: Time = field(default_factory=RealTime)
    holds: list[tuple[int, Keys]] = field(default_factory=list)
    grab_seconds: float = 0.0
    frame_shape: tuple[int, int] = (48, 64)

    @property
    def held(self) -> Keys:
        return self.holds[-1][1] if self.holds else NO_KEYS

    def grab(self) -> Frame:
        before = self.source.now_ns()
        time.sleep(self.grab_seconds)
        return Frame(np.full((*self.frame_shape, 3), 90, np.uint8), before, self.source.now_ns())

    def hold(self, keys: Keys) -> None:
        self.holds.append((time.monotonic_ns(), keys))

    def status(self) -> GameStatus | None:
        return None

    def close(self) -> None:
        self.hold(NO_KEYS)


class ScriptedPolicy:
    """Repeats the given rows of probabilities, one row a decision; hangs on demand."""

    def __init__(self, keys: tuple[str, ...], rows: list[list[float]], fps: float = 30.0) -> None:
        self.keys = keys
        self.thresholds = np.full(len(keys), 0.5, np.float32)
        self.filter_config = UNFILTERED
        self.fps = fps
        self.segment = 1
        self.seen = 0
        self.hang_from: int | None = None
        self.go_on = threading.Event()
        self._rows = rows

    def reset(self) -> None:
        self.seen = 0

    def observe(self, pixels: Pixels) -> None:
        if self.hang_from is not None and self.seen >= self.hang_from:
            self.go_on.wait(30)
        self.seen += 1

    def probabilities(self) -> NDArray[np.float32]:
        return np.array(self._rows[(self.seen - 1) % len(self._rows)], np.float32)

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        self.observe(pixels)
        return self.probabilities()


class EventLog:
    """An event sink that stores every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        return
