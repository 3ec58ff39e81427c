from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.dots import SIDES, SIZE, recorded_dot, settings
from support.fakes import Heard

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import ModelError, RecordingError, SettingError
from agp_tui.imitation.checkpoint import load_checkpoint, save_checkpoint
from agp_tui.imitation.train import TrainRequest, train
from agp_tui.protocol.events import Note, Table

from .test_trainer import StopsAfter


def request(root: Path, frames: int = 400, **changes: object) -> TrainRequest:
    paths = [recorded_dot(root, frames, seed) for seed in range(2)]
    return TrainRequest.of(paths, settings(**changes), frame_size=SIZE)


def new_run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "train", {})


def test_recordings_become_a_checkpoint_with_its_figures(tmp_path: Path, job: Job, heard: Heard) -> None:
    asked = request(tmp_path, epochs=3)
    assert (asked.game, asked.keys, asked.fps) == ("dots", SIDES, 30)
    trained = train(asked, job, new_run(tmp_path), device="cpu")
    best = load_checkpoint(trained.best)
    assert (best.game, best.keys, best.fps, best.lead) == ("dots", SIDES, 30, 1)
    assert best.validation == trained.report and len(best.thresholds) == 2
    assert best.data["takes"] == [str(path) for path in asked.recordings]
    assert trained.why == "epochs" and trained.epochs == 3 and trained.frames > 1000
    assert any(isinstance(event, Table) for event in heard.events)
    verdict = [event.text for event in heard.events if isinstance(event, Note)][-1]
    assert verdict == trained.report["verdict"]


def test_a_run_that_was_stopped_goes_on_exactly(tmp_path: Path) -> None:
    asked = request(tmp_path, epochs=3, shift=1, jitter=0.05)
    straight = train(asked, Job(), new_run(tmp_path), device="cpu")
    run = new_run(tmp_path)
    stopped = train(asked, StopsAfter(25), run, device="cpu")
    assert stopped.why == "stopped" and stopped.last.is_file() and stopped.frames < straight.frames
    resumed = train(asked, Job(), run, device="cpu")
    one, other = load_checkpoint(straight.last), load_checkpoint(resumed.last)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert straight.report == resumed.report
    again = train(asked, Job(), run, device="cpu")
    assert again.frames == resumed.frames


def test_a_training_begins_from_a_checkpoint(tmp_path: Path, job: Job, heard: Heard) -> None:
    asked = request(tmp_path, epochs=1)
    first = train(asked, job, new_run(tmp_path), device="cpu")
    asked = replace(
        asked, start=first.best, settings=settings(epochs=1, segment=9, learning_rate=1e-8, motion=True)
    )
    second = load_checkpoint(train(asked, job, new_run(tmp_path), device="cpu").best)
    before = load_checkpoint(first.best)
    assert second.spec == before.spec and second.settings["segment"] == 3
    for name, weights in before.weights.items():
        torch.testing.assert_close(second.weights[name], weights, atol=1e-5, rtol=1e-5)
    notes = " ".join(event.text for event in heard.events if isinstance(event, Note))
    assert "Windows have 3 frames" in notes and "does not see motion" in notes


def test_a_checkpoint_of_other_keys_is_refused(tmp_path: Path, job: Job) -> None:
    asked = request(tmp_path, epochs=1)
    first = train(asked, job, new_run(tmp_path), device="cpu")
    other = tmp_path / "other.pt"
    save_checkpoint(other, replace(load_checkpoint(first.best), keys=("a", "d")))
    with pytest.raises(ModelError, match="keys"):
        train(replace(asked, start=other), job, new_run(tmp_path), device="cpu")


def test_a_fixed_validation_set_is_not_trained_on(tmp_path: Path, job: Job) -> None:
    asked = request(tmp_path, epochs=1)
    asked = replace(asked, validation=asked.recordings[1:])
    trained = train(asked, job, new_run(tmp_path), device="cpu")
    assert trained.report["positions"] == 400 and trained.frames == 400


def test_bad_requests_are_sentences(tmp_path: Path, job: Job) -> None:
    with pytest.raises(RecordingError, match="found none"):
        TrainRequest.of([], settings(), frame_size=SIZE)
    short = TrainRequest.of([recorded_dot(tmp_path / "s", 10, 0)], settings(segment=20), frame_size=SIZE)
    with pytest.raises(RecordingError, match="at least 21 frames"):
        train(short, job, new_run(tmp_path), device="cpu")
    asked = request(tmp_path, flip=True)
    train(replace(asked, settings=settings(flip=True, epochs=1)), job, new_run(tmp_path), device="cpu")
    with pytest.raises((SettingError, RecordingError)):
        train(replace(asked, keys=("left",)), job, new_run(tmp_path), device="cpu")
