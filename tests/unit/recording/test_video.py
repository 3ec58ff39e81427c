"""Tests of random access to video frames by time, with both codecs."""

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.recordings import frame_pixels, recording_meta, write_recording

from agp_tui.errors import RecordingError
from agp_tui.recording.store import Recording
from agp_tui.recording.timeline import stamps_ms
from agp_tui.recording.video import FFV1, FILE_NAME, X264, FrameReader

FRAMES = 100


@pytest.mark.parametrize(("codec", "fps"), [(FFV1, 30), (X264, 30), (X264, 5)])
def test_seek_returns_the_frame_at_the_time(tmp_path: Path, codec: str, fps: int) -> None:
    path = write_recording(
        tmp_path, FRAMES, meta=msgspec.structs.replace(recording_meta(fps=fps), codec=codec)
    )
    recording = Recording.open(path)
    assert recording.meta.codec == codec
    stamps = stamps_ms(recording.times_ns)
    reader = FrameReader(path / FILE_NAME, (48, 64))
    jumps = random.Random(1).sample(range(FRAMES), 30)
    for number in [0, 1, 2, 3, 7, 99, 99, 98, 97, 0, 40, 41, 60, *jumps]:
        assert np.array_equal(reader.frame_at(stamps[number]), frame_pixels(number))
    reader.close()
    reader.close()


def test_missing_frame_is_reported_and_reading_continues(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 20)
    stamps = stamps_ms(Recording.open(path).times_ns)
    reader = FrameReader(path / FILE_NAME, (48, 64))
    for missing in (stamps[3] + 1, stamps[-1] + 5, 10**7):
        with pytest.raises(RecordingError, match="found none at"):
            reader.frame_at(missing)
        assert np.array_equal(reader.frame_at(stamps[4]), frame_pixels(4))
    reader.close()


def test_invalid_video_is_reported(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 2)
    with pytest.raises(RecordingError, match="found 64x48 ones"):
        FrameReader(path / FILE_NAME, (64, 64))
    (path / FILE_NAME).write_bytes(b"no video")
    with pytest.raises(RecordingError):
        FrameReader(path / FILE_NAME, (48, 64))
