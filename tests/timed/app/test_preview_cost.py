"""What the live picture costs is measured on the real widget."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from benchmarks.app.preview import noisy_pictures, preview_cost


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """Python does not look through what other tests left while the few frames are timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.nightly
@pytest.mark.usefixtures("nothing_left_behind")
def test_the_ready_way_costs_a_part_of_the_plain_one() -> None:
    pictures = noisy_pictures(6)
    ready = asyncio.run(preview_cost("photo", pictures, "256", (40, 20), 15.0))
    plain = asyncio.run(preview_cost("photo", pictures, "plain", (40, 20), 5.0))
    assert 0 < ready.ms < plain.ms / 3
    assert 0 < ready.bytes < plain.bytes / 2
    assert ready.bytes_a_second(10.0) == 10 * ready.bytes
