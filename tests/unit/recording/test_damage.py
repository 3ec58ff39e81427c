"""Tests of damaged recordings: the intact part stays usable, everything else is refused with one error."""

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest
from support.recordings import frame_pixels, key_edge, recording_meta, write_recording

from agp_tui.errors import RecordingError
from agp_tui.recording import integrity, library, repair
from agp_tui.recording.store import Recording


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(
        tmp_path, 30, [key_edge(5.5, "up", True), key_edge(20.5, "up", False), key_edge(21.5, "left", True)]
    )


def _cut(file: Path, size: int) -> None:
    with file.open("r+b") as body:
        body.truncate(size)


def _corrupt(video: Path, number: int) -> None:
    """Change some bytes in the middle of the packet of one frame."""
    with av.open(str(video)) as container:
        packet = next(itertools.islice(container.demux(video=0), number, None))
        compressed = bytes(packet)
    body = bytearray(video.read_bytes())
    middle = body.index(compressed) + len(compressed) // 2
    for place in range(middle, middle + 40):
        body[place] ^= 0x5A
    video.write_bytes(body)


def _frames_are_right(recording: Recording, numbers: list[int]) -> None:
    for number, pixels in zip(numbers, recording.frames(), strict=True):
        np.testing.assert_array_equal(pixels, frame_pixels(number))


def test_intact_recording_warns_only_of_an_unused_key(path: Path) -> None:
    assert integrity.find_problems(path) == [
        integrity.Problem("Never pressed by human: space.", repairable=False)
    ]


def test_truncated_last_line_is_skipped(path: Path) -> None:
    timeline = path / "timeline.jsonl"
    body = timeline.read_bytes().splitlines(keepends=True)
    held_end = [line for line in body if b'"end"' in line]
    frames = [line for line in body if b'"frame"' in line]
    timeline.write_bytes(b"".join(frames[:29]) + frames[29][:40])
    recording = Recording.open(path)
    assert len(recording) == 29
    _frames_are_right(recording, list(range(29)))
    assert held_end
    assert any("torn" in problem for problem in integrity.check(path))


@pytest.mark.parametrize("share", [0.3, 0.71, 0.999])
def test_truncated_video_is_readable_up_to_the_cut(path: Path, share: float) -> None:
    video = path / "frames.mkv"
    _cut(video, int(video.stat().st_size * share))
    recording = Recording.open(path)
    assert 30 * share - 2 <= len(recording) <= 30
    _frames_are_right(recording, list(range(len(recording))))
    assert len(recording.labels(1)) == len(recording)
    assert any("truncated or changed" in problem for problem in integrity.check(path))


def test_damaged_video_header_is_tolerated(path: Path) -> None:
    video = path / "frames.mkv"
    body = video.read_bytes()
    assert b"Lavf" in body
    video.write_bytes(body.replace(b"Lavf", b"\x80avf"))
    recording = Recording.open(path)
    _frames_are_right(recording, list(range(30)))
    assert len(list(recording.frames())) == 30


def test_labels_of_the_last_readable_frames_use_the_timeline(path: Path) -> None:
    # The frames after 19 are lost, their timeline entries are not: `up` is released after frame 20.
    video = path / "frames.mkv"
    whole = Recording.open(path)
    _cut(video, int(video.stat().st_size * 0.7))
    recording = Recording.open(path)
    last = len(recording) - 1
    np.testing.assert_array_equal(recording.labels(2)[last], whole.labels(2)[last])


def test_corrupted_frame_is_reported_and_not_trained_on(path: Path) -> None:
    video = path / "frames.mkv"
    _corrupt(video, 14)
    with pytest.raises(RecordingError, match="damaged"):
        list(Recording.open(path).frames())
    damaged = [one for one in integrity.find_problems(path) if "Damaged frames: 1 (14)" in one.text]
    assert [one.repairable for one in damaged] == [True]


def test_repair_preserves_intact_frames_and_their_keys(path: Path) -> None:
    before = Recording.open(path)
    states = before.key_states()
    video = path / "frames.mkv"
    _corrupt(video, 14)
    result = repair.repair(path)
    assert (result.frames, result.lost) == (29, 1)
    recording = Recording.open(path)
    intact = [int(np.flatnonzero(before.times_ns == time)[0]) for time in recording.times_ns]
    assert len(intact) == 29
    _frames_are_right(recording, intact)
    np.testing.assert_array_equal(recording.key_states(), states[intact])
    assert recording.meta.state == "recovered"
    assert (path / "frames.srt").stat().st_size > 0
    assert not [problem for problem in integrity.check(path) if "Damaged" in problem]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_repair_of_a_damaged_line_in_the_middle(path: Path) -> None:
    timeline = path / "timeline.jsonl"
    lines = timeline.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"index":11,' in line)
    lines[place] = b'{"kind":"fr\xff\xfe\n'
    timeline.write_bytes(b"".join(lines))
    with pytest.raises(RecordingError, match=f"line {place + 1} .*repair"):
        Recording.open(path)
    assert repair.repair(path).frames == 29
    _frames_are_right(Recording.open(path), [number for number in range(30) if number != 11])


def test_repair_uses_an_available_codec(path: Path) -> None:
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps(meta | {"codec": "tomorrows"}))
    assert repair.repair(path).frames == 30
    recording = Recording.open(path)
    assert recording.meta.codec == "ffv1"
    _frames_are_right(recording, list(range(30)))


def test_repair_of_an_intact_recording_changes_nothing(path: Path) -> None:
    (path / "frames.mkv").write_bytes(b"not a video at all" * 50)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(RecordingError):
        repair.repair(path)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("with_repaired", [True, False])
def test_interrupted_repair_is_completed(path: Path, tmp_path: Path, with_repaired: bool) -> None:
    if with_repaired:
        other = write_recording(tmp_path / "elsewhere", 12)
        other.rename(path.with_name(f".{path.name}.repaired"))
    path.rename(path.with_name(f".{path.name}.damaged"))
    found = library.resolve_recording(tmp_path, path.name)
    assert len(Recording.open(found)) == (12 if with_repaired else 30)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("meta.json", None, "found no readable meta.json"),
        ("meta.json", b"", "to describe a recording"),
        ("meta.json", b"\x00" * 300, "to describe a recording"),
        ("meta.json", b" " * 2_000_000, "more than"),
        ("meta.json", b'{"schema": 99}', "newer version"),
        ("frames.mkv", None, "frames.mkv"),
        ("frames.mkv", b"", "found none"),
        ("frames.mkv", b"\x1a\x45\xdf\xa3" + b"\x00" * 900, "no video"),
        ("timeline.jsonl", None, "timeline.jsonl"),
        ("timeline.jsonl", b"", "found none"),
        ("timeline.jsonl", b"[1, 2]\n", "line 1"),
        ("timeline.jsonl", b'{"kind":"frame","index":0,"before_ns":1e99,"after_ns":0,"crc":0}\n', "line 1"),
        (
            "timeline.jsonl",
            b'{"kind":"frame","index":0,"before_ns":' + b"9" * 40 + b',"after_ns":0,"crc":0}\n',
            "64 bits",
        ),
    ],
)
def test_non_recordings_are_refused(path: Path, name: str, content: bytes | None, message: str) -> None:
    file = path / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecordingError, match=message):
        Recording.open(path)
    assert library.summary(path).state == "unreadable" or name == "meta.json"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frame_size", [48, 65]), ("frame_size", [10**9, 10**9]), ("fps", 0), ("keys", []),
        ("keys", ["up", "up"]), ("labels", "nobody"), ("state", "?"), ("game", ""), ("frames", -1),
    ],
)  # fmt: skip
def test_invalid_meta_is_refused(path: Path, field: str, value: object) -> None:
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps(meta | {field: value}))
    with pytest.raises(RecordingError):
        list(Recording.open(path).frames())


@pytest.mark.parametrize("frames", [29, 31, 10**15])
def test_frame_count_in_meta_is_verified(path: Path, frames: int) -> None:
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps(meta | {"frames": frames}))
    recording = Recording.open(path)
    assert len(recording) == 30
    _frames_are_right(recording, list(range(30)))
    assert any("by meta.json" in problem for problem in integrity.check(path))


def test_video_of_another_size_is_refused(path: Path, tmp_path: Path) -> None:
    other = write_recording(tmp_path / "other", 30, meta=recording_meta(size=(64, 64)))
    (path / "frames.mkv").write_bytes((other / "frames.mkv").read_bytes())
    with pytest.raises(RecordingError):
        list(Recording.open(path).frames())
