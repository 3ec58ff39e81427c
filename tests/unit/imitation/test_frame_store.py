"""Tests of the frame store: frames copied to the device in advance equal frames copied per batch."""

import numpy as np
import pytest
import torch

from agp_tui.imitation import batching
from agp_tui.imitation.batching import FrameStore
from agp_tui.imitation.dataset import Clip, IndexRange

CHUNKS = [IndexRange(0, 0, 8), IndexRange(1, 3, 11), IndexRange(0, 27, 30)]


def clips() -> tuple[Clip, ...]:
    random = np.random.default_rng(0)
    return tuple(
        Clip(f"clip {length}", random.integers(0, 256, (length, 4, 4, 3), dtype=np.uint8), labels)
        for length, labels in ((30, np.zeros((30, 1), np.bool_)), (20, np.zeros((20, 1), np.bool_)))
    )


@pytest.mark.parametrize("copy_frames", [7, 1024])
def test_both_paths_give_the_same_frames(monkeypatch: pytest.MonkeyPatch, copy_frames: int) -> None:
    """`cpu:0` stands for a GPU: frames are copied to any device that is not "cpu"."""
    monkeypatch.setattr(batching, "_free_memory", lambda _device: 1 << 30)
    monkeypatch.setattr(batching, "COPY_FRAMES", copy_frames)
    from_memory = FrameStore(clips()).chunks(CHUNKS, 5, 8)
    store = FrameStore(clips(), "cpu:0")
    from_device = store.chunks(CHUNKS, 5, 8)
    assert torch.equal(from_device, from_memory) and from_device.shape == (3, 13, 4, 4, 3)
    assert (from_device[0, :5] == 0).all() and (from_device[2, 8:] == 0).all(), "padding is black"
    # A returned batch does not share memory with the store.
    before = from_device.clone()
    from_device.zero_()
    assert torch.equal(store.chunks(CHUNKS, 5, 8), before)
