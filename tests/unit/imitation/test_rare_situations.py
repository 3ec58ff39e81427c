"""Clusters of frames with few examples and a large loss, on embeddings with a planted situation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agp_tui.imitation.rare_situations import FrameOutputs, find_rare_situations, principal_components

FPS = 30
COMMON = 1500


def outputs(
    centers: NDArray[np.float64], frames: NDArray[np.int64], likelihoods: NDArray[np.float64]
) -> FrameOutputs:
    """One key, held at every frame and predicted with these likelihoods; the last fifth is held out."""
    rng = np.random.default_rng(0)
    count = len(frames)
    held_out = np.zeros(count, np.bool_)
    held_out[count - count // 5 :] = True
    return FrameOutputs(
        np.zeros(count, np.int64),
        frames,
        held_out,
        (centers + 0.1 * rng.standard_normal(centers.shape)).astype(np.float32),
        likelihoods[:, None].astype(np.float32),
        np.ones((count, 1), np.bool_),
    )


def planted(visits: tuple[range, ...], likelihood: float) -> FrameOutputs:
    """Frames of two common situations; in `visits` there is a third one, with this likelihood."""
    frames = np.arange(COMMON)
    centers = np.zeros((COMMON, 40))
    centers[: COMMON // 2, 0] = 1.0
    likelihoods = np.full(COMMON, 0.9)
    for visit in visits:
        centers[visit.start : visit.stop] = 0.0
        centers[visit.start : visit.stop, 1] = 2.0
        likelihoods[visit.start : visit.stop] = likelihood
    return outputs(centers, frames, likelihoods)


def test_a_planted_situation_is_found_with_its_examples_and_visits() -> None:
    visits = (range(200, 220), range(700, 715), range(1400, 1410))
    (found,) = find_rare_situations(planted(visits, 0.2), FPS)
    everywhere = {frame for visit in visits for frame in visit}
    assert set(found.members.tolist()) <= everywhere and len(found.members) > 0.8 * len(everywhere)
    assert 25 <= found.examples <= 35 and found.visits == 3
    assert found.representative in found.members
    assert found.loss == pytest.approx(-np.log(0.2), rel=1e-4)
    assert found.relative_loss > 5 and found.loss_share > 5 * found.frame_share


def test_a_rare_situation_that_is_predicted_well_is_not_reported() -> None:
    assert find_rare_situations(planted((range(200, 230),), 0.9), FPS) == []


def test_a_common_situation_with_a_large_loss_is_not_called_rare() -> None:
    data = planted((), 0.9)
    data.probabilities[: COMMON // 2] = 0.1
    data.probabilities[COMMON // 2 :] = 0.999
    data.held_out[:] = np.arange(COMMON) % 5 == 0
    assert find_rare_situations(data, FPS) == []
    few = planted((range(200, 204),), 0.2)
    assert find_rare_situations(few, FPS) == [], "four frames are noise"


def test_the_largest_excess_loss_comes_first() -> None:
    data = planted((range(200, 240),), 0.3)
    data.embeddings[800:820, 2] += 3.0
    data.probabilities[800:820] = 0.3
    first, second = find_rare_situations(data, FPS)
    assert set(first.members.tolist()) <= set(range(200, 240))
    assert set(second.members.tolist()) <= set(range(800, 820))


def test_losses_are_relative_to_the_part_of_the_frame() -> None:
    data = planted((), 0.9)
    data.probabilities[data.held_out] = 0.5
    assert data.relative_losses == pytest.approx(np.ones(COMMON))


def test_principal_components_keep_what_differs() -> None:
    points = np.random.default_rng(0).standard_normal((200, 50)).astype(np.float32) * 0.01
    points[:, 7] += np.linspace(-3, 3, 200)
    first = principal_components(points, 3)
    assert first.shape == (200, 3)
    assert abs(np.corrcoef(first[:, 0], points[:, 7])[0, 1]) > 0.99
