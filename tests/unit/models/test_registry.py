"""Tests of the model registry: damaged models are listed with their problem, only models are deleted."""

import shutil
from pathlib import Path

import pytest
from support.small_models import SmallModels, manifest_for

from agp_tui.errors import ModelError
from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, write_manifest
from agp_tui.models.registry import delete, list_summaries


@pytest.fixture
def root(small_models: SmallModels, tmp_path: Path) -> Path:
    """A valid model, one without its file, one with a truncated manifest, and a third-party file."""
    for name in ("good", "gone", "torn"):
        shutil.copytree(small_models.folder, tmp_path / name)
        write_manifest(tmp_path / name, manifest_for(tmp_path / name))
    (tmp_path / "gone" / MODEL_FILE).unlink()
    (tmp_path / "torn" / MANIFEST_FILE).write_text("schema = ")
    shutil.copy(small_models.whole_window, tmp_path / "other.tflite")
    return tmp_path


def test_damaged_models_are_listed_with_their_problem(root: Path) -> None:
    found = {one.name: one for one in list_summaries(root)}
    assert list(found) == ["gone", "good", "other", "torn"]
    good = found["good"]
    assert (good.problem, good.game, good.fps, good.keys) == (
        "",
        "ALE/Pong-v5",
        30,
        manifest_for(root / "good").keys,
    )
    assert good.bytes == (root / "good" / MODEL_FILE).stat().st_size > 0
    assert "found none" in found["gone"].problem
    assert "Expected TOML" in found["torn"].problem
    assert found["other"].game is None and found["other"].problem == "" and found["other"].bytes > 0


def test_delete_refuses_a_folder_with_other_files(root: Path) -> None:
    (root / "gone" / "diary.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"found diary\.txt"):
        delete(root / "gone")
    for name in ("good", "torn", "other.tflite"):
        delete(root / name)
    assert [path.name for path in root.iterdir()] == ["gone"]
