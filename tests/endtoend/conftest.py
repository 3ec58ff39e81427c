"""What the tests through the command line share: a window to play in and a folder to be in."""

from pathlib import Path

import pytest
from support.bright_model import BrightModel, make_bright_model


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the commands run: nothing is there yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def bright(tmp_path_factory: pytest.TempPathFactory) -> BrightModel:
    """A model that looks for the bright half of the picture, made once; not to be written to."""
    root = tmp_path_factory.mktemp("bright")
    model = BrightModel(root / "bright", root / "whole.tflite")
    make_bright_model(model.folder, model.whole_window)
    return model
