"""Tests of the ring buffer of frames against `np.roll`."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agp_tui.models.frame_window import RingBuffer, resize


@given(length=st.integers(1, 7), count=st.integers(0, 30), filling=st.integers(0, 9))
def test_ring_buffer_equals_a_rolled_window(length: int, count: int, filling: int) -> None:
    ring: RingBuffer[np.int64] = RingBuffer(length, (2,), np.int64)
    plain = np.zeros((length, 2), np.int64)
    ring.fill(np.full(2, filling))
    plain[:] = filling
    window = np.empty_like(plain)
    for number in range(count):
        ring.advance()[:] = (number, -number)
        plain = np.roll(plain, -1, axis=0)
        plain[-1] = (number, -number)
        ring.copy_to(window)
        assert np.array_equal(window, plain)
    ring.fill(np.full(2, filling))
    ring.copy_to(window)
    assert (window == filling).all()


def test_frame_of_the_right_size_is_not_copied() -> None:
    picture = np.zeros((10, 12, 3), np.uint8)
    assert resize(picture, 10, 12) is picture
    assert resize(picture, 5, 4).shape == (5, 4, 3)
