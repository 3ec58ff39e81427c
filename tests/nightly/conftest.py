"""Marks every test in this folder as nightly; `make test-all` runs them."""

from pathlib import Path

import pytest

NIGHTLY_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(NIGHTLY_FOLDER):
            item.add_marker(pytest.mark.nightly)
