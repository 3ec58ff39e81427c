"""What a live job shows of its game: a small picture, as often as a person can look.

Knows nothing of terminals but how many pixels one can show: a cell shows two, one over the other.
"""

import time
from dataclasses import dataclass

import numpy as np

from agp_tui.config import PreviewSettings
from agp_tui.games.base import Pixels


@dataclass(frozen=True)
class Thumbnail:
    """A small RGB picture as the live event takes it; nothing where no picture is wanted."""

    rgb: bytes = b""
    """height * width * 3 bytes."""
    size: tuple[int, int] | None = None
    """Height and width."""


class Preview:
    """Says when the next live event is due, and makes its picture."""

    def __init__(self, settings: PreviewSettings | None = None) -> None:
        settings = settings or PreviewSettings()
        self.fps = settings.fps
        width, height = settings.cells
        self._box = None if settings.colors == "off" else (width, 2 * height)
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time for one, in the machine's own time; True makes the next one wait."""
        now = time.monotonic()
        if now < self._next:
            return False
        period = 1.0 / self.fps
        # From when it was due, so that the rate holds; after a pause from now, so that none bunch.
        self._next = period + (self._next if now - self._next < period else now)
        return True

    def thumbnail(self, pixels: Pixels) -> Thumbnail:
        """The picture (RGB) in the size that is shown."""
        if self._box is None:
            return Thumbnail()
        small = fitted(pixels, self._box)
        return Thumbnail(small.tobytes(), (small.shape[0], small.shape[1]))

    def shrunk(self, pixels: Pixels) -> Pixels:
        """The picture, of any number of colours, no larger than is shown."""
        return pixels if self._box is None else fitted(pixels, self._box)


def fitted(pixels: Pixels, box: tuple[int, int]) -> Pixels:
    """The picture made to fit into a box (width, height), proportions kept; never enlarged."""
    import cv2

    height, width = pixels.shape[:2]
    shrink = min(box[0] / width, box[1] / height)
    if shrink >= 1.0:
        return pixels
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
