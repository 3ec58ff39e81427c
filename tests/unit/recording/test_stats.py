"""Tests of data-quality statistics: key shares, combinations, and each warning."""

from pathlib import Path

import numpy as np
import pytest
from support.recordings import frame_at, frame_time_ns, key_edge, recording_meta, write_recording

from agp_tui.games.base import Frame
from agp_tui.keys.state import KeyEdge
from agp_tui.protocol.results import Combination
from agp_tui.recording.exclusions import write_exclusions
from agp_tui.recording.quality_stats import recording_stats, stands_still
from agp_tui.recording.store import Recording, RecordingWriter, time_range

SIDES = recording_meta(keys=("up", "left", "right", "down"))


def _warnings(path: Path) -> tuple[str, ...]:
    return recording_stats(Recording.open(path)).warnings


def _held(key: str, start: int, stop: int) -> list[KeyEdge]:
    """Edges of a key held at the frames in [start, stop)."""
    return [key_edge(start - 0.5, key, True), key_edge(stop - 0.5, key, False)]


def test_key_shares_presses_and_combinations(tmp_path: Path) -> None:
    edges = [*_held("up", 2, 6), *_held("left", 4, 8), *_held("up", 12, 13)]
    found = recording_stats(Recording.open(write_recording(tmp_path, 20, edges)))
    assert found.shares == {"up": 0.25, "left": 0.2, "space": 0.0}
    assert found.presses == {"up": 2, "left": 1, "space": 0}
    together = [(one.keys, one.share) for one in found.combinations]
    assert together == [((), 0.65), (("up",), 0.15), (("left",), 0.1), (("up", "left"), 0.1)]
    assert found.warnings == ()
    assert found.report()["combinations"][0] == Combination(share=0.65)


def test_no_key_pressed(tmp_path: Path) -> None:
    (warning,) = _warnings(write_recording(tmp_path, 20))
    assert warning.startswith("No key is ever pressed by human")


@pytest.mark.parametrize(("frames", "idle"), [(9, True), (10, False)])
def test_warning_if_mostly_idle(tmp_path: Path, frames: int, idle: bool) -> None:
    found = _warnings(write_recording(tmp_path, 100, _held("space", 3, 3 + frames)))
    assert [warning.startswith("Mostly idle") for warning in found] == [True] * idle


@pytest.mark.parametrize(
    ("left", "right", "sided"), [(50, 0, True), (44, 4, True), (40, 4, False), (4, 44, True)]
)
def test_warning_if_one_sided(tmp_path: Path, left: int, right: int, sided: bool) -> None:
    edges = [*_held("left", 1, 1 + left), *_held("right", 55, 55 + right)] if right < 40 else [
        *_held("left", 1, 1 + left), *_held("right", 50, 50 + right)]  # fmt: skip
    found = [
        warning
        for warning in _warnings(write_recording(tmp_path, 100, edges, meta=SIDES))
        if "One-sided" in warning
    ]
    assert len(found) == sided
    if sided:
        assert found[0].startswith(f"One-sided: {'left' if left > right else 'right'} is held")


def test_only_opposite_keys_are_compared(tmp_path: Path) -> None:
    assert _warnings(write_recording(tmp_path, 100, _held("up", 1, 50), meta=SIDES)) == (
        "One-sided: up is held 49.0 % of the time, down 0.0 %.",
    )


@pytest.mark.parametrize(("missing", "expected"), [(1, False), (3, True)])
def test_warning_about_missed_slots(tmp_path: Path, missing: int, expected: bool) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    for number in [*range(100), *range(100 + missing, 200)]:
        writer.frame(frame_at(number))
    for one in _held("up", 1, 100):
        writer.edge(one)
    writer.close()
    assert ["are missing" in warning for warning in _warnings(writer.path)] == [True] * expected


@pytest.mark.parametrize(("shade", "messages"), [(90, ["stood still"]), (0, ["stood still", "are black"])])
def test_warning_about_still_and_black_frames(tmp_path: Path, shade: int, messages: list[str]) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    for number in range(20):
        writer.frame(
            Frame(np.full((48, 64, 3), shade, np.uint8), frame_time_ns(number), frame_time_ns(number))
        )
    for one in _held("up", 1, 10):
        writer.edge(one)
    writer.close()
    found = _warnings(writer.path)
    assert len(found) == len(messages)
    assert all(word in warning for word, warning in zip(messages, found, strict=True))


def _recording_with_stills(root: Path, still: range, frames: int = 200) -> Path:
    """The picture of the first frame of `still` is shown in all of it."""
    writer = RecordingWriter.create(root, recording_meta("rally"))
    for number in range(frames):
        shown = frame_at(still.start if number in still else number)
        writer.frame(Frame(shown.pixels, frame_time_ns(number), frame_time_ns(number)))
    writer.edge(key_edge(5, "up", True))
    writer.edge(key_edge(95, "up", False))
    writer.close()
    return writer.path


def test_long_standstill_is_reported_with_its_place_until_it_is_excluded(tmp_path: Path) -> None:
    assert _warnings(_recording_with_stills(tmp_path, range(20, 160), 320)) == ()
    path = _recording_with_stills(tmp_path, range(20, 175), 320)
    (warning,) = _warnings(path)
    assert "stands still from 0:00.7 to 0:05.8" in warning
    assert f"agp recordings exclude {path.name} --from 0.7 --to 5.833" in warning
    recording = Recording.open(path)
    write_exclusions(path, [time_range(recording, 21, 175)])
    assert _warnings(path) == ()


def test_recording_in_which_nothing_moves(tmp_path: Path) -> None:
    path = _recording_with_stills(tmp_path, range(200))
    assert stands_still(Recording.open(path))
    (warning,) = _warnings(path)
    assert warning == "All frames are alike: the game stood still, or the region does not show it."
