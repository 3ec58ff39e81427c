import threading
from pathlib import Path

import numpy as np
import pytest
from support.dot_dataset import SIDES, SIZE, moving_dot, record_dot
from support.recordings import (
    frame_at,
    frame_pixels,
    frame_time_ns,
    key_edge,
    recording_meta,
    write_recording,
)

from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame
from agp_tui.imitation.dataset import (
    Clip,
    IndexRange,
    check_trainable,
    labelled_ranges,
    moving_recordings,
    open_clips,
)
from agp_tui.imitation.frame_cache import decoded_frames
from agp_tui.models.frame_window import resize
from agp_tui.recording.exclusions import write_exclusions
from agp_tui.recording.store import Recording, RecordingWriter, time_range


def opened(
    *paths: Path, game: str = "dots", keys: tuple[str, ...] = SIDES, fps: int = 30
) -> tuple[Clip, ...]:
    return open_clips(paths, game=game, keys=keys, fps=fps, frame_size=SIZE, lead=1)


def test_labels_match_their_frames(tmp_path: Path) -> None:
    path = record_dot(tmp_path, 60, 4)
    (clip,) = opened(path)
    expected = moving_dot(60, 4)
    assert np.array_equal(clip.frames, expected.frames)
    assert np.array_equal(clip.labels[:-1], expected.labels[:-1])
    (swapped,) = opened(path, keys=("right", "left"))
    assert np.array_equal(swapped.labels, clip.labels[:, ::-1])


def test_only_the_human_part_of_a_takeover_is_labelled(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path, recording_meta(source="agent", labels="human"))
    writer.driver("agent", 0)
    for number in range(40):
        if number == 10:
            writer.driver("human", frame_time_ns(9.5))
            writer.edge(key_edge(9.5, "left", True))
        if number == 25:
            writer.edge(key_edge(24.5, "left", False))
            writer.driver("agent", frame_time_ns(24.5))
        writer.frame(frame_at(number))
    writer.close()
    meta = writer.meta
    (clip,) = opened(writer.path, game=meta.game, keys=meta.keys, fps=meta.fps)
    assert clip.is_correction
    assert clip.labelled is not None and np.flatnonzero(clip.labelled).tolist() == list(range(10, 25))
    assert np.flatnonzero(clip.labels[:, meta.keys.index("left")]).tolist() == list(range(9, 24))


def test_frames_are_scaled_by_area(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 5))
    frames = decoded_frames(recording, 24)
    assert frames.shape == (5, 24, 24, 3)
    assert all(np.array_equal(frames[i], resize(frame_pixels(i), 24, 24)) for i in range(5))


def test_a_recording_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording.open(write_recording(tmp_path, 8))
    first = np.array(decoded_frames(recording, 32))

    def unexpected_call(*_arguments: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(Recording, "frames", unexpected_call)
    again = decoded_frames(recording, 32)
    assert isinstance(again, np.memmap) and not again.flags.writeable and np.array_equal(first, again)


def test_a_changed_recording_is_decoded_again(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 8)
    decoded_frames(Recording.open(path), 32)
    old = set((path / ".cache").iterdir())
    meta = path / "meta.json"
    meta.write_text(meta.read_text() + "\n")
    decoded_frames(Recording.open(path), 32)
    new = set((path / ".cache").iterdir())
    assert len(new) == 1 and new != old


def test_truncated_cache_is_rebuilt(tmp_path: Path) -> None:
    path = write_recording(tmp_path, 8)
    first = np.array(decoded_frames(Recording.open(path), 32))
    (file,) = (path / ".cache").iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert np.array_equal(decoded_frames(Recording.open(path), 32), first)


def test_failed_decoding_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording.open(write_recording(tmp_path, 8))
    frames = list(recording.frames())
    monkeypatch.setattr(Recording, "frames", lambda _self: iter(frames[:5]))
    with pytest.raises(RecordingError, match=r"Expected 8 frames .* found 5"):
        decoded_frames(recording, 32)
    assert list((recording.path / ".cache").iterdir()) == []


def test_concurrent_decoding_gives_the_same_frames(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 40))
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(decoded_frames(recording, 32))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(one, found[0]) for one in found)
    assert len(list((recording.path / ".cache").iterdir())) == 1


def test_incompatible_recordings_are_refused(tmp_path: Path) -> None:
    first = record_dot(tmp_path, 30, 1)
    odd = {
        "frames a second": recording_meta("dots", size=(SIZE, SIZE), keys=SIDES, fps=60),
        "keys": recording_meta("dots", size=(SIZE, SIZE), keys=("left", "right", "up")),
        "game": recording_meta("other", size=(SIZE, SIZE), keys=SIDES),
    }
    for what, meta in odd.items():
        second = record_dot(tmp_path, 30, 2, meta=meta)
        with pytest.raises(RecordingError, match=f"same {what}") as error:
            opened(first, second)
        assert str(first) in error.value.message and str(second) in error.value.message


def test_recordings_with_other_settings_are_refused(tmp_path: Path) -> None:
    path = record_dot(tmp_path, 30, 1)
    with pytest.raises(RecordingError, match="frames a second 15, found 30"):
        opened(path, fps=15)
    with pytest.raises(RecordingError, match="found none"):
        opened()


def test_short_and_unlabelled_recordings_are_refused() -> None:
    short, long = moving_dot(20, 1), moving_dot(30, 2)
    warnings: list[str] = []
    assert check_trainable((short, long), 20, 1, warnings.append) == (long,)
    assert "at least 21 frames" in warnings[0] and "found 20" in warnings[0]
    with pytest.raises(RecordingError, match="at least 21 frames"):
        check_trainable((short,), 20, 1)
    silent = Clip("silent", long.frames, np.zeros_like(long.labels))
    with pytest.raises(RecordingError, match="no key is ever pressed in silent"):
        check_trainable((silent,), 20, 1)


def test_excluded_frames_are_context_but_no_labels(tmp_path: Path) -> None:
    path = record_dot(tmp_path, 60, 4)
    recording = Recording.open(path)
    write_exclusions(path, [time_range(recording, 20, 30)])
    (clip,) = opened(path)
    assert len(clip) == 60 and clip.labelled is not None
    assert np.flatnonzero(~clip.labelled).tolist() == list(range(19, 30))
    assert [(r.start, r.stop) for r in labelled_ranges((clip,), [IndexRange(0, 10, 40)])] == [
        (10, 19),
        (30, 40),
    ]
    write_exclusions(path, [time_range(recording, 0, 60)])
    with pytest.raises(RecordingError, match=f"all are excluded in {path}"):
        check_trainable(opened(path), 3, 1)


def test_recording_of_a_still_game_is_left_out_and_alone_refused(tmp_path: Path) -> None:
    def record_still(frames: int) -> Path:
        writer = RecordingWriter.create(tmp_path, recording_meta("dots"))
        for number in range(frames):
            writer.frame(Frame(frame_pixels(0), frame_time_ns(number), frame_time_ns(number)))
        writer.edge(key_edge(5, "left", True))
        writer.close()
        return writer.path

    still, short, moving = record_still(160), record_still(100), record_dot(tmp_path, 60, 4)
    notes: list[tuple[str, str]] = []
    assert moving_recordings([still, short, moving], lambda *note: notes.append(note)) == (short, moving)
    text, level = notes[0]
    assert level == "warning" and f"All frames of {still}" in text and "left out" in text
    with pytest.raises(RecordingError, match="found all frames alike"):
        moving_recordings([still], lambda *_note: None)
