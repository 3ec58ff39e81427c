import numpy as np
import torch

from agp_tui.imitation.augmentation import Augmentation, Transform, center_and_augment
from agp_tui.imitation.batching import collate, split_chunks
from agp_tui.imitation.class_weights import combination_factors, key_changes, position_weights
from agp_tui.imitation.dataset import Clip, Dataset, IndexRange


def counting(length: int = 50, step: int = 1, segment: int = 4) -> Dataset:
    """Frame `i` has the value `i + 1` everywhere; its label is the lowest bit of `i`."""
    values = np.arange(1, length + 1, dtype=np.uint8)
    frames = np.broadcast_to(values[:, None, None, None], (length, 2, 2, 3))
    labels = (np.arange(length) % 2 == 1)[:, None]
    return Dataset((Clip("count", frames, labels),), (IndexRange(0, 0, length),), (), segment, step)


def test_frames_and_labels_are_aligned() -> None:
    data = counting()
    batch = collate(data, [IndexRange(0, 10, 18)], 8)
    assert batch.frames.shape == (1, 3 + 8, 2, 2, 3)
    for position in range(8):
        window = batch.frames[0, position : position + data.segment, 0, 0, 0]
        number = 10 + position
        assert window.tolist() == [number - 2, number - 1, number, number + 1]
        assert batch.labels[0, position, 0] == number % 2


def test_black_padding_before_the_start() -> None:
    batch = collate(counting(), [IndexRange(0, 0, 8)], 8)
    assert batch.frames[0, :4, 0, 0, 0].tolist() == [0, 0, 0, 1]
    assert batch.padding == (3,)


def test_padding_of_a_short_chunk_has_no_weight() -> None:
    batch = collate(counting(), [IndexRange(0, 0, 8), IndexRange(0, 45, 50)], 8)
    assert batch.weights[1].tolist() == [1] * 5 + [0] * 3
    assert batch.positions == 13


def test_chunks_cover_every_position_once() -> None:
    ranges = [IndexRange(0, 3, 47), IndexRange(1, 0, 5)]
    for seed in range(20):
        chunks = split_chunks(ranges, 8, np.random.default_rng(seed))
        found = sorted((p.clip, i) for p in chunks for i in range(p.start, p.stop))
        assert found == [(0, i) for i in range(3, 47)] + [(1, i) for i in range(5)]
        assert max(len(chunk) for chunk in chunks) <= 8


def test_step_skips_positions() -> None:
    data = counting(step=3)
    weights = position_weights(data, data.train, 10.0, 1.0)
    batch = collate(data, [IndexRange(0, 0, 9)], 9, weights=weights)
    assert (batch.weights[0] > 0).tolist() == [True, False, False] * 3


def test_class_weights_are_capped_inverse_frequencies() -> None:
    rows = np.array([[0, 0]] * 90 + [[1, 0]] * 9 + [[0, 1]] * 1, np.bool_)
    factors = combination_factors(rows, 20.0)
    assert [factors[row.tobytes()] for row in rows[[0, 90, 99]]] == [1.0, 10.0, 20.0]


def test_mean_weight_is_one_and_changes_weigh_more() -> None:
    labels = np.zeros((40, 1), np.bool_)
    labels[20:] = True
    data = Dataset(
        (Clip("t", np.zeros((40, 1, 1, 3), np.uint8), labels),), (IndexRange(0, 0, 40),), (), segment=2
    )
    weights = position_weights(data, data.train, 10.0, 3.0)[0]
    assert np.isclose(weights.mean(), 1.0)
    assert key_changes(labels).nonzero()[0].tolist() == [20]
    assert np.isclose(weights[20] / weights[19], 3.0)


def picture() -> torch.Tensor:
    """One chunk of two frames, the first of them blank, with a bright pixel at row 2, column 5."""
    frames = torch.full((1, 2, 8, 8, 3), 100, dtype=torch.uint8)
    frames[0, 0] = 0
    frames[0, 1, 2, 5] = 200
    return frames


MEAN = torch.full((8, 8, 3), 100.0)


def test_shift_moves_the_difference_and_keeps_padding() -> None:
    result = center_and_augment(picture(), MEAN, 10.0, [Transform(down=3, right=-4)], [1])
    assert (result[0, 0] == -100).all()
    assert result[0, 1].nonzero()[:, :2].unique(dim=0).tolist() == [[5, 1]]
    assert result[0, 1, 5, 1, 0] == 100


def test_identity_transform_is_the_difference_from_the_mean() -> None:
    assert torch.equal(
        center_and_augment(picture(), MEAN, 10.0, [Transform()], [1]), picture().float() - MEAN
    )


def test_contrast_and_brightness() -> None:
    result = center_and_augment(picture(), MEAN, 10.0, [Transform(contrast=0.5, brightness=0.2)], [1])
    assert result[0, 1, 2, 5, 0] == 52 and result[0, 1, 0, 0, 0] == 2 and (result[0, 0] == -100).all()


def test_flip_mirrors_frames_and_swaps_left_and_right() -> None:
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    frames[:, 2, 1] = 200
    labels = np.array([[True, False, False]] * 4)
    data = Dataset((Clip("t", frames, labels),), (IndexRange(0, 0, 4),), (), segment=1)
    augment = Augmentation(0, 0.0, np.array([1, 0, 2]))
    flipped = 0
    for seed in range(20):
        batch = collate(data, data.train, 4, augmentation=augment, rng=np.random.default_rng(seed))
        shown = center_and_augment(batch.frames, torch.zeros(8, 8, 3), 1.0, batch.transforms, batch.padding)
        column = int(shown[0, 0, 2, :, 0].argmax())
        assert batch.labels[0, 0].tolist() == ([0, 1, 0] if column == 6 else [1, 0, 0])
        flipped += column == 6
    assert 0 < flipped < 20
