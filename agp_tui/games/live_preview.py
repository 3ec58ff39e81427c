"""Live events of a running game: how often they are sent, their thumbnail, and building them.

Knows nothing of terminals except that a cell shows two pixels, one above the other.
"""

import time
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from agp_tui.config import PreviewSettings
from agp_tui.engine.clock import Pace
from agp_tui.games.base import GameStatus, Pixels
from agp_tui.protocol.events import Live


@dataclass(frozen=True)
class Thumbnail:
    """A small RGB picture in the form of a `Live` event; empty if pictures are off."""

    rgb: bytes = b""
    """height * width * 3 bytes."""
    size: tuple[int, int] | None = None
    """Height and width."""


class Preview:
    """Limits the rate of live events and makes their thumbnails."""

    def __init__(self, settings: PreviewSettings | None = None) -> None:
        settings = settings or PreviewSettings()
        self.fps = settings.fps
        width, height = settings.cells
        self._box = None if settings.colors == "off" else (width, 2 * height)
        self._next = 0.0

    def due(self) -> bool:
        """Whether the next event is due, by wall clock; True starts the next interval."""
        now = time.monotonic()
        if now < self._next:
            return False
        period = 1.0 / self.fps
        # Counted from the due time, so that the rate holds; after a pause from now, so that none bunch.
        self._next = period + (self._next if now - self._next < period else now)
        return True

    def thumbnail(self, pixels: Pixels) -> Thumbnail:
        """The RGB picture at preview size."""
        if self._box is None:
            return Thumbnail()
        small = downscale(pixels, self._box)
        return Thumbnail(small.tobytes(), (small.shape[0], small.shape[1]))

    def downscale(self, pixels: Pixels) -> Pixels:
        """The picture, with any number of channels, no larger than preview size."""
        return pixels if self._box is None else downscale(pixels, self._box)


def downscale(pixels: Pixels, box: tuple[int, int]) -> Pixels:
    """Shrink a picture to fit into `box` (width, height), keeping its proportions; never enlarges."""
    import cv2

    height, width = pixels.shape[:2]
    shrink = min(box[0] / width, box[1] / height)
    if shrink >= 1.0:
        return pixels
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def live_event(
    thumbnail: Thumbnail,
    *,
    seconds: float,
    pace: Pace | None = None,
    status: GameStatus | None = None,
    keys: tuple[str, ...] = (),
    held: Container[str] = (),
    **fields: Any,
) -> Live:
    """Build the `Live` event of a game.

    `pace` fills `fps`, `frames`, `missed`, `jitter_ms` and `latency_ms`; `status` fills `score` and
    `lives`; `held` is listed in the order of `keys`. `fields` are the other fields of `Live`, and override
    those of `pace`.
    """
    if pace is not None:
        fields = {
            "fps": pace.fps,
            "frames": pace.filled,
            "missed": pace.missed,
            "jitter_ms": pace.jitter_ms,
            "latency_ms": pace.stages_ms,
            **fields,
        }
    if status is not None:
        fields |= {"score": status.score, "lives": status.lives}
    return Live(
        seconds=seconds,
        held=[key for key in keys if key in held],
        thumbnail=thumbnail.rgb,
        thumbnail_size=thumbnail.size,
        **fields,
    )
