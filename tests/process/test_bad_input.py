"""Tests of invalid input on the command line: an error with a hint, exit code 2, no files modified."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bright_model import BrightModel
from support.commands import AGP, agp, agp_text, bare_environment, running_command
from support.paths import FOREIGN_MODELS
from support.recordings import KEYS, key_edge, recording_meta, write_recording
from support.requirements import skip_or_fail
from support.xserver import XServer, observe

from agp_tui.recording.store import Recording

REGION_FLAGS = ("--center", "200,200")
RECORD = ("record", "--game", "w", *REGION_FLAGS)


def nightly(*values: object) -> object:
    """A parameter set that only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.nightly)


def rejected(*words: str, home: Path, display: str | None = None, **environment: str) -> str:
    """Run an invalid command with text and with JSON output; returns the error and its hint."""
    before = files(home)
    text_result = agp_text(*words, home=home, display=display, **environment)
    assert text_result.returncode == 2, text_result
    assert text_result.stdout == "" and "Traceback" not in text_result.stderr
    json_result = agp(*words, home=home, display=display, **environment)
    assert json_result.code == 2 and json_result.stderr == "", json_result.summary()
    failed = json_result.only_event("failed")
    assert failed["exit_code"] == 2 and json_result.events[-1] == failed
    assert failed["hint"], f"no hint: {failed}"
    # The same message except for numbers, as the free disk space changes.
    last = text_result.stderr.splitlines()[-1]
    assert without_figures(last).endswith(without_figures(f"{failed['error']} {failed['hint']}"))
    assert files(home) == before
    return f"{failed['error']} {failed['hint']}"


def without_figures(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def files(home: Path) -> set[Path]:
    """All files except those of runs and the recorded output."""
    return {path for path in home.rglob("*") if "runs" not in path.parts and path.suffix != ".txt"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--display", ":99"), ":99"),
        (("--display", "localhost:10.0"), "ssh -X"),
        nightly(("--display", "banana"), "a name such as :0"),
    ],
)
def test_invalid_display_is_rejected(words: tuple[str, ...], expected: str, home: Path) -> None:
    assert expected in rejected(*RECORD, *words, home=home)


def test_missing_display_is_rejected(home: Path) -> None:
    """In separate namespaces, where no X server of this machine can be reached."""
    unshare = ("unshare", "-r", "-m", "-n", "sh", "-c")
    hide_sockets = "mount -t tmpfs none /tmp/.X11-unix || exit 77; "
    if shutil.which("unshare") is None or not Path("/tmp/.X11-unix").is_dir():
        skip_or_fail("needs unshare and a folder of X sockets to hide")
    for display, expected in (None, "found none"), ("localhost:10.0", "ssh -X"):
        process = subprocess.run(
            [*unshare, f"{hide_sockets}exec {AGP} {' '.join(RECORD)}"],
            cwd=home,
            env=bare_environment(home, display),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if process.returncode == 77 or "unshare" in process.stderr:
            skip_or_fail("creating namespaces is not permitted")
        assert process.returncode == 2 and expected in process.stderr and "--display" in process.stderr
        assert "Traceback" not in process.stderr


@pytest.mark.display
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--center", "5000,5000"), "1024x768"),
        (("--region", "10,10,0,5"), "a width and a height"),
        nightly(("--region", "10,10"), "--region"),
        ((*REGION_FLAGS, "--keys", "left,rihgt"), "Did you mean right"),
        nightly((*REGION_FLAGS, "--keys", "up,up"), "twice"),
        nightly((*REGION_FLAGS, "--stop-key", "escp"), "Did you mean esc"),
        ((*REGION_FLAGS, "--min-free-mb", "999999999"), "lower --min-free-mb"),
        nightly((*REGION_FLAGS, "--fps", "600"), "--fps"),
        ((*REGION_FLAGS, "--secnds", "3"), "Did you mean --seconds"),
        ((*REGION_FLAGS, "--by", "nobody"), "nobody"),
        nightly((*REGION_FLAGS, "--by", "expert"), "expert"),
        nightly((*REGION_FLAGS, "--human-like"), "Expected the expert"),
        ((*REGION_FLAGS, "--fast"), "--fast"),
    ],
)
def test_invalid_record_setting_is_rejected(
    words: tuple[str, ...], expected: str, home: Path, x_display: str
) -> None:
    assert expected in rejected("record", "--game", "w", *words, home=home, display=x_display)


EDGES = [key_edge(number + 0.5, "left", number % 20 == 0) for number in range(0, 180, 10)]


def truncate_video(path: Path) -> None:
    video = path / "frames.mkv"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])


def invert_a_byte(path: Path) -> None:
    video = path / "frames.mkv"
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 0xFF
    video.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (truncate_video, "agp recordings repair"),
        nightly(invert_a_byte, "damaged"),
        nightly(lambda path: (path / "frames.mkv").write_bytes(b""), "none that is readable"),
        nightly(lambda path: (path / "frames.mkv").unlink(), "frames.mkv"),
        nightly(lambda path: (path / "timeline.jsonl").unlink(), "timeline.jsonl"),
        (lambda path: (path / "meta.json").write_text('{"hello": 1}'), "not made by agp-tui"),
        nightly(lambda path: (path / "meta.json").write_bytes(b"\x80\x04pickle"), "not made by agp-tui"),
    ],
)
def test_training_on_a_damaged_recording_is_rejected(
    damage: Callable[[Path], object], expected: str, home: Path
) -> None:
    path = write_recording(home / "recordings", 200, EDGES)
    damage(path)
    assert expected in rejected_training(home)


def rejected_training(home: Path, *more: str) -> str:
    """Like `rejected`, for training, with JSON output only, as the job starts slowly."""
    words = ("train", "--game", "box", "--frame-size", "32", "--segment", "4", "--stretch", "16")
    result = agp(*words, *more, home=home)
    assert result.code == 2 and result.stderr == "", result.summary()
    failed = result.only_event("failed")
    assert failed["exit_code"] == 2 and failed["hint"]
    assert not (home / "models").exists()
    return f"{failed['error']} {failed['hint']}"


def test_training_without_enough_recordings_is_rejected(home: Path) -> None:
    assert "agp record --game box" in rejected("train", "--game", "box", home=home)
    short = write_recording(home / "recordings", 5, [key_edge(1.5, "left", True)])
    assert "Record for longer" in rejected_training(home)
    assert short.is_dir()


@pytest.mark.nightly
def test_unusable_or_mismatched_recordings_are_rejected(home: Path) -> None:
    root = home / "recordings"
    short = write_recording(root, 5, [key_edge(1.5, "left", True)])
    without_keys = write_recording(root, 200)
    assert "no key is ever pressed" in rejected_training(home, "--recordings", str(without_keys))
    low_fps = write_recording(root, 200, EDGES, meta=recording_meta(fps=15))
    other_keys = write_recording(root, 200, EDGES, meta=recording_meta(keys=("left", "right")))
    good = write_recording(root, 200, EDGES)
    message = rejected_training(home, "--recordings", f"{good},{low_fps}")
    assert "frames a second" in message and "15" in message and "30" in message
    message = rejected_training(home, "--recordings", f"{good},{other_keys}")
    assert "same keys" in message and "left,right" in message and KEYS[2] in message
    assert "20261121" in rejected("train", "--game", "box", "--recordings", "20261121-000000", home=home)
    assert short.is_dir()


@pytest.mark.display
@pytest.mark.parametrize(
    ("model_kind", "words", "expected"),
    [
        ("whole", ("--game", "w"), "4 keys (up, left, right, down), found 2"),
        nightly("folder", ("--keys", "up,down"), "up, down"),
        nightly("whole", ("--keys", "left,right"), "--game"),
        nightly("nothing", ("--game", "w"), "none"),
        ("flex", ("--game", "w"), "SELECT_TF_OPS"),
        nightly("folder", ("--panic-key", "left"), "panic key"),
        nightly("folder", ("--panic-key", "f122"), "Did you mean f12"),
        nightly("folder", ("--episodes", "1"), "--seconds"),
        nightly("truncated", ("--game", "w", "--keys", "left,right"), "damaged"),
        ("modified", (), "sha256"),
    ],
)
def test_unsuitable_model_is_rejected(
    model_kind: str,
    words: tuple[str, ...],
    expected: str,
    home: Path,
    x_display: str,
    bright_model: BrightModel,
) -> None:
    name = model_kind
    if model_kind == "whole":
        name = str(bright_model.whole_window)
    elif model_kind == "folder":
        name = str(bright_model.folder)
    elif model_kind == "flex":
        name = str(FOREIGN_MODELS / "keras_flex.tflite")
    elif model_kind == "truncated":
        truncated = home / "truncated.tflite"
        truncated.write_bytes(bright_model.whole_window.read_bytes()[:3000])
        name = str(truncated)
    elif model_kind == "modified":
        modified = shutil.copytree(bright_model.folder, home / "models" / "modified")
        data = bytearray((modified / "model.tflite").read_bytes())
        data[-1] ^= 1
        (modified / "model.tflite").write_bytes(data)
    assert expected in rejected("play", name, *words, *REGION_FLAGS, home=home, display=x_display)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[record]\nsecnds = 3\n", "Did you mean record.seconds"),
        nightly("[games.w]\ncentre = [1, 2]\n", "Did you mean games.w.center"),
        nightly("[recrod]\n", "Did you mean record"),
        ("[game]\nfps = 600\n", "game.fps"),
        nightly("[record]\nseconds = 'x'\n", "record.seconds"),
        nightly("[record]\nstop_key = 'escp'\n", "Did you mean esc"),
        ("[game\n", "line 1"),
    ],
)
def test_invalid_settings_file_is_rejected(text: str, expected: str, home: Path) -> None:
    (home / "config.toml").write_text(text)
    message = rejected(*RECORD, home=home)
    assert expected in message and str(home / "config.toml") in message


@pytest.mark.display
@pytest.mark.parametrize("trial", [0, nightly(1), 2, nightly(3), nightly(4)])
def test_ctrl_c_completes_the_recording(trial: int, home: Path, x_server: XServer) -> None:
    """Sent to the process group at a random time, as a terminal sends it."""
    delay = 0.3 + random.random() * (0.5, 1.0, 2.0, 3.0, 4.0)[trial]
    output = interrupted(RECORD, home, x_server, delay)
    for path in home.glob("recordings/w/*"):
        recording = Recording.open(path)
        assert recording.meta.state == "complete" and recording.meta.frames == len(recording), output


@pytest.mark.display
@pytest.mark.parametrize("trial", [nightly(0), 1, nightly(2)])
def test_ctrl_c_during_play_releases_all_keys(
    trial: int, home: Path, x_server: XServer, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *REGION_FLAGS, "--activation-threshold", "0")
    interrupted(words, home, x_server, 0.3 + random.random() * (1.0, 3.0, 4.0)[trial])
    with observe(x_server.name) as server:
        assert server.down() == frozenset()


def interrupted(words: tuple[str, ...], home: Path, server: XServer, delay: float) -> str:
    """Send SIGINT to the process group of a command after `delay` seconds; returns its output."""
    process = subprocess.Popen(
        [str(AGP), *words],
        cwd=home,
        env=bare_environment(home, server.name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    return output


@pytest.mark.display
def test_ctrl_c_before_the_start_records_nothing(home: Path, x_server: XServer) -> None:
    for words, prompt in (("--size", "64"), "Click on"), ((*REGION_FLAGS, "--wait-for-enter"), "Press enter"):
        with running_command("record", "--game", "w", *words, home=home, display=x_server.name) as command:
            command.wait_for_note(prompt)
            command.send(signal.SIGINT)
            result = command.result()
        assert result.code == 130 and result.stderr == "", result.summary()
        assert not list(home.glob("recordings/*/*"))
