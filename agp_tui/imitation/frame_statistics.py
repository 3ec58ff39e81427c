"""Statistics of the training frames that decide about data augmentation: camera motion, mirror symmetry."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import SettingError
from agp_tui.imitation.augmentation import mirrored_key_order
from agp_tui.imitation.dataset import Dataset

SAMPLES = 300
"""Frames, at equal intervals over the training ranges."""
CELLS = 32
"""Side of the grid to which frames are reduced."""
VARYING = 6.0
"""A cell varies if the standard deviation of its brightness exceeds this (of 0 to 255)."""
MOVING_CAMERA = 0.45
"""Smallest share of varying cells of a picture that moves as a whole. Of games with a moving
camera, CarRacing has 0.9, BeamRider 0.8 and Riverraid 0.7; of others, SpaceInvaders 0.25 and Pong 0.06."""
MIRROR_CORRELATION = 0.8
"""Smallest correlation of the mean frame with its mirror image, rows normalized."""
MIRROR_RATIO = 3.0
"""Largest ratio between the times for which the two keys of a mirrored pair are held."""


class FrameStatistics:
    """Mean and standard deviation of the brightness over the training frames, on a grid of cells."""

    def __init__(self, dataset: Dataset) -> None:
        grids = np.stack(list(_sampled_grids(dataset)))
        self._mean: NDArray[np.float64] = grids.mean(axis=0)
        self._deviation: NDArray[np.float64] = grids.std(axis=0)

    @property
    def varying_share(self) -> float:
        """Share of the cells that vary, 0 to 1."""
        return float((self._deviation > VARYING).mean())

    @property
    def camera_moves(self) -> bool:
        """Whether most of the picture changes, as with a camera that follows the player."""
        return self.varying_share >= MOVING_CAMERA

    @property
    def mirror_correlation(self) -> float:
        """Correlation of mean and deviation with their mirror images, without differences between rows."""
        parts = []
        for grid in (self._mean, self._deviation):
            rows = grid - grid.mean(axis=1, keepdims=True)
            power = float((rows * rows).sum())
            parts.append(float((rows * rows[:, ::-1]).sum()) / power if power > 1.0 else 1.0)
        return min(parts)


def looks_mirrored(statistics: FrameStatistics, dataset: Dataset, keys: tuple[str, ...]) -> bool:
    """Whether a mirror image with left and right swapped would look like the same game, played alike."""
    try:
        order = mirrored_key_order(keys)
    except SettingError:
        return False
    shares = dataset.labels(dataset.train).mean(axis=0)
    for i in np.flatnonzero(order != np.arange(len(keys))):
        less, more = sorted((shares[i], shares[order[i]]))
        if less * MIRROR_RATIO < more or not more:
            return False
    return statistics.mirror_correlation >= MIRROR_CORRELATION


def _sampled_grids(dataset: Dataset) -> Iterator[NDArray[np.float64]]:
    """The brightness of sampled frames, reduced to (CELLS, CELLS) by averaging."""
    import cv2

    every = max(1, sum(map(len, dataset.train)) // SAMPLES)
    for r in dataset.train:
        for frame in dataset.clips[r.clip].frames[r.start : r.stop : every]:
            small = cv2.resize(frame, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.float64).mean(axis=2)
