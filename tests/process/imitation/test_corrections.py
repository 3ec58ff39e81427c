"""Training on corrections: dataset, validation set, and comparison of the models."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.commands import agp
from support.dot_dataset import SIDES, SIZE, dot_settings, moving_dot, record_dot, training_request
from support.fakes import EventLog
from support.recordings import recording_meta

from agp_tui.config import TrainSettings
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import RecordingError, SettingError
from agp_tui.imitation import model_comparison as comparing
from agp_tui.imitation.checkpoint import load_checkpoint, save_checkpoint
from agp_tui.imitation.class_weights import position_weights
from agp_tui.imitation.dataset import Dataset, IndexRange, open_clips_for
from agp_tui.imitation.model_comparison import compare_by_agreement, compare_by_play
from agp_tui.imitation.train import train
from agp_tui.imitation.train_validation_split import (
    dataset_with_corrections,
    not_yet_trained_on,
    split_newest,
)
from agp_tui.jobs.train import prepare_training
from agp_tui.models.manifest import read_manifest
from agp_tui.protocol.events import Note

CORRECTION_META = recording_meta("dots", size=(SIZE, SIZE), keys=SIDES, source="agent", labels="human")


def frames_of(ranges: tuple[IndexRange, ...], segment: int) -> set[tuple[int, int]]:
    """Every frame in a window of these positions, as (clip, frame)."""
    return {(one.clip, f) for one in ranges for f in range(max(one.start - segment + 1, 0), one.stop)}


def test_newest_fifth_is_held_out_without_shared_frames() -> None:
    first = replace(moving_dot(100, 0), labelled=np.arange(100) >= 20)
    learned, held_out = split_newest([moving_dot(50, 1), first, moving_dot(100, 2)], 1, 5)
    assert learned == (IndexRange(1, 20, 100), IndexRange(2, 0, 64))
    assert held_out == (IndexRange(2, 69, 100),)
    assert not frames_of(learned, 5) & frames_of(held_out, 5)


def test_corrections_weigh_more() -> None:
    plain, correction = moving_dot(100, 0), replace(moving_dot(100, 0), is_correction=True)
    ranges = (IndexRange(0, 0, 100), IndexRange(1, 0, 100))
    weights = position_weights(Dataset((plain, correction), ranges, (), 3), ranges, 10.0, 3.0, 4.0)
    assert weights[1] == pytest.approx(4 * weights[0])
    assert np.concatenate([weights[0], weights[1]]).mean() == pytest.approx(1.0)


class Base:
    """A model trained on two recordings of the dot, and two recordings of corrections."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own = [record_dot(root, 300, seed) for seed in range(2)]
        request = training_request(self.own, dot_settings(epochs=1))
        self.run = Run.create(root / "runs", "train", {})
        self.checkpoint = train(request, Job(), self.run, device="cpu").best
        self.corrections = [record_dot(root, 200, seed, meta=CORRECTION_META) for seed in (7, 8)]

    def train_on_corrections(self, event_log: EventLog, **changes: object) -> Path:
        request = training_request(
            (),
            dot_settings(corrections=True, **changes),
            start=self.checkpoint,
            corrections=tuple(self.corrections),
        )
        run = Run.create(self.root / "runs", "train", {})
        return train(request, Job(event_log), run, device="cpu").best


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return Base(tmp_path)


def test_own_recordings_and_validation_set_are_kept(base: Base) -> None:
    before = load_checkpoint(base.checkpoint)
    corrections = open_clips_for(before, base.corrections)
    dataset = dataset_with_corrections(
        before, lambda paths: open_clips_for(before, paths), corrections, hold_out=True, warn=pytest.fail
    )
    names = [clip.name for clip in dataset.clips]
    assert names == [*before.data["takes"], *map(str, base.corrections)]
    validation = [[r.clip, r.start, r.stop] for r in dataset.validation]
    assert validation == before.data["validation"]
    assert not frames_of(dataset.train, 3) & frames_of(dataset.validation, 3)
    assert {r.clip for r in dataset.train} == {0, 1, 2, 3}
    learned, held_out = split_newest(dataset.clips, 2, 3)
    assert set(learned) <= set(dataset.train) and not set(held_out) & set(dataset.train)


def test_training_on_corrections_improves_agreement(base: Base, event_log: EventLog) -> None:
    after = base.train_on_corrections(event_log, epochs=6)
    before, now = load_checkpoint(base.checkpoint), load_checkpoint(after)
    assert now.data["validation"] == before.data["validation"]
    assert now.data["takes"] == [*before.data["takes"], *map(str, base.corrections)]
    comparison = compare_by_agreement(base.checkpoint, after, tuple(base.corrections), Job())
    assert comparison is not None and comparison.by == "agreement" and comparison.improved
    assert comparison.after["F1"] > comparison.before["F1"]
    same = compare_by_agreement(after, after, tuple(base.corrections), Job())
    assert same is not None and not same.improved


def test_corrections_already_trained_on_are_skipped(base: Base, event_log: EventLog) -> None:
    after = load_checkpoint(base.train_on_corrections(event_log, epochs=1))
    before = load_checkpoint(base.checkpoint)
    assert not_yet_trained_on(before, base.corrections) == tuple(base.corrections)
    new = record_dot(base.root, 100, 9, meta=CORRECTION_META)
    assert not_yet_trained_on(after, [*base.corrections, new]) == (new,)
    with pytest.raises(RecordingError, match="only the 2 that it has"):
        not_yet_trained_on(after, base.corrections)


def test_deleted_recordings_give_a_warning(base: Base, event_log: EventLog) -> None:
    shutil.rmtree(base.own[0])
    after = base.train_on_corrections(event_log, epochs=1)
    warnings = [one.text for one in event_log.events if isinstance(one, Note) and one.level == "warning"]
    assert any("2 recordings 1 are gone" in text for text in warnings)
    assert str(base.own[0]) not in load_checkpoint(after).data["takes"]
    shutil.rmtree(base.own[1])
    checkpoint_data = load_checkpoint(base.train_on_corrections(event_log, epochs=1)).data
    assert checkpoint_data["takes"] == [str(path) for path in base.corrections]
    assert checkpoint_data["validation"], "the held-out corrections replace the missing validation set"


@pytest.mark.nightly
def test_comparison_of_a_model_with_itself(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """Games of a few seconds with a network that was not trained on Pong."""
    monkeypatch.setattr(comparing, "MAX_SECONDS", 3.0)
    model = replace(load_checkpoint(base.checkpoint), game="ALE/Pong-v5", keys=("up", "down"))
    save_checkpoint(base.root / "pong.pt", model)
    comparison = compare_by_play(base.root / "pong.pt", base.root / "pong.pt", 2, Job())
    assert comparison is not None and comparison.by == "play"
    assert comparison.before == comparison.after and not comparison.improved
    assert set(comparison.before) == {"mean score", "low", "high"}


@pytest.mark.nightly
def test_training_on_corrections_by_command(tmp_path: Path) -> None:
    """Both models remain, the manifest notes a model without improvement, and names are not reused."""
    root = tmp_path / "recordings"
    for seed in range(2):
        record_dot(root, 300, seed)
    flags = ("--segment", "3", "--epochs", "1", "--precision", "float32", "--threads", "1")
    trained = agp("train", "--game", "dots", "--name", "base", *flags, home=tmp_path)
    assert trained.code == 0, trained.summary()
    nothing = agp("train", "--from-model", "base", "--corrections", home=tmp_path)
    assert nothing.code == 2 and "corrections of dots, found none" in nothing.only_event("failed")["error"]
    record_dot(root, 200, 7, meta=CORRECTION_META)
    result = agp("train", "--from-model", "base", "--corrections", *flags, home=tmp_path)
    assert result.code == 0, result.summary()
    compared = result.finished["report"]["compared"]
    assert compared["by"] == "agreement"
    folder = tmp_path / "models" / "base-corrected"
    assert result.finished["model"] == str(folder) and (tmp_path / "models" / "base").is_dir()
    assert (read_manifest(folder).no_better_than is None) == compared["improved"]
    next_settings = TrainSettings(from_model="base-corrected", corrections=True)
    request = prepare_training(None, next_settings, root, folder.parent)
    assert (request.game, request.settings.name) == ("dots", "base-corrected-2")
    record_dot(root, 200, 8, meta=recording_meta("dots", size=(SIZE, SIZE), keys=("a", "d"), source="agent"))
    with pytest.raises(RecordingError, match=r"keys left, right at 30 .* found a, d at 30"):
        prepare_training(None, TrainSettings(from_model="base", corrections=True), root, folder.parent)


def test_corrections_need_a_model(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as error:
        prepare_training("dots", TrainSettings(corrections=True), tmp_path, tmp_path)
    assert error.value.setting == "from_model"
