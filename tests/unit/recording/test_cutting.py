"""Tests of trim, split and merge: bit-identical frames, and a timeline that is right at the new ends."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.recordings import (
    frame_at,
    frame_pixels,
    frame_time_ns,
    key_edge,
    recording_meta,
    write_recording,
)

from agp_tui.errors import Interrupted, RecordingError
from agp_tui.games.base import GameStatus
from agp_tui.recording import cutting, library
from agp_tui.recording.exclusions import ExclusionEditor, write_exclusions
from agp_tui.recording.integrity import check
from agp_tui.recording.meta import read_meta
from agp_tui.recording.repair import repair
from agp_tui.recording.store import Recording, RecordingWriter, find_recordings, time_range

WINDOW = 10


def no_progress(_done: int, _total: int) -> None:
    return


@pytest.fixture
def whole(tmp_path: Path) -> Recording:
    """90 frames; `space` held from the start to frame 40, `up` in 20 to 49, `left` from 60 to the end."""
    edges = [
        key_edge(40.5, "space", False),
        key_edge(19.5, "up", True),
        key_edge(49.5, "up", False),
        key_edge(59.5, "left", True),
        # Counts as the label of the last frame only.
        key_edge(89.5, "up", True),
    ]
    path = write_recording(
        tmp_path, 90, edges, held=frozenset({"space"}), end=frozenset({"left", "up"}),
        meta=recording_meta("rally"),
    )  # fmt: skip
    return Recording.open(path)


def trim(recording: Recording, start: float | None, stop: float | None, window: int = WINDOW) -> Recording:
    root = recording.path.parent.parent
    path = cutting.trim(recording, start, stop, root=root, window=window, progress=no_progress)
    return Recording.open(path)


def split(recording: Recording, *at: float) -> list[Recording]:
    root = recording.path.parent.parent
    paths = cutting.split(recording, at, root=root, window=WINDOW, progress=no_progress)
    return [Recording.open(path) for path in paths]


def merge(*recordings: Recording) -> Recording:
    root = recordings[0].path.parent.parent
    return Recording.open(cutting.merge(recordings, root=root, progress=no_progress))


def assert_frames(recording: Recording, numbers: Sequence[int], size: tuple[int, int] = (48, 64)) -> None:
    """It holds the frames of these numbers of `frame_pixels`, in order."""
    for number, pixels in zip(numbers, recording.frames(), strict=True):
        assert np.array_equal(pixels, frame_pixels(number, size))


def test_trimmed_recording_has_the_frames_keys_and_origin_of_its_part(whole: Recording) -> None:
    part = trim(whole, 1, 2)
    assert_frames(part, range(30, 60))
    assert np.array_equal(part.key_states(), whole.key_states()[30:60])
    assert np.array_equal(part.labels(1), whole.labels(1)[30:60])
    assert np.array_equal(part.times_ns, whole.times_ns[30:60])
    assert part.timeline.held_start == {"human": frozenset({"space", "up"})}
    # `left` goes down before the frame after the last.
    assert part.timeline.held_end == {"human": frozenset({"left"})}
    (source,) = part.meta.derived_from
    assert (source.recording, source.start, source.stop) == (f"rally/{whole.path.name}", 30, 60)
    assert source.started_ns == whole.meta.started_ns
    assert part.meta.started_at == pytest.approx(whole.meta.started_at + 1)
    assert (part.meta.state, part.meta.frames) == ("complete", 30)
    assert check(part.path) == ["Never pressed by human: left."]
    assert (
        "space up" in (part.path / "frames.srt").read_text()
        or "up space" in (part.path / "frames.srt").read_text()
    )
    # The original is as it was.
    assert_frames(Recording.open(whole.path), range(90))
    assert {file.name for file in part.path.iterdir()} == {file.name for file in whole.path.iterdir()}
    assert {file.stat().st_mode & 0o777 for file in part.path.iterdir()} == {0o600}


def test_large_frames_are_cut_losslessly(tmp_path: Path) -> None:
    """x264 needs the frames before the first one to decode it."""
    size = (540, 560)
    path = write_recording(tmp_path, 45, meta=recording_meta(size=size))
    part = trim(Recording.open(path), 1.2, None, window=5)
    assert part.meta.codec == Recording.open(path).meta.codec
    assert_frames(part, range(36, 45), size)


def test_pieces_of_a_split_are_the_whole(whole: Recording) -> None:
    pieces = split(whole, 2, 1)
    assert [len(piece) for piece in pieces] == [30, 30, 30]
    assert_frames(pieces[2], range(60, 90))
    assert np.array_equal(np.concatenate([piece.key_states() for piece in pieces]), whole.key_states())
    assert np.array_equal(np.concatenate([piece.labels(1) for piece in pieces]), whole.labels(1))
    assert [piece.path.name for piece in pieces] == sorted(piece.path.name for piece in pieces)


def test_merged_recording_follows_one_with_the_next(whole: Recording, tmp_path: Path) -> None:
    other = write_recording(
        tmp_path, 40, [key_edge(5.5, "left", True)], held=frozenset({"space"}), meta=recording_meta("rally")
    )
    second = Recording.open(other)
    merged = merge(whole, second)
    assert_frames(merged, [*range(90), *range(40)])
    assert np.array_equal(merged.key_states(), np.concatenate([whole.key_states(), second.key_states()]))
    gaps = np.diff(merged.times_ns)
    assert gaps.max() - gaps.min() < 1000, "the second begins one period after the first"
    assert len(merged.meta.derived_from) == 2
    assert check(merged.path) == []
    # No window of 20 frames and no label reaches across the seam.
    labelled = merged.labelled(2, 20)
    assert np.flatnonzero(~labelled).tolist() == list(range(88, 109))
    assert labelled.sum() == whole.labelled(2, 20).sum() + second.labelled(2, 20).sum() - 2 - 19

    part = trim(merged, 2, 4)
    assert np.flatnonzero(~part.labelled(2, 20)).tolist() == list(range(28, 49))
    assert np.array_equal(part.key_states(), merged.key_states()[60:120])


def test_exclusions_come_along(whole: Recording) -> None:
    write_exclusions(whole.path, [time_range(whole, 25, 35), time_range(whole, 80, 90)])
    first, second = split(whole, 1)
    assert np.flatnonzero(first.excluded()).tolist() == list(range(25, 30))
    assert np.flatnonzero(second.excluded()).tolist() == [*range(5), *range(50, 60)]
    merged = merge(second, first)
    assert np.flatnonzero(merged.excluded()).tolist() == [*range(5), *range(50, 60), *range(85, 90)]


def test_scores_start_with_the_part_and_add_up(tmp_path: Path) -> None:
    """One game ends before frame 20, one at 40, one at 70."""

    def scored(root: Path) -> Recording:
        writer = RecordingWriter.create(root, recording_meta("rally"))
        ended: tuple[float, ...] = ()
        for number in range(90):
            if number in (0, 20, 40, 70):
                ended = (*ended, float(number)) if number else ()
                writer.score(GameStatus(float(number), 3, len(ended), ended), frame_time_ns(number))
            writer.frame(frame_at(number))
        writer.close()
        return Recording.open(writer.path)

    whole = scored(tmp_path)
    part = trim(whole, 1, 2.5)
    first, *_, last = part.timeline.scores
    assert (first.status.score, first.status.episode, first.status.finished_scores) == (20.0, 1, ())
    assert (last.status.score, last.status.finished_scores) == (70.0, (40.0, 70.0))
    assert first.time_ns == part.times_ns[0]

    merged = merge(part, scored(tmp_path))
    assert merged.timeline.scores[-1].status.finished_scores == (40.0, 70.0, 20.0, 40.0, 70.0)
    times = np.array([change.time_ns for change in merged.timeline.scores])
    episodes = np.array([change.status.episode for change in merged.timeline.scores])
    at_seam = np.searchsorted(times, merged.times_ns[len(part)], side="right") - 1
    before = np.searchsorted(times, merged.times_ns[len(part) - 1], side="right") - 1
    assert episodes[at_seam] == episodes[before] + 1, "the game that was cut off does not go on"
    assert np.array_equal(np.sort(times), times)


def test_drivers_and_teacher_come_along(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta(source="agent", labels="human"))
    writer.driver("agent", 0)
    for number in range(60):
        if number == 20:
            writer.driver("human", frame_time_ns(19.5))
            writer.edge(key_edge(19.5, "left", True))
            writer.edge(key_edge(10, "up", True, "agent"))
        if number == 50:
            writer.driver("agent", frame_time_ns(49.5))
        writer.frame(frame_at(number))
    writer.close()
    whole = Recording.open(writer.path)
    part = trim(whole, 1, None)
    assert np.array_equal(part.labelled(), whole.labelled()[30:])
    for who in ("agent", "human"):
        assert np.array_equal(part.key_states(who), whole.key_states(who)[30:])  # type: ignore[arg-type]
    assert np.array_equal(merge(part, whole).labelled(), [*part.labelled(), *whole.labelled()])


def test_nudges_come_along(tmp_path: Path) -> None:
    """One is held at the cut."""
    edges = [key_edge(24.5, "up", True, "nudge"), key_edge(34.5, "up", False, "nudge")]
    whole = Recording.open(write_recording(tmp_path, 60, edges, meta=recording_meta("rally")))
    part = trim(whole, 1, None)
    assert np.array_equal(part.key_states("nudge"), whole.key_states("nudge")[30:])
    assert part.key_states("nudge").any() and not part.key_states("human").any()


def test_interrupted_recording_can_be_cut(whole: Recording) -> None:
    state = msgspec.structs.replace(whole.meta, state="recording", pid=0, frames=None, video_bytes=None)
    (whole.path / "meta.json").write_bytes(msgspec.json.encode(state))
    os.truncate(whole.path / "frames.mkv", (whole.path / "frames.mkv").stat().st_size - 2000)
    part = trim(Recording.open(whole.path), 1, None)
    assert part.meta.state == "recovered"
    assert_frames(part, range(30, 30 + len(part)))


@pytest.mark.parametrize(
    ("start", "stop", "sentence"),
    [
        (1.0, 1.2, "at least 10 frames, the window of a decision .* found 6 from 1.00 to 1.20 s"),
        (2.0, 1.0, "--from before --to, found 2 and 1 s"),
        (9.0, None, r"--from within the 3.00 s of rally/.*, found 9 s"),
        (0.0, 99.0, r"--to within the 3.00 s of rally/.*, found 99 s"),
        (0.0, 3.0, "to cut something off, found all 90 frames"),
    ],
)
def test_trim_refuses_bad_times(
    whole: Recording, start: float | None, stop: float | None, sentence: str
) -> None:
    with pytest.raises(RecordingError, match=sentence):
        trim(whole, start, stop)
    assert [path.name for path in whole.path.parent.iterdir()] == [whole.path.name]


def test_split_refuses_a_piece_shorter_than_a_window(whole: Recording) -> None:
    with pytest.raises(RecordingError, match=r"found 3 from 1\.00 to 1\.10 s"):
        split(whole, 1, 1.1)
    with pytest.raises(RecordingError, match=r"found 0 from 0\.00 to 0\.00 s"):
        split(whole, 0)


def test_merge_refuses_what_does_not_belong_together(whole: Recording, tmp_path: Path) -> None:
    region = msgspec.structs.replace(recording_meta("rally"), region=(0, 0, 256, 256))
    wrong = {
        "game, found rally in .* and chess": recording_meta("chess"),
        "keys, found left,space,up in .* and left,up": recording_meta("rally", keys=("up", "left")),
        "frames a second, found 30 in .* and 15": recording_meta("rally", fps=15),
        "frame size, found 64x48 in .* and 32x32": recording_meta("rally", size=(32, 32)),
        "view, found no region in .* and 256x256 pixels": region,
        "labels, found human in .* and expert": recording_meta("rally", labels="expert"),
    }
    for sentence, meta in wrong.items():
        other = Recording.open(write_recording(tmp_path, 12, meta=meta))
        with pytest.raises(RecordingError, match=f"the same {sentence}"):
            merge(whole, other)
    with pytest.raises(RecordingError, match=r"found rally/.* twice"):
        merge(whole, whole)
    with pytest.raises(RecordingError, match="at least two"):
        merge(whole)


def test_recording_in_progress_is_not_cut(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta("rally"))
    for number in range(30):
        writer.frame(frame_at(number))
    with pytest.raises(RecordingError, match="is being written"):
        trim(Recording.open(writer.path), 0.5, None)
    writer.close()


def test_damaged_frame_stops_the_cut_and_nothing_is_left(whole: Recording) -> None:
    video = whole.path / "frames.mkv"
    body = bytearray(video.read_bytes())
    middle = len(body) // 2
    body[middle : middle + 400] = bytes(400)
    video.write_bytes(body)
    with pytest.raises(RecordingError, match="damaged"):
        trim(Recording.open(whole.path), 0.1, None)
    assert [path.name for path in whole.path.parent.iterdir()] == [whole.path.name]


def test_copy_that_differs_is_noticed(whole: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the writer: each frame has one other pixel."""
    write = RecordingWriter.frame

    def damaged(self: RecordingWriter, frame):  # type: ignore[no-untyped-def]
        frame.pixels[5, 5] ^= 1
        write(self, frame)

    monkeypatch.setattr(RecordingWriter, "frame", damaged)
    with pytest.raises(RecordingError, match="found that it differs"):
        trim(whole, 1, None)
    assert find_recordings(whole.path.parent.parent) == [whole.path]


def test_stopped_cut_leaves_nothing(whole: Recording) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 180
        if done == 130:
            raise Interrupted("Stopped.")

    with pytest.raises(Interrupted):
        cutting.split(whole, [1], root=whole.path.parent.parent, window=WINDOW, progress=stop)
    assert [path.name for path in whole.path.parent.iterdir()] == [whole.path.name]


def test_what_a_killed_cut_left_is_removed_by_the_next_list(whole: Recording) -> None:
    game = whole.path.parent
    running, killed, starting, old = (game / f".cut-{name}.part" for name in ("1-a", "2-b", "3-c", "4-d"))
    for folder in (running, killed, starting, old):
        folder.mkdir()
    for folder, pid in ((running, os.getpid()), (killed, 0)):
        meta = msgspec.structs.replace(recording_meta("rally"), pid=pid)
        (folder / "meta.json").write_bytes(msgspec.json.encode(meta))
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    assert [one.path for one in library.list_recordings(game.parent)] == [str(whole.path)]
    assert (running.exists(), starting.exists()) == (True, True)
    assert (killed.exists(), old.exists()) == (False, False)


def test_training_takes_the_new_recording_instead_of_its_source(whole: Recording, tmp_path: Path) -> None:
    other = write_recording(tmp_path, 30, meta=recording_meta("rally"))
    first, second = split(whole, 1.5)
    again = trim(second, 0.5, None)
    paths = find_recordings(tmp_path, "rally")
    kept, left_out = library.without_sources(paths)
    assert set(kept) == {other, first.path, again.path}
    assert set(left_out) == {whole.path, second.path}
    assert left_out[second.path] == again.path
    # Another recording of the same name is not the source.
    meta = msgspec.structs.replace(read_meta(second.path), started_ns=1)
    (second.path / "meta.json").write_bytes(msgspec.json.encode(meta))
    assert second.path in library.without_sources(paths)[0]


def test_repair_keeps_exclusions_and_seams_in_place(whole: Recording) -> None:
    merged = merge(*split(whole, 1.5))
    ExclusionEditor(merged.path).exclude(time_range(merged, 60, 70))
    labelled = merged.labelled(1, 20)
    os.truncate(merged.path / "frames.mkv", (merged.path / "frames.mkv").stat().st_size - 3000)
    repair(merged.path)
    repaired = Recording.open(merged.path)
    assert 70 <= len(repaired) < 90
    assert np.array_equal(repaired.labelled(1, 20)[:-1], labelled[: len(repaired) - 1])
