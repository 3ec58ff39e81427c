import numpy as np
import pytest

from agp_tui.imitation.metrics import (
    ValidationReport,
    majority_combination,
    validation_report,
)
from agp_tui.imitation.thresholds import choose_thresholds

KEYS = ("left", "right")
LABELS = np.array([[1, 0], [1, 0], [0, 0], [0, 1], [0, 1], [0, 0]], np.bool_)
PREVIOUS = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [0, 1], [0, 1]], np.bool_)


def report_of(probabilities: np.ndarray, shifted: np.ndarray | None = None) -> ValidationReport:
    return validation_report(
        probabilities.astype(np.float32),
        LABELS,
        previous=PREVIOUS,
        majority=np.array([True, False]),
        keys=KEYS,
        thresholds=(0.5, 0.5),
        shifted=() if shifted is None else [shifted.astype(np.float32)],
    )


def test_metrics_by_hand() -> None:
    found = report_of(np.array([[0.9, 0], [0.1, 0], [0.8, 0], [0, 0.9], [0, 0.9], [0, 0.1]]))
    left, right = found.keys
    assert (left.base_rate, left.precision, left.recall, left.f1) == pytest.approx((1 / 3, 0.5, 0.5, 0.5))
    assert (right.precision, right.recall, right.f1) == (1.0, 1.0, 1.0)
    assert found.model.f1 == pytest.approx(0.75)
    assert found.changes == 3


def test_baselines_by_hand() -> None:
    found = report_of(np.zeros((6, 2)))
    # repeat: left has precision 2/3 and recall 2/2; right has 1/2 and 1/2.
    assert found.repeat.f1 == pytest.approx((0.8 + 0.5) / 2)
    # At the three change frames only right is pressed, and repeat misses it.
    assert found.repeat.change_f1 == 0.0
    # majority: always left: precision 2/6, recall 1.
    assert found.majority.f1 == pytest.approx((0.5 + 0.0) / 2)
    # The same per key, next to the model's own figures.
    plain = found.figures()["keys"]
    assert [(key["repeat_f1"], key["majority_f1"]) for key in plain] == [(0.8, 0.5), (0.5, 0.0)]


def test_true_keys_of_the_frame_before_are_no_baseline() -> None:
    """`repeat` has a better F1 here, but a player does not know these keys."""
    found = report_of(np.array([[0.9, 0], [0.1, 0], [0.8, 0], [0, 0.9], [0, 0.1], [0, 0.1]]))
    assert found.majority.f1 < found.model.f1 < found.repeat.f1 and found.result.beats_baselines
    worse = report_of(np.zeros((6, 2)))
    assert not worse.result.beats_baselines
    assert not ValidationReport.of(worse.figures()).result.beats_baselines


def test_best_checkpoint_has_the_greatest_likelihood_on_shifted_frames() -> None:
    exact, rates = LABELS.astype(np.float64), np.full((6, 2), 1 / 3)
    entropy = -(np.log(1 / 3) / 3 + np.log(2 / 3) * 2 / 3)
    perfect, useless, lost = (report_of(exact, one) for one in (exact, rates, 1 - exact))
    for report in (perfect, useless, lost):
        assert report.base_rate_loss == pytest.approx(entropy) and report.loss == pytest.approx(0, abs=1e-6)
    assert useless.shifted_loss == pytest.approx(entropy)
    assert perfect.shifted_loss == pytest.approx(0, abs=1e-6)
    assert lost.shifted_loss is not None and lost.shifted_loss > entropy
    # The best checkpoint is the one with the greatest likelihood, whatever its F1 on plain frames.
    assert perfect.score == pytest.approx(1)
    assert useless.score == pytest.approx(np.exp(-entropy), abs=1e-3)
    assert lost.score < useless.score
    assert report_of(exact).shifted_loss is None and report_of(rates).score == pytest.approx(useless.score)


def test_no_pressed_key_gives_no_verdict() -> None:
    empty = np.zeros((4, 1), np.bool_)
    found = validation_report(
        np.zeros((4, 1), np.float32),
        empty,
        thresholds=(0.5,),
        previous=empty,
        majority=np.array([False]),
        keys=("up",),
    )
    assert found.keys[0].f1 is None and not found.result.beats_baselines and "say nothing" in found.verdict


def test_thresholds_are_chosen_for_each_key() -> None:
    labels = np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.bool_)
    probabilities = np.array([[0.1, 0.6], [0.2, 0.66], [0.31, 0.9], [0.35, 0.71]], np.float32)
    low, high = choose_thresholds(probabilities, labels)
    assert 0.2 < low <= 0.31 and 0.66 < high <= 0.71


def test_majority_combination() -> None:
    assert majority_combination(np.array([[0, 1], [1, 1], [0, 1]], np.bool_)).tolist() == [False, True]


def test_report_round_trip() -> None:
    found = report_of(LABELS.astype(float), np.full((6, 2), 0.4))
    again = ValidationReport.of(found.figures())
    assert again.figures() == found.figures() and again.table().rows == found.table().rows
