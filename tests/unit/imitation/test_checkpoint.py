import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.dot_dataset import SIDES, dot_settings, moving_dot

from agp_tui.engine.job import Job
from agp_tui.errors import ModelError
from agp_tui.games.view import View, WindowInfo
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.schedule import TrainState
from agp_tui.imitation.trainer import Trainer

VIEW = View(
    region=(-5, 20, 64, 48),
    display_size=(640, 480),
    window=WindowInfo(title="Dots", class_name="Dots", box=(0, 0, 64, 64)),
)
SPEC = NetworkSpec("small", 32, 3, 2)


def checkpoint() -> Checkpoint:
    weights = PolicyNetwork(SPEC).state_dict()
    return Checkpoint(SPEC, "dots", ("left", "right"), 30, 1, (0.4, 0.6), weights, {"f1": 0.5, "none": None})


@pytest.mark.parametrize("view", [None, VIEW])
def test_checkpoint_round_trip(tmp_path: Path, view: View | None) -> None:
    saved, path = replace(checkpoint(), view=view), tmp_path / "c.pt"
    save_checkpoint(path, saved)
    again = load_checkpoint(path)
    assert replace(again, weights={}) == replace(saved, weights={})
    assert all(torch.equal(again.weights[name], value) for name, value in saved.weights.items())
    frames = torch.randint(0, 256, (1, 4, 32, 32, 3), dtype=torch.uint8)
    assert torch.equal(again.network()(frames), saved.network()(frames))
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_keys_in_the_file_are_those_of_earlier_versions(tmp_path: Path) -> None:
    """A file with the keys of version 0.1.0 loads, resumes, and is written with the same keys."""
    data = Dataset(
        (moving_dot(60, 1), moving_dot(60, 2)), (IndexRange(0, 0, 60),), (IndexRange(1, 0, 60),), 3
    )
    trainer = Trainer(PolicyNetwork(SPEC), dot_settings(), SIDES, device="cpu", threads=1)
    counters = {
        "fits": 1,
        "epoch": 4,
        "step": 2,
        "positions": 300,
        "seconds": 1.5,
        "best": 0.4,
        "since_best": 1,
    }
    training = {
        "optimizer": trainer.optimizer.state_dict(),
        "counters": counters,
        "precision": "float32",
    }
    body = {
        "schema": 1,
        "spec": {"model": "small", "frame_size": 32, "segment": 3, "keys": 2, "embedding": 256},
        "game": "dots",
        "keys": list(SIDES),
        "fps": 30,
        "lead": 1,
        "thresholds": [0.4, 0.6],
        "weights": PolicyNetwork(SPEC).state_dict(),
        "validation": {},
        "settings": {"segment": 3, "stretch": 32},
        "training": training,
        "data": {"takes": ["a", "b"], "validation": [[1, 0, 60]], "step": 1},
    }
    path = tmp_path / "old.pt"
    torch.save(body, path)
    old = load_checkpoint(path)
    assert old.spec == SPEC and old.thresholds == (0.4, 0.6) and old.data == body["data"]
    trainer.load_state_dict(old.training)
    assert (trainer.state.epoch, trainer.state.since_best, trainer.precision) == (4, 1, "float32")
    assert trainer.fit(data, Job(), epochs=6).state.epoch == 6
    trainer.state = TrainState(**counters)
    save_checkpoint(path, replace(old, training=trainer.state_dict()))
    again = torch.load(path, weights_only=True)
    assert set(again) == set(body) and set(again["spec"]) == {*body["spec"], "motion"}
    assert set(again["weights"]) == set(body["weights"])
    assert set(again["training"]) == {*training, "network", "averaged_steps"}
    assert again["training"]["counters"] == counters


def test_bad_files_raise_model_errors(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    with pytest.raises(ModelError, match="found none"):
        load_checkpoint(path)
    save_checkpoint(path, checkpoint())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_checkpoint(path)
    torch.save({"something": 1}, path)
    with pytest.raises(ModelError, match="something else"):
        load_checkpoint(path)
    torch.save({"schema": 99}, path)
    with pytest.raises(ModelError, match="99"):
        load_checkpoint(path)
    torch.save({"schema": 1}, path)
    with pytest.raises(ModelError, match="part missing"):
        load_checkpoint(path)


class Hostile:
    def __init__(self, touched: Path) -> None:
        self._touched = touched

    def __reduce__(self) -> object:
        return os.mkdir, (str(self._touched),)


@pytest.mark.parametrize("write", [torch.save, lambda body, path: path.write_bytes(pickle.dumps(body))])
def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, write: object) -> None:
    touched, path = tmp_path / "ran", tmp_path / "c.pt"
    write({"schema": 1, "spec": Hostile(touched)}, path)  # type: ignore[operator]
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_checkpoint(path)
    assert not touched.exists()


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(ModelError, match="small network"):
        replace(checkpoint(), spec=NetworkSpec("small", 64, 3, 2)).network()
