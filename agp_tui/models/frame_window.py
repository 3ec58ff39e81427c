"""The window of recent frames that a decision sees: resizing, and a ring buffer of the last items."""

from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.games.base import Pixels

Item = TypeVar("Item", bound=np.generic)


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize a picture by area interpolation; returns the same array if it already has that size."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class RingBuffer(Generic[Item]):
    """The last `length` items of shape `shape`, each stored once and never moved."""

    def __init__(self, length: int, shape: tuple[int, ...], dtype: Any) -> None:
        self._items: NDArray[Item] = np.zeros((length, *shape), dtype)
        self._newest = length - 1

    def fill(self, item: NDArray[Item]) -> None:
        """Set every item to `item`."""
        self._items[:] = item

    def advance(self) -> NDArray[Item]:
        """Drop the oldest item and return a view of its slot, for the caller to write the newest into."""
        self._newest = (self._newest + 1) % len(self._items)
        slot: NDArray[Item] = self._items[self._newest]
        return slot

    def copy_to(self, window: NDArray[Item]) -> None:
        """Copy all items, oldest first, to an array of shape (length, *shape)."""
        oldest = self._newest + 1
        older = len(self._items) - oldest
        window[:older] = self._items[oldest:]
        window[older:] = self._items[:oldest]
