from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from support.dot_dataset import SIDES, SIZE, dot_settings, record_dot, training_request
from support.fakes import EventLog
from support.recordings import recording_meta

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import ModelError, RecordingError
from agp_tui.games.view import View
from agp_tui.imitation.checkpoint import load_checkpoint, save_checkpoint
from agp_tui.imitation.train import train
from agp_tui.protocol.events import Note, Table
from agp_tui.protocol.requests import TrainingRequest
from agp_tui.recording.meta import read_meta, write_meta

from .test_trainer import StopsAfter


def request(root: Path, frames: int = 400, **changes: object) -> TrainingRequest:
    paths = [record_dot(root, frames, seed) for seed in range(2)]
    return training_request(paths, dot_settings(**changes))


def new_run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "train", {})


def test_training_writes_a_checkpoint_with_metrics(tmp_path: Path, job: Job, event_log: EventLog) -> None:
    wanted = request(tmp_path, epochs=3)
    trained = train(wanted, job, new_run(tmp_path), device="cpu")
    best = load_checkpoint(trained.best)
    assert (best.game, best.keys, best.fps, best.lead) == ("dots", SIDES, 30, 1)
    assert best.validation == trained.report and len(best.thresholds) == 2
    assert best.data["takes"] == [str(path) for path in wanted.recordings]
    assert trained.why == "epochs" and trained.epochs == 3 and trained.frames > 1000
    assert any(isinstance(event, Table) for event in event_log.events)
    verdict = [event.text for event in event_log.events if isinstance(event, Note)][-1]
    assert verdict == trained.report["verdict"]


def test_checkpoint_has_the_newest_view_and_different_views_are_reported(
    tmp_path: Path, job: Job, event_log: EventLog
) -> None:
    wanted = request(tmp_path, epochs=1)
    views = [View(region=(0, 0, 64, 64)), View(region=(9, 9, 128, 128))]
    for path, view, started_at in zip(wanted.recordings, views, (2.0, 1.0), strict=True):
        write_meta(path, msgspec.structs.replace(read_meta(path), view=view, started_at=started_at))
    first = train(wanted, job, new_run(tmp_path), device="cpu")
    assert load_checkpoint(first.best).view == views[0]
    warnings = [one.text for one in event_log.events if isinstance(one, Note) and one.level == "warning"]
    assert any("64x64" in text and "128x128" in text for text in warnings)


def test_stopped_run_resumes_exactly(tmp_path: Path) -> None:
    wanted = request(tmp_path, epochs=3, shift=1, jitter=0.05)
    straight = train(wanted, Job(), new_run(tmp_path), device="cpu")
    run = new_run(tmp_path)
    stopped = train(wanted, StopsAfter(25), run, device="cpu")
    assert stopped.why == "stopped" and stopped.last.is_file() and stopped.frames < straight.frames
    resumed = train(wanted, Job(), run, device="cpu")
    one, other = load_checkpoint(straight.last), load_checkpoint(resumed.last)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert straight.report == resumed.report
    again = train(wanted, Job(), run, device="cpu")
    assert again.frames == resumed.frames


def test_training_starts_from_a_checkpoint(tmp_path: Path, job: Job, event_log: EventLog) -> None:
    wanted = request(tmp_path, epochs=1)
    first = train(wanted, job, new_run(tmp_path), device="cpu")
    wanted = replace(
        wanted, start=first.best, settings=dot_settings(epochs=1, segment=9, learning_rate=1e-8, motion=True)
    )
    second = load_checkpoint(train(wanted, job, new_run(tmp_path), device="cpu").best)
    before = load_checkpoint(first.best)
    assert second.spec == before.spec and second.settings["segment"] == 3
    for name, weights in before.weights.items():
        torch.testing.assert_close(second.weights[name], weights, atol=1e-5, rtol=1e-5)
    notes = " ".join(event.text for event in event_log.events if isinstance(event, Note))
    assert "Windows have 3 frames" in notes and "does not see motion" in notes


def test_checkpoint_with_other_keys_is_refused(tmp_path: Path, job: Job) -> None:
    wanted = request(tmp_path, epochs=1)
    first = train(wanted, job, new_run(tmp_path), device="cpu")
    other = tmp_path / "other.pt"
    save_checkpoint(other, replace(load_checkpoint(first.best), keys=("a", "d")))
    with pytest.raises(ModelError, match="keys"):
        train(replace(wanted, start=other), job, new_run(tmp_path), device="cpu")


def test_bad_requests_raise_errors(tmp_path: Path, job: Job) -> None:
    with pytest.raises(RecordingError, match="found none"):
        train(training_request([], dot_settings()), job, new_run(tmp_path), device="cpu")
    short = training_request([record_dot(tmp_path / "s", 10, 0)], dot_settings(segment=20))
    with pytest.raises(RecordingError, match="at least 21 frames"):
        train(short, job, new_run(tmp_path), device="cpu")
    wanted = request(tmp_path, flip=True)
    train(replace(wanted, settings=dot_settings(flip=True, epochs=1)), job, new_run(tmp_path), device="cpu")
    other = record_dot(tmp_path, 200, 3, meta=recording_meta("dots", size=(SIZE, SIZE), keys=("a", "d")))
    with pytest.raises(RecordingError, match="same keys"):
        train(replace(wanted, recordings=(*wanted.recordings, other)), job, new_run(tmp_path), device="cpu")
