import numpy as np
import pytest
from support.dot_dataset import SIDES, moving_dot

from agp_tui.imitation.dataset import Clip, Dataset, IndexRange
from agp_tui.imitation.frame_statistics import FrameStatistics, looks_mirrored

FRAMES, SIZE = 400, 64


def dataset(clip: Clip) -> Dataset:
    return Dataset((clip,), (IndexRange(0, 0, len(clip)),), (), segment=3)


def scenery(speed: int, *, left: float = 0.3, right: float = 0.3, symmetric: bool = True) -> Clip:
    """A view of a textured wall that moves by `speed` pixels a frame, between bars at the sides."""
    rng = np.random.default_rng(0)
    wall = rng.integers(0, 256, (SIZE, 4 * SIZE, 3)).repeat(2, axis=1).astype(np.uint8)
    columns = np.arange(SIZE)
    frames = np.stack([wall[:, (columns + speed * number) % wall.shape[1]] for number in range(FRAMES)])
    frames[:, :, :8] = 30
    frames[:, :, -8:] = 30 if symmetric else 220
    draws = rng.random((FRAMES, 2))
    return Clip("scenery", frames, np.stack([draws[:, 0] < left, draws[:, 1] < right], axis=1))


def test_moving_scenery_is_distinguished_from_a_static_picture() -> None:
    moving, still = FrameStatistics(dataset(scenery(3))), FrameStatistics(dataset(scenery(0)))
    dot = FrameStatistics(dataset(moving_dot(FRAMES, 1)))
    assert moving.camera_moves and moving.varying_share > 0.6
    assert not still.camera_moves and still.varying_share == 0.0
    assert not dot.camera_moves and 0 < dot.varying_share < 0.3


@pytest.mark.parametrize(
    ("clip", "keys", "expected"),
    [
        (scenery(3), SIDES, True),
        (scenery(3), ("a", "d"), True),
        (scenery(3, symmetric=False), SIDES, False),
        (scenery(3, left=0.05, right=0.5), SIDES, False),
        (scenery(3, left=0.0, right=0.0), SIDES, False),
        (scenery(3), ("left", "space"), False),
        (scenery(3), ("up", "down"), False),
    ],
)
def test_mirror_symmetry_needs_a_symmetric_picture_and_even_use_of_both_sides(
    clip: Clip, keys: tuple[str, ...], expected: bool
) -> None:
    data = dataset(clip)
    assert looks_mirrored(FrameStatistics(data), data, keys) == expected
