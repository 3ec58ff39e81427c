"""Pictures made different without changing what should be pressed, the same for a whole stretch."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import SettingError

MIRRORED = (("left", "right"), ("a", "d"), ("keypad_4", "keypad_6"))
"""Keys that a mirror swaps."""


@dataclass(frozen=True)
class Augment:
    """What may be done to a stretch."""

    shift: int
    """Pixels, each way."""
    jitter: float
    """Share by which brightness and contrast change."""
    mirror: NDArray[np.int64] | None = None
    """Order of the keys in a mirrored picture; None: nothing is mirrored."""

    def apply(
        self, frames: NDArray[np.uint8], labels: NDArray[np.bool_], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """One stretch, frames (L, size, size, 3) and labels (M, keys), changed by one draw."""
        across, down = (int(value) for value in random.integers(-self.shift, self.shift + 1, size=2))
        contrast, brightness = random.uniform(-self.jitter, self.jitter, size=2)
        flip = self.mirror is not None and random.random() < 0.5
        if across or down:
            frames = shifted(frames, down, across)
        if self.jitter:
            frames = brightened(frames, 1 + contrast, 255 * brightness)
        if flip:
            frames, labels = frames[:, :, ::-1], labels[:, self.mirror]
        return frames, labels


def mirror_order(keys: tuple[str, ...]) -> NDArray[np.int64]:
    """For each key, the number of the key that takes its place in a mirror.

    Raises `SettingError` where only one key of a pair is there, or none of any.
    """
    order = list(range(len(keys)))
    pairs = [pair for pair in MIRRORED if set(pair) & set(keys)]
    for one, other in pairs:
        if one not in keys or other not in keys:
            here, missing = (one, other) if one in keys else (other, one)
            raise SettingError(
                f"Expected both {one} and {other} among the keys to mirror windows, "
                f"found {here} without {missing}.",
                "Train without --flip.",
            )
        order[keys.index(one)], order[keys.index(other)] = keys.index(other), keys.index(one)
    if not pairs:
        raise SettingError(
            f"Expected left and right, or a and d, to mirror windows, found {', '.join(keys)}.",
            "Train without --flip.",
        )
    return np.array(order, np.int64)


def shifted(frames: NDArray[np.uint8], down: int, across: int) -> NDArray[np.uint8]:
    """Frames (L, H, W, 3) moved by so many pixels; the border is filled with the picture's edge."""
    height, width = frames.shape[1:3]
    result = np.empty(frames.shape, np.uint8)
    top, bottom = max(down, 0), height + min(down, 0)
    left, right = max(across, 0), width + min(across, 0)
    result[:, top:bottom, left:right] = frames[:, top - down : bottom - down, left - across : right - across]
    result[:, top:bottom, :left] = result[:, top:bottom, left : left + 1]
    result[:, top:bottom, right:] = result[:, top:bottom, right - 1 : right]
    result[:, :top] = result[:, top : top + 1]
    result[:, bottom:] = result[:, bottom - 1 : bottom]
    return result


def brightened(frames: NDArray[np.uint8], contrast: float, brightness: float) -> NDArray[np.uint8]:
    """Frames with each value v as (v - 128) * contrast + 128 + brightness, kept within 0 to 255."""
    values = (np.arange(256) - 128) * contrast + 128 + brightness
    table = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    flat = np.ascontiguousarray(frames).reshape(len(frames), -1)
    return np.asarray(cv2.LUT(flat, table), np.uint8).reshape(frames.shape)
