"""Frames that wait beside the network are those that would have been gathered and sent."""

import numpy as np
import pytest
import torch

from agp_tui.imitation import batching as frame_store
from agp_tui.imitation.batching import FrameStore
from agp_tui.imitation.dataset import Clip, IndexRange

PIECES = [IndexRange(0, 0, 8), IndexRange(1, 3, 11), IndexRange(0, 27, 30)]


def clips() -> tuple[Clip, ...]:
    random = np.random.default_rng(0)
    return tuple(
        Clip(f"take {length}", random.integers(0, 256, (length, 4, 4, 3), dtype=np.uint8), labels)
        for length, labels in ((30, np.zeros((30, 1), np.bool_)), (20, np.zeros((20, 1), np.bool_)))
    )


@pytest.mark.parametrize("at_once", [7, 1024])
def test_both_ways_give_the_same(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """`cpu:0` stands for a graphics card, which is not everywhere: by its name frames are sent there once."""
    monkeypatch.setattr(frame_store, "_free", lambda _device: 1 << 30)
    monkeypatch.setattr(frame_store, "AT_ONCE", at_once)
    gathered = FrameStore(clips()).stretches(PIECES, 5, 8)
    store = FrameStore(clips(), "cpu:0")
    sent = store.stretches(PIECES, 5, 8)
    assert torch.equal(sent, gathered) and sent.shape == (3, 13, 4, 4, 3)
    assert (sent[0, :5] == 0).all() and (sent[2, 8:] == 0).all(), "black where there is nothing"
    # A batch that was given out is not changed by the next one.
    before = sent.clone()
    sent.zero_()
    assert torch.equal(store.stretches(PIECES, 5, 8), before)
