"""Tests of the recording format: lossless frames, aligned keys, readable by other programs."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recordings import (
    KEYS,
    frame_at,
    frame_pixels,
    frame_time_ns,
    key_edge,
    recording_meta,
    write_recording,
)

from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame, GameStatus
from agp_tui.keys.state import KeyEdge, apply_edges
from agp_tui.recording.meta import game_slug
from agp_tui.recording.repair import repair
from agp_tui.recording.store import Recording, RecordingWriter, find_recordings
from agp_tui.recording.video import FFV1, X264, codec_for

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg (apt install ffmpeg)")


@pytest.mark.parametrize("size", [(48, 64), (210, 160), (33, 47), (256, 256), (540, 560)])
def test_frames_are_lossless(tmp_path: Path, size: tuple[int, int]) -> None:
    count = 40 if size[0] < 500 else 34
    recording = Recording.open(write_recording(tmp_path, count, meta=recording_meta(size=size)))
    assert recording.meta.codec == codec_for(*size)
    assert len(recording) == count
    for number, pixels in enumerate(recording.frames()):
        np.testing.assert_array_equal(pixels, frame_pixels(number, size))


def test_large_frames_use_the_large_frame_codec(tmp_path: Path) -> None:
    assert (codec_for(512, 512), codec_for(720, 1280)) == (FFV1, X264)


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Larger than 512x512: key frames every 30, so that seeking has to decode its way.
    return write_recording(tmp_path_factory.mktemp("long"), 64, meta=recording_meta(size=(520, 530)))


@pytest.mark.parametrize(("start", "count"), [(0, 3), (29, 3), (47, 1), (61, 9), (63, 1), (64, 2), (10, 0)])
def test_random_access_to_frames(long_recording: Path, start: int, count: int) -> None:
    found = list(Recording.open(long_recording).frames(start, start + count))
    assert len(found) == max(0, min(count, 64 - start))
    for number, pixels in enumerate(found, start=start):
        np.testing.assert_array_equal(pixels, frame_pixels(number, (520, 530)))


def test_key_state_excludes_edges_at_the_grab_time(tmp_path: Path) -> None:
    edges = [
        key_edge(1.5, "left", True),
        KeyEdge(frame_time_ns(3), "space", True, "human"),  # at the very moment of frame 3: counts from 4
        KeyEdge(frame_time_ns(4) - 1, "left", False, "human"),  # just before frame 4
        key_edge(4.2, "up", False),
    ]
    recording = Recording.open(write_recording(tmp_path, 7, edges, held=frozenset({"up"})))
    expected = [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 1]]
    np.testing.assert_array_equal(recording.key_states(), np.array(expected, bool))


def test_labels_are_shifted_key_states(tmp_path: Path) -> None:
    edges = [key_edge(1.5, "up", True), key_edge(3.5, "up", False), key_edge(4.5, "left", True)]
    recording = Recording.open(write_recording(tmp_path, 5, edges, end=frozenset({"left"})))
    up = [0, 0, 1, 1, 0]
    assert recording.key_states()[:, 0].tolist() == up
    assert recording.labels(0)[:, 0].tolist() == up
    assert recording.labels(1)[:, 0].tolist() == [0, 1, 1, 0, 0]
    assert recording.labels(2)[:, 0].tolist() == [1, 1, 0, 0, 0]
    # Left goes down after the last frame: only the final key state has it.
    assert recording.labels(0)[:, 1].tolist() == [0, 0, 0, 0, 0]
    assert recording.labels(2)[:, 1].tolist() == [0, 0, 0, 1, 1]


def test_late_edges_are_ordered_by_time(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    for number in range(4):
        writer.frame(frame_at(number))
    writer.edge(key_edge(2.5, "up", False))
    writer.edge(key_edge(0.5, "up", True))
    writer.close()
    assert Recording.open(writer.path).key_states()[:, 0].tolist() == [False, True, True, False]


def test_keys_of_each_source_are_separate(tmp_path: Path) -> None:
    edges = [
        key_edge(0.5, "up", True, "agent"),
        key_edge(1.5, "left", True, "expert"),
        key_edge(2.5, "up", False, "agent"),
    ]
    meta = recording_meta(source="agent", labels="expert")
    recording = Recording.open(write_recording(tmp_path, 4, edges, meta=meta))
    assert recording.key_states("agent")[:, 0].tolist() == [0, 1, 1, 0]
    assert not recording.key_states("agent")[:, 1].any()
    assert recording.key_states("expert")[:, 1].tolist() == [0, 0, 1, 1]
    assert recording.key_states()[:, :2].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    np.testing.assert_array_equal(recording.labels(0), recording.key_states("expert"))


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(KEYS), st.booleans()), max_size=30))
@settings(max_examples=20, deadline=None)
def test_key_states_agree_with_replaying_the_edges(events: list[tuple[int, str, bool]]) -> None:
    import tempfile

    edges = [KeyEdge(frame_time_ns(0) + at * 1_000_000, key, down, "human") for at, key, down in events]
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording.open(write_recording(Path(folder), 12, edges, held=frozenset({"up"})))
        ordered = sorted(edges, key=lambda one: one.time_ns)
        for number, row in enumerate(recording.key_states()):
            before = [one for one in ordered if one.time_ns < frame_time_ns(number)]
            held = apply_edges(frozenset({"up"}), before)
            assert {key for key, down in zip(KEYS, row, strict=True) if down} == held


def test_unknown_keys_are_not_written(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 2, [key_edge(0.5, "p", True)], held=frozenset({"w"}))
    text = (path / "timeline.jsonl").read_text()
    assert '"p"' not in text
    assert '"w"' not in text


def test_scores_round_trip(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    changes = [
        GameStatus(0, 3, 0, ()),
        GameStatus(2, 2, 0, ()),
        GameStatus(0, 3, 1, (2.0,)),
        GameStatus(1, 3, 2, (2.0, 5.0)),
    ]
    for number, status in enumerate(changes):
        writer.frame(frame_at(number))
        writer.score(status, frame_time_ns(number))
    writer.close()
    scores = Recording.open(writer.path).timeline.scores
    assert [change.status for change in scores] == changes
    assert [change.time_ns for change in scores] == [frame_time_ns(number) for number in range(4)]


def test_recordings_of_one_second_get_distinct_folders(tmp_path: Path) -> None:
    meta = recording_meta("ALE/Pong-v5")
    paths = [write_recording(tmp_path, 1, meta=meta) for _ in range(3)]
    assert len(set(paths)) == 3
    assert all(re.fullmatch(r"\d{8}-\d{6}(-\d+)?", path.name) for path in paths)
    assert paths[0].parent == tmp_path / "ALE-Pong-v5"
    assert find_recordings(tmp_path) == find_recordings(tmp_path, "ALE/Pong-v5") == sorted(paths)
    assert find_recordings(tmp_path, "other") == []


@pytest.mark.parametrize(
    ("game", "slug"), [("ALE/Pong-v5", "ALE-Pong-v5"), ("../../x y", "x-y"), ("Ü-boot", "boot")]
)
def test_game_folder_names(game: str, slug: str) -> None:
    assert game_slug(game) == slug


@pytest.mark.parametrize("game", ["", "..", "///"])
def test_empty_game_name_is_refused(game: str) -> None:
    with pytest.raises(RecordingError):
        game_slug(game)


def test_recording_is_readable_by_the_owner_only(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "deep", 3, [key_edge(0.5, "up", True)])
    assert {file.name for file in path.iterdir()} == {
        "meta.json",
        "frames.mkv",
        "timeline.jsonl",
        "frames.srt",
    }
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in path.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    with pytest.raises(ValueError, match="48, 64"):
        writer.frame(Frame(frame_pixels(0, (48, 48)), frame_time_ns(0), frame_time_ns(0)))


@needs_ffmpeg
@pytest.mark.parametrize("size", [(48, 64), (540, 560)])
def test_ffmpeg_decodes_the_same_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_recording(tmp_path, 8, meta=recording_meta(size=size))
    command = ["ffmpeg", "-v", "error", "-i", path / "frames.mkv", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(
        [*command[:-1], "-fps_mode", "passthrough", "-"], capture_output=True, check=True
    ).stdout
    found = np.frombuffer(raw, np.uint8).reshape(-1, *size, 3)
    np.testing.assert_array_equal(found, [frame_pixels(number, size) for number in range(8)])


@needs_ffmpeg
def test_video_has_the_recorded_speed(tmp_path: Path) -> None:
    # Frames 10 to 19 are missing: the video must freeze there, not run ahead.
    writer = RecordingWriter.create(tmp_path, recording_meta())
    for number in [*range(10), *range(20, 30)]:
        writer.frame(frame_at(number))
    writer.close()
    facts = _probe(writer.path / "frames.mkv", "-show_entries", "packet=pts_time:format=duration")
    times = [float(packet["pts_time"]) for packet in facts["packets"]]
    assert times == pytest.approx([number / 30 for number in [*range(10), *range(20, 30)]], abs=0.001)
    assert float(facts["format"]["duration"]) == pytest.approx(1.0, abs=0.01)


@needs_ffmpeg
def test_subtitles_show_the_held_keys(tmp_path: Path) -> None:
    edges = [
        key_edge(2.5, "up", True),
        key_edge(5.5, "space", True),
        key_edge(8.5, "up", False),
        key_edge(9.5, "space", False),
    ]
    path = write_recording(tmp_path, 15, edges)
    facts = _probe(path / "frames.srt", "-show_entries", "packet=pts_time,duration_time")
    spans = [(float(one["pts_time"]), float(one["duration_time"])) for one in facts["packets"]]
    expected = [(3 / 30, 3 / 30), (6 / 30, 3 / 30), (9 / 30, 1 / 30)]
    assert np.array(spans) == pytest.approx(np.array(expected), abs=0.002)
    lines = (path / "frames.srt").read_text().split("\n")
    assert [line for line in lines if line and not re.match(r"[\d:,]+( -->|$)", line)] == [
        "up",
        "up space",
        "space",
    ]


def test_subtitles_show_teacher_keys(tmp_path: Path) -> None:
    edges = [key_edge(0.5, "up", True, "agent"), key_edge(0.5, "left", True, "expert")]
    path = write_recording(tmp_path, 3, edges, meta=recording_meta(source="agent", labels="expert"))
    assert "up (expert: left)" in (path / "frames.srt").read_text()


def _probe(file: Path, *arguments: str) -> dict[str, list[dict[str, str]]]:
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(file)]
    found = subprocess.run(command, capture_output=True, check=True).stdout
    return msgspec.json.decode(found)  # type: ignore[no-any-return]


def test_drivers_of_each_frame(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta(source="agent", labels="human"))
    writer.driver("agent", frame_time_ns(0))
    for number in range(10):
        if number == 4:
            writer.driver("human", frame_time_ns(3.5))
        if number == 8:
            writer.driver("agent", frame_time_ns(8))
        writer.frame(frame_at(number))
    writer.close()
    labelled = Recording.open(writer.path).labelled()
    assert np.flatnonzero(labelled).tolist() == [4, 5, 6, 7]
    os.truncate(writer.path / "frames.mkv", writer.bytes - 200)
    repair(writer.path)
    repaired = Recording.open(writer.path)
    assert len(repaired) >= 8
    assert np.flatnonzero(repaired.labelled()).tolist() == [4, 5, 6, 7]


def test_every_frame_is_labelled_without_driver_entries(tmp_path: Path) -> None:
    assert Recording.open(write_recording(tmp_path, 5)).labelled().all()
