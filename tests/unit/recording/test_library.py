"""Tests of the recording library: list, info, find, delete, and quality checks."""

import time
from pathlib import Path

import numpy as np
import pytest
from support.recordings import frame_at, frame_time_ns, key_edge, recording_meta, write_recording

from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame, GameStatus
from agp_tui.keys.state import KeyEdge
from agp_tui.recording import integrity, library
from agp_tui.recording.store import Recording, RecordingWriter


def _of_frames(root: Path, numbers: list[int], fps: int = 30) -> Path:
    writer = RecordingWriter.create(root, recording_meta(fps=fps))
    for number in numbers:
        writer.frame(frame_at(number))
    writer.close()
    return writer.path


def test_list_has_summaries(tmp_path: Path) -> None:
    first = write_recording(
        tmp_path, 30, [key_edge(14.5, "up", True), key_edge(29.5, "up", False)], meta=recording_meta("rally")
    )
    second = _of_frames(tmp_path, [*range(10), *range(20, 30)])
    broken = write_recording(tmp_path, 3, meta=recording_meta("zebra"))
    (broken / "frames.mkv").unlink()
    found = {Path(one.path): one for one in library.list_recordings(tmp_path)}
    assert set(found) == {first, second, broken}
    one = found[first]
    assert (one.game, one.state, one.frames, one.fps, one.filled) == ("rally", "complete", 30, 30, 1.0)
    assert one.seconds == pytest.approx(1.0, abs=0.01)
    assert one.held == {"up": 0.5, "left": 0.0, "space": 0.0}
    assert one.bytes == sum(file.stat().st_size for file in first.iterdir())
    assert found[second].filled == pytest.approx(20 / 30, abs=1e-4)
    assert (found[broken].state, found[broken].frames) == ("unreadable", 0)
    assert "frames.mkv" in found[broken].problem
    table = library.recordings_table(list(found.values()))
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert [one.path for one in library.list_recordings(tmp_path, "rally")] == [str(first)]
    assert library.list_recordings(tmp_path / "nothing") == []


def test_info_has_keys_and_scores(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    for number in range(10):
        writer.frame(frame_at(number))
    for one in (
        key_edge(1.5, "up", True),
        key_edge(3.5, "up", False),
        key_edge(5.5, "up", True),
        key_edge(6.5, "up", False),
    ):
        writer.edge(one)
    writer.score(GameStatus(4.0, 1, 1, (12.0,)), frame_time_ns(8))
    writer.close()
    facts = {str(name): value for name, value in library.info(writer.path).table().rows}
    assert facts["up (human)"] == "held 30.0 % of the time, 2 times"
    assert (facts["frames"], facts["frame size"], facts["scores of whole games"]) == (10, "64x48", "12")


def test_find_by_path_name_or_suffix(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 2, meta=recording_meta("ALE/Pong-v5"))
    for text in (
        str(path),
        path.name,
        f"ALE-Pong-v5/{path.name}",
        f"ALE/Pong-v5/{path.name}",
        path.name[-5:],
    ):
        assert library.resolve_recording(tmp_path, text) == path
    write_recording(tmp_path, 2, meta=recording_meta("other"))
    with pytest.raises(RecordingError, match="found 2"):
        library.resolve_recording(tmp_path, path.name[:6])
    with pytest.raises(RecordingError, match="Did you mean"):
        library.resolve_recording(tmp_path, path.name[:-1] + "x")
    for text in ("", "nothing", "/", "..", "../.."):
        with pytest.raises(RecordingError):
            library.resolve_recording(tmp_path, text)


def test_delete_removes_only_the_recording(tmp_path: Path) -> None:
    first, second = write_recording(tmp_path, 2), write_recording(tmp_path, 2)
    (first / ".cache").mkdir()
    (first / ".cache" / "frames-64-x.npy").write_bytes(b"0")
    library.delete(first)
    assert not first.exists()
    assert len(Recording.open(second)) == 2
    (second / "letter.txt").write_text("mine")
    with pytest.raises(RecordingError, match=r"letter\.txt"):
        library.delete(second)
    with pytest.raises(RecordingError):
        library.delete(tmp_path)
    with pytest.raises(RecordingError):
        library.delete(tmp_path / "nothing")
    assert len(Recording.open(second)) == 2


def test_damaged_recording_can_be_deleted(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 2)
    (path / "meta.json").write_text("{")
    library.delete(path)
    assert not path.exists()


def test_gaps_and_a_wrong_rate_are_reported(tmp_path: Path) -> None:
    gaps = integrity.check(_of_frames(tmp_path, [*range(10), *range(20, 30), 31]))
    assert any(
        "2 gaps with 11 frames missing" in problem and "0.37 s, at 0.3 s" in problem for problem in gaps
    )
    slow = integrity.check(_of_frames(tmp_path, list(range(0, 40, 2))))
    assert "Expected 30 frames a second, found 15.0." in slow


def test_unused_and_stuck_keys_are_reported(tmp_path: Path) -> None:
    stuck = write_recording(
        tmp_path, 200, [key_edge(20.5, "left", True), key_edge(5.5, "up", True), key_edge(9.5, "up", False)]
    )
    problems = integrity.check(stuck)
    assert "left is held for the last 5.9 s to the end: it may be stuck." in problems
    assert "Never pressed by human: space." in problems
    assert any(
        "No key is ever pressed" in problem for problem in integrity.check(write_recording(tmp_path, 3))
    )


def test_still_and_black_frames_are_reported(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta())
    writer.edge(KeyEdge(frame_time_ns(0), "up", True, "human"))
    for number in range(20):
        pixels = frame_at(0).pixels if number < 12 else np.zeros((48, 64, 3), np.uint8)
        writer.frame(Frame(pixels, frame_time_ns(number), frame_time_ns(number)))
    writer.close()
    problems = integrity.check(writer.path)
    assert any("95 % of the frames equal the one before" in problem for problem in problems)
    assert any("40 % of the frames are black" in problem for problem in problems)


def test_non_monotonic_frame_times_are_reported(tmp_path: Path) -> None:
    path = _of_frames(tmp_path, [0, 1, 3, 2, 4])
    assert any("not later" in problem for problem in integrity.check(path))
    assert len(list(Recording.open(path).frames())) == 5


def test_check_of_a_non_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        integrity.check(tmp_path)


def test_long_list_is_fast(tmp_path: Path) -> None:
    for _ in range(12):
        write_recording(tmp_path, 2)
    began = time.process_time()
    assert len(library.list_recordings(tmp_path)) == 12
    assert time.process_time() - began < 2
