"""Diagnosis of a model after a real training: a planted rare situation, its picture, the learning curve."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.commands import agp
from support.dot_dataset import (
    SIDES,
    SIZE,
    dot_settings,
    moving_dot,
    record_clip,
    record_dot,
    training_request,
)
from support.fakes import EventLog

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import RecordingError
from agp_tui.imitation.checkpoint import CHECKPOINT_FILE, load_checkpoint
from agp_tui.imitation.dataset import Clip
from agp_tui.imitation.diagnosis import find_rare_situations_of
from agp_tui.imitation.train import train
from agp_tui.models.manifest import MODEL_FILE, Manifest, sha256_of, write_manifest
from agp_tui.protocol.events import Note, Table
from agp_tui.recording.store import Recording

FRAMES = 900
NIGHT = (range(200, 220), range(610, 630))
"""When the picture is inverted and the dot's direction means the opposite key."""


def dot_with_nights(seed: int) -> Clip:
    clip = moving_dot(FRAMES, seed)
    for night in NIGHT:
        part = slice(night.start, night.stop)
        clip.frames[part] = 255 - clip.frames[part]
        clip.labels[part] = ~clip.labels[part]
    return clip


class Trained:
    """A model of the dot in a folder of models; its `.tflite` is never opened."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.recordings = [
            record_clip(root / "recordings", dot_with_nights(0)),
            record_dot(root / "recordings", FRAMES, 1),
        ]
        request = training_request(self.recordings, dot_settings(epochs=3))
        run = Run.create(root / "runs", "train", {})
        self.checkpoint = train(request, Job(), run, device="cpu", threads=1).best
        folder = root / "models" / "dots"
        folder.mkdir(parents=True)
        shutil.copy(self.checkpoint, folder / CHECKPOINT_FILE)
        (folder / MODEL_FILE).write_bytes(b"model")
        manifest = Manifest(
            name="dots", game="dots", keys=SIDES, thresholds=(0.5, 0.5), fps=30, frame_size=SIZE, segment=3,
            embedding=256, sha256=sha256_of(b"model"), checkpoint=CHECKPOINT_FILE,
        )  # fmt: skip
        write_manifest(folder, manifest)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("diagnosed"))


def test_the_planted_situation_is_found_and_its_picture_written(
    trained: Trained, tmp_path: Path, event_log: EventLog
) -> None:
    (tmp_path / "9.png").write_bytes(b"of an earlier diagnosis")
    situations = find_rare_situations_of(trained.checkpoint, tmp_path, Job(event_log))
    first = situations[0]
    assert Path(first.recording) == trained.recordings[0].resolve()
    assert any(first.frame in night for night in NIGHT)
    assert first.seconds == pytest.approx(first.frame / 30, abs=0.01)
    assert 0 < first.examples + first.held_out <= 60 and first.visits <= 4
    assert first.relative_loss > 2 and first.loss_share > 2 * first.frame_share
    assert len(first.keys) == 1
    picture = cv2.imread(first.picture)
    assert picture is not None
    (expected,) = Recording.open(trained.recordings[0]).frames(first.frame, first.frame + 1)
    assert np.array_equal(picture[:, :, ::-1], expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{number}.png" for number in range(1, len(situations) + 1)
    ]
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    assert table.rows[0][:2] == ["1.png", trained.recordings[0].name]
    assert any(isinstance(event, Note) and str(tmp_path) in event.text for event in event_log.events)


@pytest.mark.nightly
def test_diagnosis_by_command_has_situations_and_a_learning_curve(trained: Trained) -> None:
    result = agp("models", "diagnose", "dots", "--epochs", "1", home=trained.root)
    assert result.code == 0, result.summary()
    report = result.finished["report"]
    run = trained.root / "runs" / result.finished["run"]
    assert Path(report["rare_situations"][0]["picture"]) == run / "situations" / "1.png"
    assert (run / "situations" / "1.png").is_file()
    curve = report["learning_curve"]
    minutes = [point["minutes"] for point in curve["points"]]
    assert minutes[2] == pytest.approx(2 * minutes[1], abs=0.02) == pytest.approx(4 * minutes[0], abs=0.04)
    assert all(len(point["losses"]) == 2 for point in curve["points"])
    assert curve["outlook"] in ("helps", "little", "unclear")
    assert curve["forecast"]["low"] <= curve["forecast"]["loss"] <= curve["forecast"]["high"]
    notes = [event["text"] for event in result.events if event["type"] == "note"]
    assert curve["statement"] in notes
    stages = [event["name"] for event in result.events if event["type"] == "stage"]
    assert stages == ["find rare situations", "learning curve"]


def test_recordings_that_are_gone_are_named(trained: Trained, tmp_path: Path) -> None:
    source = load_checkpoint(trained.checkpoint)
    names = source.data["takes"]
    moved = trained.root / "moved"
    shutil.move(names[0], moved)
    events = EventLog()
    try:
        assert find_rare_situations_of(trained.checkpoint, tmp_path, Job(events)) is not None
        assert any(isinstance(one, Note) and "2 recordings 1 are gone" in one.text for one in events.events)
        shutil.move(names[1], trained.root / "moved too")
        with pytest.raises(RecordingError, match="was trained on, found none"):
            find_rare_situations_of(trained.checkpoint, tmp_path, Job())
        shutil.move(trained.root / "moved too", names[1])
    finally:
        shutil.move(moved, names[0])


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    missing = agp("models", "diagnose", "nothing", home=tmp_path)
    assert missing.code == 2 and "model named 'nothing'" in missing.only_event("failed")["error"]
