"""What a decision looks at: pictures at the model's size, and the last few of something in order."""

from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.games.base import Pixels

Item = TypeVar("Item", bound=np.generic)


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """The picture at another size, by area interpolation; the same array where it has that size."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class RingBuffer(Generic[Item]):
    """The last `length` items of one shape, each stored once and never moved."""

    def __init__(self, length: int, shape: tuple[int, ...], dtype: Any) -> None:
        self._items: NDArray[Item] = np.zeros((length, *shape), dtype)
        self._newest = length - 1

    def fill(self, item: NDArray[Item]) -> None:
        """Make every item this one."""
        self._items[:] = item

    def next(self) -> NDArray[Item]:
        """The place of the oldest item, which becomes the newest: write the new one into it."""
        self._newest = (self._newest + 1) % len(self._items)
        place: NDArray[Item] = self._items[self._newest]
        return place

    def copy_to(self, window: NDArray[Item]) -> None:
        """Write all items, oldest first, to an array of shape (length, *shape): two block copies."""
        oldest = self._newest + 1
        older = len(self._items) - oldest
        window[:older] = self._items[oldest:]
        window[older:] = self._items[:oldest]
