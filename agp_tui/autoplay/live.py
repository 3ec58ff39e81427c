"""What a player tells of itself while it plays: ten times a second at most."""

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.clock import Clock
from agp_tui.engine.events import Live
from agp_tui.games.base import Pixels, Status
from agp_tui.keys.state import Keys

SECONDS_BETWEEN = 0.1
THUMBNAIL_SIDE = 96
"""Longest side of the small picture, in pixels."""


class LiveReport:
    """Makes `Live` events of a player at the rate at which a person can look."""

    def __init__(self, keys: tuple[str, ...], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time for one, in the machine's own time; True makes the next one wait."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + SECONDS_BETWEEN
        return True

    def event(
        self,
        *,
        seconds: float,
        pixels: Pixels,
        held: Keys,
        probabilities: NDArray[np.float32],
        status: Status | None,
        decisions: int,
        overruns: int,
    ) -> Live:
        """The event; `decisions`, and `overruns` among them, since play began."""
        pace = self._clock.pace()
        picture = thumbnail(pixels)
        return Live(
            seconds=round(seconds, 2),
            fps=pace.fps,
            fps_asked=self._clock.fps,
            frames=pace.filled,
            missed=pace.missed,
            held=[key for key in self._keys if key in held],
            probabilities={
                key: round(float(value), 3) for key, value in zip(self._keys, probabilities, strict=True)
            },
            jitter_ms=pace.jitter_ms,
            latency_ms=pace.stages_ms,
            deadline_misses=overruns + pace.missed,
            decisions=decisions,
            score=status.score if status else None,
            lives=status.lives if status else None,
            thumbnail=picture.tobytes(),
            thumbnail_size=(picture.shape[0], picture.shape[1]),
        )


def thumbnail(pixels: Pixels) -> Pixels:
    """The picture with its longest side at 96 pixels or fewer, proportions kept."""
    height, width = pixels.shape[:2]
    shrink = THUMBNAIL_SIDE / max(height, width)
    if shrink >= 1.0:
        return pixels
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
