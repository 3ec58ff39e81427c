"""Tests of exclusions: what training does not learn from."""

from pathlib import Path

import numpy as np
import pytest
from support.recordings import key_edge, recording_meta, write_recording

from agp_tui.errors import RecordingError
from agp_tui.recording import library
from agp_tui.recording.exclusions import (
    FILE_NAME,
    ExclusionEditor,
    TimeRange,
    read_exclusions,
    united,
    without,
    write_exclusions,
)
from agp_tui.recording.export import export_recording
from agp_tui.recording.integrity import find_problems
from agp_tui.recording.store import Recording, time_range


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    edges = [key_edge(4.5, "up", True), key_edge(24.5, "up", False)]
    return Recording.open(write_recording(tmp_path / "recordings", 40, edges, meta=recording_meta("rally")))


def test_ranges_are_united_and_subtracted() -> None:
    assert united([TimeRange(5, 9), TimeRange(1, 3), TimeRange(3, 4), TimeRange(8, 12), TimeRange(7, 7)]) == (
        TimeRange(1, 4),
        TimeRange(5, 12),
    )
    assert without([TimeRange(0, 10), TimeRange(20, 30)], TimeRange(4, 22)) == (
        TimeRange(0, 4),
        TimeRange(22, 30),
    )
    assert without([TimeRange(0, 10)], TimeRange(0, 10)) == ()


def test_neither_an_excluded_frame_nor_an_excluded_label_is_learned(recording: Recording) -> None:
    ExclusionEditor(recording.path).exclude(time_range(recording, 10, 20))
    assert np.flatnonzero(recording.excluded()).tolist() == list(range(10, 20))
    # The labels of frames 8 and 9 are keys of frames 10 and 11.
    assert np.flatnonzero(~recording.labelled(2)).tolist() == list(range(8, 20))
    assert (recording.path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_changes_are_taken_back_one_by_one(recording: Recording) -> None:
    editor = ExclusionEditor(recording.path)
    first, second = time_range(recording, 0, 10), time_range(recording, 5, 15)
    editor.exclude(first)
    editor.exclude(second)
    assert read_exclusions(recording.path) == (time_range(recording, 0, 15),)
    assert editor.seconds == pytest.approx(0.5, abs=0.001)
    editor.include(second)
    assert read_exclusions(recording.path) == (time_range(recording, 0, 5),)
    assert editor.undo() and editor.undo()
    assert read_exclusions(recording.path) == (first,)
    assert editor.undo() and not editor.undo()
    assert not (recording.path / FILE_NAME).exists()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"schema":1,"excluded":[{"start_ns":1}]}', "list the stretches to leave out"),
        (b'{"schema":2,"excluded":[]}', "schema 1 or older .* found schema 2"),
        (b'{"schema":1,"excluded":[{"start_ns":0,"stop_ns":99999999999999999999}]}', "64 bits|list the"),
        (b" " * (1 << 21), "found more than"),
    ],
)
def test_damaged_file_is_reported_and_not_ignored(recording: Recording, body: bytes, sentence: str) -> None:
    """Training on what was excluded would be worse than an error."""
    (recording.path / FILE_NAME).write_bytes(body)
    with pytest.raises(RecordingError, match=sentence):
        recording.labelled()
    summary = library.summary(recording.path)
    assert (summary.state, summary.frames) == ("complete", 40) and summary.problem
    assert any(FILE_NAME in problem.text for problem in find_problems(recording.path))


def test_list_info_and_exports_show_exclusions(recording: Recording, tmp_path: Path) -> None:
    write_exclusions(recording.path, [time_range(recording, 20, 30)])
    assert library.summary(recording.path).excluded == pytest.approx(1 / 3, abs=0.001)
    found = library.info(recording.path)
    assert found.facts["excluded from training"] == "0.3 s, 25.0 % of the frames"
    assert ["excluded 1", "0:00.7 to 0:01.0, frames 20 to 29"] in found.table().rows
    assert [(one.start, one.stop) for one in found.report().excluded] == [(20, 30)]

    arrays = np.load(export_recording(recording, "npz", tmp_path / "out.npz"))
    assert np.flatnonzero(arrays["excluded"]).tolist() == list(range(20, 30))
    folder = export_recording(recording, "png", tmp_path / "out")
    header, *rows = (folder / "keys.csv").read_text().splitlines()
    assert header.endswith(",space,excluded")
    assert [number for number, row in enumerate(rows) if row.endswith(",1")] == list(range(20, 30))
    export_recording(recording, "mp4", tmp_path / "out.mp4")
    assert "[not for training] up\n" in (tmp_path / "out.srt").read_text()


def test_excluded_recording_is_deleted_whole(recording: Recording) -> None:
    write_exclusions(recording.path, [time_range(recording, 20, 30)])
    library.delete(recording.path)
    assert not recording.path.exists()
