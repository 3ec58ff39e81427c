"""Tests of the key filter search, with known results."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.dot_dataset import dot_settings, record_dot, training_request

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.evaluation.rollouts import ScoreSummary
from agp_tui.imitation import key_filter_search
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.key_filter_search import CANDIDATES, search_by_play, search_on_held_out
from agp_tui.imitation.train import train
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    """A checkpoint with a validation set."""
    own = [record_dot(tmp_path, 300, seed) for seed in range(2)]
    request = training_request(own, dot_settings(epochs=1))
    run = Run.create(tmp_path / "runs", "train", {})
    return load_checkpoint(train(request, Job(), run, device="cpu").best)


def test_filter_removes_flicker_on_held_out_frames(
    source: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is replaced by one that is correct except for short gaps while a key is held."""

    def probabilities(self: object, dataset: object, ranges: object, job: object = None) -> object:
        labels = dataset.labels(ranges).astype(np.float32)  # type: ignore[attr-defined]
        found = 0.1 + 0.8 * labels
        held_on = np.concatenate([np.zeros_like(labels[:1]), labels[:-1]]) * labels > 0
        found[::5][held_on[::5]] = 0.42
        return found.astype(np.float32)

    monkeypatch.setattr(key_filter_search.Trainer, "probabilities", probabilities)
    search = search_on_held_out(replace(source, thresholds=(0.5,) * len(source.keys)), Job())
    assert search is not None
    assert [one.filter_config for one in search.scores] == list(CANDIDATES)
    plain, hysteresis = search.scores[0], search.scores[1]
    assert hysteresis.f1 == pytest.approx(1.0) and hysteresis.change_f1 == pytest.approx(1.0)
    assert plain.f1 < 0.95
    assert hysteresis.changes == pytest.approx(search.changes)
    assert plain.changes > 1.2 * search.changes


def test_search_needs_the_held_out_recordings(source: Checkpoint) -> None:
    gone = replace(source, data={**source.data, "takes": ["/gone"] * 2})
    assert search_on_held_out(gone, Job()) is None


def test_only_a_significant_gain_is_accepted(source: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Games are replaced by known scores."""
    good, lucky = KeyFilterConfig(hysteresis=0.1), KeyFilterConfig(min_hold=2)
    first = {UNFILTERED: 1.0, good: 3.0, lucky: 9.0}
    later = {UNFILTERED: 1.0, good: 3.0, lucky: 1.0}

    def evaluate(
        _model: object, driver: key_filter_search.FilteredDriverFactory, episodes: int, seed: int, _job: Job
    ) -> ScoreSummary:
        mean = (first if seed == key_filter_search.SEED else later)[driver.filter_config]
        scores = tuple(
            mean + 0.1 * (game % 3 - 1) * (driver.filter_config == lucky) for game in range(episodes)
        )
        return ScoreSummary(scores, float(np.mean(scores)), 0.0, 0.0, 0, 0)

    monkeypatch.setattr(key_filter_search, "evaluate_in_game", evaluate)
    unlucky = search_by_play(Path("model"), source, (good, lucky), 6, Job())
    assert unlucky is not None and unlucky.best == lucky and not unlucky.helps
    better = search_by_play(Path("model"), source, (good,), 6, Job())
    assert (
        better is not None
        and better.best == good
        and better.helps
        and (better.gain.low, better.gain.high) == (2.0, 2.0)
    )
