"""Which way of holding keys fits held-out frames best, where the answer is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.dots import SIZE, recorded_dot, settings

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.evaluation.rollouts import ScoreSummary
from agp_tui.imitation import key_filter_search as steadying
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.key_filter_search import CANDIDATES, search_by_play, search_on_held_out
from agp_tui.imitation.train import TrainRequest, train
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    """A checkpoint that held out a part of what it was trained on."""
    own = [recorded_dot(tmp_path, 300, seed) for seed in range(2)]
    asked = TrainRequest.of(own, settings(epochs=1), frame_size=SIZE)
    run = Run.create(tmp_path / "runs", "train", {})
    return load_checkpoint(train(asked, Job(), run, device="cpu").best)


def test_a_trembling_model_is_steadied_on_its_held_out_frames(
    source: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the network says is put in its place: the right keys, but for lapses while a key is held."""

    def said(self: object, dataset: object, ranges: object, job: object = None) -> object:
        labels = dataset.labels(ranges).astype(np.float32)  # type: ignore[attr-defined]
        found = 0.1 + 0.8 * labels
        held_on = np.concatenate([np.zeros_like(labels[:1]), labels[:-1]]) * labels > 0
        found[::5][held_on[::5]] = 0.42
        return found.astype(np.float32)

    monkeypatch.setattr(steadying.Trainer, "probabilities", said)
    frames = search_on_held_out(replace(source, thresholds=(0.5,) * len(source.keys)), Job())
    assert frames is not None
    assert [one.filter_config for one in frames.found] == list(CANDIDATES)
    plain, hysteresis = frames.found[0], frames.found[1]
    assert hysteresis.f1 == pytest.approx(1.0) and hysteresis.change_f1 == pytest.approx(1.0)
    assert plain.f1 < 0.95
    assert hysteresis.changes == pytest.approx(frames.changes)
    assert plain.changes > 1.2 * frames.changes


def test_without_the_held_out_recordings_there_are_no_figures(source: Checkpoint) -> None:
    gone = replace(source, data={**source.data, "takes": ["/gone"] * 2})
    assert search_on_held_out(gone, Job()) is None


def test_only_what_gains_beyond_doubt_helps(source: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The games are put in the place of real ones: their scores are known."""
    good, lucky = KeyFilterConfig(hysteresis=0.1), KeyFilterConfig(min_hold=2)
    first = {UNFILTERED: 1.0, good: 3.0, lucky: 9.0}
    later = {UNFILTERED: 1.0, good: 3.0, lucky: 1.0}

    def exam(
        _model: object, seat: steadying.FilteredDriverFactory, episodes: int, seed: int, _job: Job
    ) -> ScoreSummary:
        mean = (first if seed == steadying.SEED else later)[seat.steadiness]
        scores = tuple(mean + 0.1 * (game % 3 - 1) * (seat.steadiness == lucky) for game in range(episodes))
        return ScoreSummary(scores, float(np.mean(scores)), 0.0, 0.0, 0, 0)

    monkeypatch.setattr(steadying, "exam", exam)
    unlucky = search_by_play(Path("model"), source, (good, lucky), 6, Job())
    assert unlucky is not None and unlucky.best == lucky and not unlucky.helps
    better = search_by_play(Path("model"), source, (good,), 6, Job())
    assert better is not None and better.best == good and better.helps and better.gain == (2.0, 2.0)
