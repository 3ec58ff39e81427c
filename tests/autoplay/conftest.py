"""Models that the tests of autoplay share."""

import shutil
from pathlib import Path

import pytest
from support.small_models import Made, make_models

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once for the run; not to be written to."""
    root = tmp_path_factory.mktemp("made")
    made = Made(root / "small", root / "whole.tflite")
    make_models(made.folder, made.whole_window)
    return made


@pytest.fixture
def model(made: Made, tmp_path: Path) -> Path:
    """A model's folder to do with as one likes."""
    return Path(shutil.copytree(made.folder, tmp_path / "small"))


@pytest.fixture
def data() -> Path:
    """The folder of models that another toolchain (TensorFlow) made; see its `make_models.py`."""
    return DATA
