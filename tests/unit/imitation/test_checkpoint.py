import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agp_tui.errors import ModelError
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

SPEC = NetworkSpec("small", 32, 3, 2)


def checkpoint() -> Checkpoint:
    weights = PolicyNetwork(SPEC).state_dict()
    return Checkpoint(SPEC, "dots", ("left", "right"), 30, 1, (0.4, 0.6), weights, {"f1": 0.5, "none": None})


def test_everything_comes_back(tmp_path: Path) -> None:
    made, path = checkpoint(), tmp_path / "c.pt"
    save_checkpoint(path, made)
    again = load_checkpoint(path)
    assert replace(again, weights={}) == replace(made, weights={})
    assert all(torch.equal(again.weights[name], value) for name, value in made.weights.items())
    frames = torch.randint(0, 256, (1, 4, 32, 32, 3), dtype=torch.uint8)
    assert torch.equal(again.network()(frames), made.network()(frames))
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_bad_files_are_sentences(tmp_path: Path) -> None:
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
