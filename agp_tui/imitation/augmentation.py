"""Data augmentation: shift, brightness, contrast and mirroring, the same for all frames of a chunk.

Transforms apply to the difference from the mean frame, not to the frame itself: a shifted or brighter frame
with a bright wall would differ from the mean frame more by that wall than by anything that moves. On Pong,
shifting whole frames by 4 pixels prevented any learning in the time in which F1 otherwise reaches 0.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.errors import SettingError

MIRRORED_KEYS = (("left", "right"), ("a", "d"), ("keypad_4", "keypad_6"))
"""Pairs of keys that mirroring swaps."""


@dataclass(frozen=True)
class Transform:
    """The augmentation of one chunk."""

    down: int = 0
    """Shift in pixels."""
    right: int = 0
    contrast: float = 1.0
    brightness: float = 0.0
    """In standard deviations of the pixels from the mean frame."""
    flip: bool = False


@dataclass(frozen=True)
class Augmentation:
    """The bounds of random transforms."""

    shift: int
    """Largest shift in pixels, in each direction."""
    jitter: float
    """Largest relative change of brightness and contrast."""
    mirror: NDArray[np.int64] | None = None
    """Order of the keys in a mirrored frame; None disables mirroring."""

    def sample(self, rng: np.random.Generator) -> Transform:
        """A random transform within the bounds."""
        down, right = (int(value) for value in rng.integers(-self.shift, self.shift + 1, size=2))
        contrast, brightness = (float(value) for value in rng.uniform(-self.jitter, self.jitter, size=2))
        flip = self.mirror is not None and bool(rng.random() < 0.5)
        return Transform(down, right, 1 + contrast, brightness, flip)


def mirrored_key_order(keys: tuple[str, ...]) -> NDArray[np.int64]:
    """For each key, the index of the key that replaces it in a mirrored frame.

    Raises `SettingError` if a pair is incomplete or there is none.
    """
    order = list(range(len(keys)))
    pairs = [pair for pair in MIRRORED_KEYS if set(pair) & set(keys)]
    for one, other in pairs:
        if one not in keys or other not in keys:
            found, missing = (one, other) if one in keys else (other, one)
            raise SettingError(
                f"Expected both {one} and {other} among the keys to mirror windows, "
                f"found {found} without {missing}.",
                "Train without --flip.",
                setting="flip",
            )
        order[keys.index(one)], order[keys.index(other)] = keys.index(other), keys.index(one)
    if not pairs:
        raise SettingError(
            f"Expected left and right, or a and d, to mirror windows, found {', '.join(keys)}.",
            "Train without --flip.",
            setting="flip",
        )
    return np.array(order, np.int64)


def center_and_augment(
    frames: torch.Tensor,
    mean: torch.Tensor,
    deviation: float,
    transforms: Sequence[Transform],
    padding: Sequence[int],
) -> torch.Tensor:
    """Transformed differences of uint8 frames (B, T, S, S, 3) from the `mean` frame: float32, same shape.

    The first `padding[b]` frames of chunk `b` are black frames before the start of the recording and not
    transformed, as in play. A shift fills the uncovered border with the mean frame.
    """
    size = frames.shape[2]
    result = torch.empty(frames.shape, dtype=torch.float32, device=frames.device)
    for row, (transform, pad) in enumerate(zip(transforms, padding, strict=True)):
        if pad:
            result[row, :pad] = -mean
        part = result[row, pad:]
        to_rows, rows = _shifted_slices(transform.down, size)
        to_columns, columns = _shifted_slices(transform.right, size)
        if transform.down or transform.right:
            part.zero_()
        # Copying to float and subtracting in place is three times as fast as one mixed-type subtraction.
        target = part[:, to_rows, to_columns]
        target.copy_(frames[row, pad:, rows, columns]).sub_(mean[rows, columns])
        if transform.contrast != 1.0 or transform.brightness:
            part.mul_(transform.contrast).add_(transform.brightness * deviation)
        if transform.flip:
            part.copy_(part.flip(2))
    return result


def _shifted_slices(shift: int, size: int) -> tuple[slice, slice]:
    """Target and source of a shift along an axis of `size` pixels."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size - max(shift, 0))
