"""Models that the tests of autoplay share."""

import shutil
from pathlib import Path

import pytest
from support.small_models import Made, small_models

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def made(pytestconfig: pytest.Config) -> Made:
    """Not to be written to."""
    return small_models(pytestconfig)


@pytest.fixture
def model(made: Made, tmp_path: Path) -> Path:
    """A model's folder to do with as one likes."""
    return Path(shutil.copytree(made.folder, tmp_path / "small"))


@pytest.fixture
def data() -> Path:
    """The folder of models that another toolchain (TensorFlow) made; see its `make_models.py`."""
    return DATA
