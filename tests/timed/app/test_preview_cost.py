"""The cost of the live picture, measured on the widget itself."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from benchmarks.app.preview import noisy_pictures, preview_cost


@pytest.fixture
def frozen_garbage() -> Iterator[None]:
    """Exclude the objects of other tests from garbage collection during the measurement."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.nightly
@pytest.mark.usefixtures("frozen_garbage")
def test_prerendered_picture_costs_a_fraction_of_the_plain_one() -> None:
    pictures = noisy_pictures(6)
    prerendered = asyncio.run(preview_cost("photo", pictures, "256", (40, 20), 15.0))
    plain = asyncio.run(preview_cost("photo", pictures, "plain", (40, 20), 5.0))
    assert 0 < prerendered.ms < plain.ms / 3
    assert 0 < prerendered.bytes < plain.bytes / 2
    assert prerendered.bytes_per_second(10.0) == 10 * prerendered.bytes
