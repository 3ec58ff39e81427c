"""Tests of the recordings commands with JSON output: list, info, check, import, export."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from support.commands import agp, running_command
from support.recordings import frame_pixels, key_edge, recording_meta, write_recording

from agp_tui.errors import Interrupted, RecordingError
from agp_tui.recording.export import ENDINGS, Format, export_recording
from agp_tui.recording.store import Recording

FRAMES = 40


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """`up` is held in frames 4 to 13, `left` in 10 to 13."""
    edges = [
        key_edge(3.5, "up", True),
        key_edge(13.5, "up", False),
        key_edge(9.5, "left", True),
        key_edge(13.5, "left", False),
    ]
    return write_recording(tmp_path / "recordings", FRAMES, edges, meta=recording_meta("rally"))


def test_list_reports_every_recording_as_data(recording: Path, tmp_path: Path) -> None:
    broken = write_recording(tmp_path / "recordings", 3, meta=recording_meta("zebra"))
    (broken / "frames.mkv").unlink()
    readable, damaged = agp("recordings", "list", home=tmp_path).finished["report"]["recordings"]
    size = sum(file.stat().st_size for file in recording.iterdir())
    assert readable == {
        "path": str(recording),
        "game": "rally",
        "stamp": recording.name,
        "state": "complete",
        "frames": FRAMES,
        "seconds": pytest.approx(FRAMES / 30, abs=0.001),
        "fps": 30,
        "filled": 1.0,
        "held": {"up": 0.25, "left": 0.1, "space": 0.0},
        "bytes": size,
        "problem": "",
        "source": "human",
        "labels": "human",
        "view": None,
        "excluded": 0.0,
    }
    assert (damaged["game"], damaged["state"], damaged["source"]) == ("zebra", "unreadable", "human")
    assert "frames.mkv" in damaged["problem"]


def test_info_and_check_report_data(recording: Path, tmp_path: Path) -> None:
    report = agp("recordings", "info", str(recording), home=tmp_path).finished["report"]
    assert (report["facts"]["frames"], report["facts"]["game"]) == (FRAMES, "rally")
    assert report["shares"] == {"up": 0.25, "left": 0.1, "space": 0.0}
    assert report["presses"] == {"up": 1, "left": 1, "space": 0}
    combinations = [(one["keys"], one["share"]) for one in report["combinations"]]
    assert combinations == [([], 0.75), (["up"], 0.15), (["up", "left"], 0.1)]
    assert report["warnings"] == []
    checked = agp("recordings", "check", str(recording), home=tmp_path)
    problems = checked.only_event("finished")["report"]["problems"]
    assert (checked.code, problems) == (1, ["Never pressed by human: space."])


def test_export_reports_progress_and_file(recording: Path, tmp_path: Path) -> None:
    words = ("recordings", "export", str(recording), "--to", "npz", "--target", "out.npz")
    result = agp(*words, home=tmp_path)
    assert result.finished["report"] == {"file": str(tmp_path / "out.npz"), "format": "npz"}
    assert (tmp_path / "out.npz").is_file()
    last = [event for event in result.events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"], last["unit"]) == (FRAMES, FRAMES, "frames")


@pytest.mark.parametrize("to", ENDINGS)
def test_export_reports_each_frame_and_leaves_no_file_when_stopped(
    recording: Path, tmp_path: Path, to: Format
) -> None:
    progress: list[tuple[int, int]] = []
    opened = Recording.open(recording)
    export_recording(opened, to, tmp_path / "out", lambda done, total: progress.append((done, total)))
    assert progress == [(number, FRAMES) for number in range(1, FRAMES + 1)]

    def stop(done: int, _total: int) -> None:
        if done == 7:
            raise Interrupted("Stopped.")

    with pytest.raises(Interrupted):
        export_recording(opened, to, tmp_path / "stopped", stop)
    assert not list(tmp_path.glob("*stopped*"))


def test_mp4_export_does_not_overwrite_existing_subtitles(recording: Path, tmp_path: Path) -> None:
    existing = tmp_path / "film.srt"
    existing.write_text("mine")
    with pytest.raises(RecordingError, match=r"film\.srt exists already"):
        export_recording(Recording.open(recording), "mp4", tmp_path / "film.mp4")
    assert existing.read_text() == "mine" and not (tmp_path / "film.mp4").exists()
    export_recording(Recording.open(recording), "mp4", tmp_path / "other.mp4")
    assert (tmp_path / "other.srt").read_text().startswith("1\n00:00:00,133")


def test_import_reports_progress_and_recording(tmp_path: Path) -> None:
    frames = np.stack([frame_pixels(number) for number in range(30)])
    states = np.zeros((29, 4), np.uint8)
    (tmp_path / "old.pkl").write_bytes(pickle.dumps({"screen_frames": frames, "key_frames": states}))
    result = agp("recordings", "import", "old.pkl", "--game", "rally", home=tmp_path)
    recording_path = result.finished["recording"]
    assert result.finished["report"] == {"recording": recording_path, "left_out": 1}
    assert Path(recording_path, "frames.mkv").is_file()
    last = [event for event in result.events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"]) == (29, 29)
    assert "left out" in result.only_event("note")["text"]


def test_stopped_import_leaves_no_files(tmp_path: Path) -> None:
    """Large enough to be stopped during the import, by the end of stdin."""
    frames = np.random.default_rng(1).integers(0, 256, (400, 256, 256, 3), np.uint8)
    body = {"screen_frames": frames, "key_frames": np.zeros((400, 4), np.uint8)}
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(body))
    with running_command("recordings", "import", "old.pkl", "--game", "rally", home=tmp_path) as command:
        command.wait_for(lambda event: event["type"] == "progress")
        command.close_stdin()
        result = command.result()
    assert result.code == 130
    assert "nothing was written" in result.only_event("failed")["error"]
    assert list(tmp_path.glob("recordings/*/*")) == []


def test_trim_split_and_merge_report_new_recordings(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[train]\nsegment = 5\n")
    words = ("recordings", "trim", recording.name, "--from", "0.5", "--to", "0:01.2", "--replace")
    trimmed = agp(*words, home=tmp_path).finished
    (part,) = trimmed["report"]["recordings"]
    assert (trimmed["recording"], trimmed["frames"]) == (part["path"], 21)
    assert trimmed["report"]["sources"] == trimmed["report"]["replaced"] == [str(recording)]
    assert not recording.exists()

    pieces = agp("recordings", "split", part["path"], "--at", "0.2,0.4", home=tmp_path).finished
    assert [one["frames"] for one in pieces["report"]["recordings"]] == [6, 6, 9]
    assert pieces["report"]["replaced"] == [] and Path(part["path"]).exists()

    result = agp("recordings", "merge", *pieces["recordings"], "--replace", home=tmp_path)
    merged = result.finished["report"]["recordings"][0]
    frames = [pixels.copy() for pixels in Recording.open(Path(merged["path"])).frames()]
    assert all(np.array_equal(pixels, frame_pixels(15 + i)) for i, pixels in enumerate(frames))
    assert len(frames) == 21 and not any(Path(path).exists() for path in pieces["recordings"])
    last = [event for event in result.events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"]) == (42, 42), "written and read back"


def test_trim_to_less_than_a_window_is_refused(recording: Path, tmp_path: Path) -> None:
    result = agp("recordings", "trim", recording.name, "--to", "0.5", home=tmp_path)
    assert result.code == 2
    assert "at least 20 frames" in result.only_event("failed")["error"]
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]


def test_exclude_adds_clears_and_lists(recording: Path, tmp_path: Path) -> None:
    words = ("recordings", "exclude", recording.name)
    added = agp(*words, "--from", "0.5", "--to", "1", home=tmp_path).finished["report"]
    assert added["excluded"] == [{"start": 15, "stop": 30, "start_seconds": 0.5, "stop_seconds": 1.0}]
    assert (added["frames"], added["seconds"]) == (15, 0.5)
    cleared = agp(*words, "--from", "0.8", "--clear", home=tmp_path).finished["report"]
    assert [(one["start"], one["stop"]) for one in cleared["excluded"]] == [(15, 24)]
    look = agp("train", "--game", "rally", "--look", home=tmp_path).finished["report"]
    # The label of a frame is the keys of the next one, so frame 14 is left out as well.
    assert (look["recordings"][0]["excluded"], look["frames"]) == (9, FRAMES - 10)
    assert agp(*words, "--clear", home=tmp_path).finished["report"]["excluded"] == []
    bad = agp(*words, "--from", "9:99", home=tmp_path)
    assert bad.code == 2 and "Expected a time in seconds, such as 75.5" in bad.only_event("failed")["error"]


def test_record_reports_key_statistics_and_warnings(tmp_path: Path) -> None:
    words = ("record", "--game", "ALE/Pong-v5", "--by", "expert", "--fast", "--seconds", "20")
    result = agp(*words, home=tmp_path, AGP_PREVIEW_SIZE="16,8", AGP_PREVIEW_FPS="30")
    report = result.finished["report"]
    assert report["because"] == "20 seconds are over"
    held = {key for one in report["combinations"] for key in one["keys"]}
    assert held == {key for key, share in report["shares"].items() if share}
    assert sum(one["share"] for one in report["combinations"]) == pytest.approx(1, abs=0.01)
    live = [event for event in result.events if event["type"] == "live"]
    assert max(live[-1]["thumbnail_size"]) <= 16
    assert set(live[-1]["shares"]) == set(report["shares"])
    warnings = [event["text"] for event in result.events if event["type"] == "note" and event.get("level")]
    assert warnings == report["warnings"]
