from dataclasses import replace

import numpy as np
import pytest

from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Clip, IndexRange, labelled_ranges
from agp_tui.imitation.train_validation_split import split


def clip(length: int, corrections: bool = False) -> Clip:
    labels = np.zeros((length, 1), np.bool_)
    labels[::3] = True
    return Clip("t", np.zeros((length, 1, 1, 3), np.uint8), labels, corrections)


def seen(ranges: tuple[IndexRange, ...], segment: int) -> set[tuple[int, int]]:
    """All frames in the windows of these positions, as (clip, frame)."""
    return {(s.clip, f) for s in ranges for f in range(max(s.start - segment + 1, 0), s.stop)}


@pytest.mark.parametrize("lengths", [(100,), (400,), (3000,), (500, 90), (1000,) * 12, (50, 2000, 300)])
@pytest.mark.parametrize("segment", [1, 8, 20])
def test_training_and_validation_windows_share_no_frame(lengths: tuple[int, ...], segment: int) -> None:
    for seed in range(8):
        train, validation = split([clip(length) for length in lengths], 0.15, segment, seed)
        assert train and validation
        assert not seen(train, segment) & seen(validation, segment)
        for r in (*train, *validation):
            assert 0 <= r.start < r.stop <= lengths[r.clip]


def test_many_recordings_are_split_by_recording() -> None:
    train, validation = split([clip(200) for _ in range(10)], 0.2, 20, 0)
    assert {r.clip for r in train}.isdisjoint({r.clip for r in validation})
    assert sum(len(r) for r in validation) == 400


def test_validation_share_is_approximate() -> None:
    _, validation = split([clip(4000)], 0.15, 20, 3)
    assert sum(len(r) for r in validation) == pytest.approx(600, rel=0.1)
    assert len(validation) > 1


def test_corrections_are_not_used_for_validation() -> None:
    clips = [clip(300, corrections=number % 2 == 1) for number in range(12)]
    for seed in range(10):
        _, validation = split(clips, 0.15, 20, seed)
        assert not any(clips[r.clip].is_correction for r in validation)


def test_too_few_frames_to_split() -> None:
    with pytest.raises(RecordingError, match=r"at least 80 frames .* found 79"):
        split([clip(79)], 0.15, 20, 0)


def test_only_labelled_frames_are_used() -> None:
    shown = np.zeros(400, np.bool_)
    shown[50:120] = shown[300:330] = True
    part = replace(clip(400), labelled=shown)
    train, validation = split([clip(400), clip(400), part], 0.3, 4, 0)
    of_it = [(r.start, r.stop) for r in (*train, *validation) if r.clip == 2]
    assert of_it == [(50, 120), (300, 330)]
    found = labelled_ranges([part], [IndexRange(0, 0, 400)])
    assert [(r.start, r.stop) for r in found] == [(50, 120), (300, 330)]


def test_recordings_without_labels_are_refused() -> None:
    unlabelled = replace(clip(400), labelled=np.zeros(400, np.bool_))
    with pytest.raises(RecordingError, match="labelled frames both"):
        split([unlabelled, unlabelled, unlabelled], 0.3, 4, 0)
