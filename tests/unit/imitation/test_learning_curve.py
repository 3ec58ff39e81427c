"""The power law of a learning curve on known laws, and the subsets it is trained on."""

from collections.abc import Callable

import numpy as np
import pytest
from support.dot_dataset import moving_dot

from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.learning_curve import TRAIN_SIZES, curve_result, training_subsets

FPS = 30


def losses_of(law: Callable[[float], float], noise: float = 0.0, seed: int = 0) -> dict[float, list[float]]:
    """Two trainings per size with relative noise."""
    rng = np.random.default_rng(seed)
    return {size: [law(size) * (1 + noise * rng.standard_normal()) for _ in range(2)] for size in TRAIN_SIZES}


def test_a_known_power_law_is_continued() -> None:
    result = curve_result(losses_of(lambda size: 0.3 * size**-0.3), 4.0, 6, None)
    assert result.outlook == "helps"
    assert result.forecast.minutes == 8.0
    assert result.forecast.loss == pytest.approx(0.3 * 2**-0.3, rel=0.05)
    assert result.forecast.low < 0.3 * 2**-0.3 < result.forecast.high < result.fitted.loss
    assert "from 0.30 to about 0.2" in result.statement and "(0.2" in result.statement


def test_losses_that_do_not_fall_promise_little() -> None:
    for law in (lambda _size: 0.3, lambda size: 0.3 * size**0.05):
        result = curve_result(losses_of(law), 4.0, 6, None)
        assert result.outlook == "little", result
        assert "hardly" in result.statement


def test_noise_makes_it_unclear() -> None:
    result = curve_result({0.25: [0.4, 0.3], 0.5: [0.27, 0.4], 1.0: [0.3, 0.34]}, 4.0, 6, None)
    assert result.outlook == "unclear"
    assert "not clear" in result.statement
    assert result.forecast.high - result.forecast.low > 0.05


def test_falling_losses_whose_interval_includes_the_loss_of_now_are_unclear() -> None:
    result = curve_result({0.25: [0.279, 0.119], 0.5: [0.134, 0.114], 1.0: [0.081, 0.075]}, 1.6, 12, None)
    assert result.outlook == "unclear"
    assert result.forecast.loss < result.fitted.loss < result.forecast.high


def test_intervals_contain_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits = []
    for seed in range(60):
        exponent, floor = rng.uniform(0, 1), rng.uniform(0, 0.9)

        def law(size: float, exponent: float = exponent, floor: float = floor) -> float:
            return 0.3 * (floor + (1 - floor) * size**-exponent)

        found = curve_result(losses_of(law, noise=0.03, seed=seed), 4.0, 6, None).forecast
        hits.append(found.low <= law(2.0) <= found.high)
    assert np.mean(hits) >= 0.88


def test_trainings_shorter_than_that_of_the_model_are_called_short() -> None:
    losses = losses_of(lambda size: 0.4 * size**-0.2)
    assert curve_result(losses, 4.0, 6, 0.3).too_short
    assert not curve_result(losses, 4.0, 6, 0.39).too_short


def dataset(*lengths: int) -> Dataset:
    clips = tuple(moving_dot(length, seed) for seed, length in enumerate(lengths))
    train = tuple(IndexRange(number, 0, length - 60) for number, length in enumerate(lengths))
    return Dataset(clips, train, (IndexRange(0, lengths[0] - 50, lengths[0]),), segment=10)


def positions(data: Dataset) -> list[tuple[int, int]]:
    return [(r.clip, frame) for r in data.train for frame in range(r.start, r.stop)]


def test_subsets_are_nested_and_an_epoch_has_always_as_many_positions() -> None:
    whole = dataset(700, 560)
    for seed in range(4):
        quarter, half, everything = training_subsets(whole, FPS, seed).values()
        assert set(positions(quarter)) < set(positions(half)) < set(positions(everything))
        assert set(positions(everything)) == set(positions(whole))
        for data, share in ((quarter, 0.25), (half, 0.5), (everything, 1.0)):
            assert len(set(positions(data))) == round(share * 1140)
            assert len(positions(data)) == 1140
            assert data.validation == whole.validation
    seeds = [training_subsets(whole, FPS, seed)[0.25].train for seed in range(4)]
    assert len(set(seeds)) > 1, "repeats train on different parts"


def test_too_few_frames_for_subsets() -> None:
    with pytest.raises(RecordingError, match=r"at least 3 s of training frames .* found 2 s"):
        training_subsets(dataset(130), FPS, 0)
