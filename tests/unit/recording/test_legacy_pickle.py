"""Tests of import from pickles of the original script, and of export to every format."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.recordings import frame_pixels, key_edge, recording_meta, write_recording

from agp_tui.errors import RecordingError
from agp_tui.recording.export import ENDINGS, Format, export_recording
from agp_tui.recording.legacy_pickle import import_pickle
from agp_tui.recording.store import Recording, find_recordings

COUNT = 25
FRAMES = np.stack([frame_pixels(number) for number in range(COUNT)])
STATES = np.random.default_rng(3).integers(0, 2, (COUNT, 4)).astype(bool)


def _write_pickle(states: Any = STATES, frames: Any = FRAMES[..., ::-1]) -> dict[str, Any]:
    return {"screen_frames": frames, "key_frames": states}


def _imported(tmp_path: Path, body: bytes, **options: Any) -> Recording:
    source = tmp_path / "seed.pkl"
    source.write_bytes(body)
    return Recording.open(import_pickle(source, tmp_path / "recordings", "rally", **options).path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", [bool, np.int64, np.float32])
def test_import_reads_frames_and_keys(tmp_path: Path, protocol: int, kind: type) -> None:
    recording = _imported(tmp_path, pickle.dumps(_write_pickle(STATES.astype(kind)), protocol), fps=20)
    assert (recording.meta.keys, recording.meta.fps) == (("up", "left", "right", "down"), 20)
    np.testing.assert_array_equal(list(recording.frames()), FRAMES)
    np.testing.assert_array_equal(recording.key_states(), STATES)
    np.testing.assert_array_equal(recording.labels(1)[:-1], STATES[1:])
    assert np.diff(recording.times_ns) == pytest.approx(1e9 / 20, abs=1)


def test_import_of_rgb_frames(tmp_path: Path) -> None:
    recording = _imported(tmp_path, pickle.dumps(_write_pickle(frames=FRAMES)), channels="rgb")
    np.testing.assert_array_equal(list(recording.frames()), FRAMES)


def test_import_of_lists_and_column_major_arrays(tmp_path: Path) -> None:
    body = pickle.dumps(_write_pickle(np.asfortranarray(STATES), list(FRAMES[..., ::-1])))
    recording = _imported(tmp_path, body)
    np.testing.assert_array_equal(list(recording.frames()), FRAMES)
    np.testing.assert_array_equal(recording.key_states(), STATES)


def test_module_names_of_numpy_1_and_2(tmp_path: Path) -> None:
    body = pickle.dumps(_write_pickle(), 3)
    assert b"numpy._core.multiarray" in body
    for name in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        recording = _imported(tmp_path, body.replace(b"numpy._core.multiarray", name))
        np.testing.assert_array_equal(recording.key_states(), STATES)


def test_export_and_import_round_trip(tmp_path: Path) -> None:
    edges = [key_edge(3.5, "up", True), key_edge(6.5, "space", True), key_edge(9.5, "up", False)]
    path = write_recording(tmp_path, 15, edges)
    recording = Recording.open(path)
    target = export_recording(recording, "pickle", tmp_path / "out.pkl")
    content = pickle.loads(target.read_bytes())  # the standard unpickler
    assert content["screen_frames"].dtype == np.uint8
    np.testing.assert_array_equal(content["screen_frames"][..., ::-1], list(recording.frames()))
    assert content["key_frames"].shape == (15, 4)
    np.testing.assert_array_equal(content["key_frames"][:, 0], recording.key_states()[:, 0])
    again = _imported(tmp_path, target.read_bytes())
    np.testing.assert_array_equal(list(again.frames()), list(recording.frames()))
    np.testing.assert_array_equal(again.key_states()[:, :2], recording.key_states()[:, :2])


def test_export_without_any_of_the_four_keys_is_refused(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 3, meta=recording_meta(keys=("space",))))
    with pytest.raises(RecordingError, match="npz"):
        export_recording(recording, "pickle", tmp_path / "out.pkl")
    assert not list(tmp_path.glob("*out.pkl*"))


def test_export_to_npz(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 9, [key_edge(3.5, "up", True)]))
    with np.load(export_recording(recording, "npz", tmp_path / "out.npz"), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["frames"], list(recording.frames()))
        np.testing.assert_array_equal(arrays["keys"], recording.key_states())
        assert arrays["key_names"].tolist() == list(recording.meta.keys)
        np.testing.assert_array_equal(arrays["times_ns"], recording.times_ns)
    assert zipfile.ZipFile(tmp_path / "out.npz").testzip() is None


def test_export_to_mp4_has_subtitles(tmp_path: Path) -> None:
    size = (47, 63)
    recording = Recording.open(
        write_recording(tmp_path, 12, [key_edge(3.5, "up", True)], meta=recording_meta(size=size))
    )
    video = cv2.VideoCapture(str(export_recording(recording, "mp4", tmp_path / "out.mp4")))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(30, abs=1)
    count = 0
    while (read := video.read())[0]:
        assert read[1].shape == (48, 64, 3)
        smooth = read[1][16:46, :62, ::-1].astype(int) - frame_pixels(count, size)[16:46, :62]
        assert np.abs(smooth).mean() < 12
        count += 1
    assert count == 12
    assert "up" in (tmp_path / "out.srt").read_text()


def test_export_to_pictures(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 4, [key_edge(1.5, "left", True)]))
    folder = export_recording(recording, "png", tmp_path / "out")
    for number in range(4):
        found = cv2.imread(str(folder / f"{number:06}.png"))[:, :, ::-1]
        np.testing.assert_array_equal(found, frame_pixels(number))
    rows = (folder / "keys.csv").read_text().splitlines()
    assert rows[0] == "file,time_ms,up,left,space"
    assert rows[3] == "000002.png,67,0,1,0"


@pytest.mark.parametrize("to", list(ENDINGS))
def test_failed_export_leaves_no_file(tmp_path: Path, to: Format) -> None:
    path = write_recording(tmp_path / "r", 12)
    recording = Recording.open(path)
    body = bytearray((path / "frames.mkv").read_bytes())
    body[len(body) // 2 : len(body) // 2 + 2000] = bytes(2000)
    (path / "frames.mkv").write_bytes(body)
    with pytest.raises(RecordingError, match="repair"):
        export_recording(recording, to, tmp_path / f"out{ENDINGS[to]}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["r"]


def test_export_does_not_overwrite(tmp_path: Path) -> None:
    recording = Recording.open(write_recording(tmp_path, 2))
    (tmp_path / "mine.npz").write_text("precious")
    with pytest.raises(RecordingError, match=r"mine\.npz"):
        export_recording(recording, "npz", tmp_path / "mine.npz")
    assert (tmp_path / "mine.npz").read_text() == "precious"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"not a pickle", "damaged"),
        (pickle.dumps(_write_pickle())[:-5000], "damaged"),
        (pickle.dumps({"frames": FRAMES}), "screen_frames"),
        (pickle.dumps(_write_pickle(frames=FRAMES[..., 0])), "height, width, 3"),
        (pickle.dumps(_write_pickle(frames=FRAMES.astype(np.float32))), "float32"),
        (pickle.dumps(_write_pickle(frames=[FRAMES[0], FRAMES[1][:20]])), "screen_frames"),
        (pickle.dumps(_write_pickle(STATES[:, :3])), r"\(25, 3\)"),
        (pickle.dumps(_write_pickle("up")), "key_frames"),
        (pickle.dumps(_write_pickle(STATES[:0])), "found 25 and 0"),
    ],
)
def test_invalid_pickles_are_refused(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        _imported(tmp_path, body)
    assert find_recordings(tmp_path / "recordings") == []


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        import_pickle(tmp_path / "none.pkl", tmp_path, "rally")


def test_frames_without_key_states_are_dropped(tmp_path: Path) -> None:
    source = tmp_path / "seed.pkl"
    source.write_bytes(pickle.dumps(_write_pickle(STATES[:-2])))
    result = import_pickle(source, tmp_path / "recordings", "rally")
    assert (result.frames, result.left_out) == (COUNT - 2, 2)
