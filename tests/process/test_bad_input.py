"""What a person can get wrong, through the command line: one sentence, a cure, exit code 2, no harm done."""

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

PLACE = ("--center", "200,200")
RECORD = ("record", "--game", "w", *PLACE)


def nightly(*values: object) -> object:
    """A case like its neighbours, which only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.nightly)


def refused(*words: str, home: Path, display: str | None = None, **environment: str) -> str:
    """Run a command that must refuse, for people and for programs; what it says."""
    before = files(home)
    people = agp_text(*words, home=home, display=display, **environment)
    assert people.returncode == 2, people
    assert people.stdout == "" and "Traceback" not in people.stderr
    told = agp(*words, home=home, display=display, **environment)
    assert told.code == 2 and told.stderr == "", told.story()
    failed = told.one("failed")
    assert failed["exit_code"] == 2 and told.events[-1] == failed
    assert failed["hint"], f"no cure: {failed}"
    # The same sentence but for its figures: the room on the disk changes meanwhile.
    last = people.stderr.splitlines()[-1]
    assert without_figures(last).endswith(without_figures(f"{failed['error']} {failed['hint']}"))
    assert files(home) == before
    return f"{failed['error']} {failed['hint']}"


def without_figures(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def files(home: Path) -> set[Path]:
    """Everything that is there, but for what was asked and said."""
    return {path for path in home.rglob("*") if "runs" not in path.parts and path.suffix != ".txt"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--display", ":99"), ":99"),
        (("--display", "localhost:10.0"), "ssh -X"),
        nightly(("--display", "banana"), "a name such as :0"),
    ],
)
def test_a_display_that_is_none(words: tuple[str, ...], said: str, home: Path) -> None:
    assert said in refused(*RECORD, *words, home=home)


def test_no_display_at_all(home: Path) -> None:
    """In namespaces of its own, where no X server of this machine can be reached."""
    apart = ("unshare", "-r", "-m", "-n", "sh", "-c")
    hide = "mount -t tmpfs none /tmp/.X11-unix || exit 77; "
    if shutil.which("unshare") is None or not Path("/tmp/.X11-unix").is_dir():
        skip_or_fail("needs unshare and a folder of X sockets to hide")
    for display, said in (None, "found none"), ("localhost:10.0", "ssh -X"):
        ran = subprocess.run(
            [*apart, f"{hide}exec {AGP} {' '.join(RECORD)}"],
            cwd=home,
            env=bare_environment(home, display),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if ran.returncode == 77 or "unshare" in ran.stderr:
            skip_or_fail("namespaces of one's own are not allowed here")
        assert ran.returncode == 2 and said in ran.stderr and "--display" in ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.display
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--center", "5000,5000"), "1024x768"),
        (("--region", "10,10,0,5"), "a width and a height"),
        nightly(("--region", "10,10"), "--region"),
        ((*PLACE, "--keys", "left,rihgt"), "Did you mean right"),
        nightly((*PLACE, "--keys", "up,up"), "twice"),
        nightly((*PLACE, "--stop-key", "escp"), "Did you mean esc"),
        ((*PLACE, "--min-free-mb", "999999999"), "lower --min-free-mb"),
        nightly((*PLACE, "--fps", "600"), "--fps"),
        ((*PLACE, "--secnds", "3"), "Did you mean --seconds"),
        ((*PLACE, "--by", "nobody"), "nobody"),
        nightly((*PLACE, "--by", "expert"), "expert"),
        ((*PLACE, "--fast"), "--fast"),
    ],
)
def test_a_recording_that_cannot_be(words: tuple[str, ...], said: str, home: Path, x_display: str) -> None:
    assert said in refused("record", "--game", "w", *words, home=home, display=x_display)


HELD = [key_edge(number + 0.5, "left", number % 20 == 0) for number in range(0, 180, 10)]


def cut(path: Path) -> None:
    video = path / "frames.mkv"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    video = path / "frames.mkv"
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 0xFF
    video.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "agp recordings repair"),
        nightly(flip_a_bit, "damaged"),
        nightly(lambda path: (path / "frames.mkv").write_bytes(b""), "none that can be read"),
        nightly(lambda path: (path / "frames.mkv").unlink(), "frames.mkv"),
        nightly(lambda path: (path / "timeline.jsonl").unlink(), "timeline.jsonl"),
        (lambda path: (path / "meta.json").write_text('{"hello": 1}'), "not made by agp-tui"),
        nightly(lambda path: (path / "meta.json").write_bytes(b"\x80\x04pickle"), "not made by agp-tui"),
    ],
)
def test_a_recording_that_is_spoiled(spoil: Callable[[Path], object], said: str, home: Path) -> None:
    path = write_recording(home / "recordings", 200, HELD)
    spoil(path)
    assert said in training_refused(home)


def training_refused(home: Path, *more: str) -> str:
    """As above, for programs only: the job takes its time to begin."""
    words = ("train", "--game", "box", "--frame-size", "32", "--segment", "4", "--stretch", "16")
    told = agp(*words, *more, home=home)
    assert told.code == 2 and told.stderr == "", told.story()
    failed = told.one("failed")
    assert failed["exit_code"] == 2 and failed["hint"]
    assert not (home / "models").exists()
    return f"{failed['error']} {failed['hint']}"


def test_there_are_no_recordings_to_learn_from(home: Path) -> None:
    assert "agp record --game box" in refused("train", "--game", "box", home=home)
    short = write_recording(home / "recordings", 5, [key_edge(1.5, "left", True)])
    assert "Record for longer" in training_refused(home)
    assert short.is_dir()


@pytest.mark.nightly
def test_recordings_that_nothing_can_be_learned_from(home: Path) -> None:
    root = home / "recordings"
    short = write_recording(root, 5, [key_edge(1.5, "left", True)])
    quiet = write_recording(root, 200)
    assert "no key is ever pressed" in training_refused(home, "--recordings", str(quiet))
    slow = write_recording(root, 200, HELD, meta=recording_meta(fps=15))
    other = write_recording(root, 200, HELD, meta=recording_meta(keys=("left", "right")))
    good = write_recording(root, 200, HELD)
    both = training_refused(home, "--recordings", f"{good},{slow}")
    assert "frames a second" in both and "15" in both and "30" in both
    both = training_refused(home, "--recordings", f"{good},{other}")
    assert "same keys" in both and "left,right" in both and KEYS[2] in both
    assert "20261121" in refused("train", "--game", "box", "--recordings", "20261121-000000", home=home)
    assert short.is_dir()


@pytest.mark.display
@pytest.mark.parametrize(
    ("form", "words", "said"),
    [
        ("whole", ("--game", "w"), "4 keys (up, left, right, down), found 2"),
        nightly("folder", ("--keys", "up,down"), "up, down"),
        nightly("whole", ("--keys", "left,right"), "--game"),
        nightly("nothing", ("--game", "w"), "none"),
        ("flex", ("--game", "w"), "SELECT_TF_OPS"),
        nightly("folder", ("--panic-key", "left"), "panic key"),
        nightly("folder", ("--panic-key", "f122"), "Did you mean f12"),
        nightly("folder", ("--episodes", "1"), "--seconds"),
        nightly("half", ("--game", "w", "--keys", "left,right"), "damaged"),
        ("changed", (), "sha256"),
    ],
)
def test_a_model_that_does_not_fit(
    form: str, words: tuple[str, ...], said: str, home: Path, x_display: str, bright_model: BrightModel
) -> None:
    name = form
    if form == "whole":
        name = str(bright_model.whole_window)
    elif form == "folder":
        name = str(bright_model.folder)
    elif form == "flex":
        name = str(FOREIGN_MODELS / "keras_flex.tflite")
    elif form == "half":
        half = home / "half.tflite"
        half.write_bytes(bright_model.whole_window.read_bytes()[:3000])
        name = str(half)
    elif form == "changed":
        changed = shutil.copytree(bright_model.folder, home / "models" / "changed")
        data = bytearray((changed / "model.tflite").read_bytes())
        data[-1] ^= 1
        (changed / "model.tflite").write_bytes(data)
    assert said in refused("play", name, *words, *PLACE, home=home, display=x_display)


@pytest.mark.parametrize(
    ("text", "said"),
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
def test_a_settings_file_that_is_wrong(text: str, said: str, home: Path) -> None:
    (home / "config.toml").write_text(text)
    message = refused(*RECORD, home=home)
    assert said in message and str(home / "config.toml") in message


@pytest.mark.display
@pytest.mark.parametrize("trial", [0, nightly(1), 2, nightly(3), nightly(4)])
def test_ctrl_c_at_any_moment_of_a_recording(trial: int, home: Path, x_server: XServer) -> None:
    """To all its processes, as a terminal does it. What was recorded by then is complete."""
    delay = 0.3 + random.random() * (0.5, 1.0, 2.0, 3.0, 4.0)[trial]
    said = interrupted(RECORD, home, x_server, delay)
    for path in home.glob("recordings/w/*"):
        recording = Recording.open(path)
        assert recording.meta.state == "complete" and recording.meta.frames == len(recording), said


@pytest.mark.display
@pytest.mark.parametrize("trial", [nightly(0), 1, nightly(2)])
def test_ctrl_c_at_any_moment_of_play(
    trial: int, home: Path, x_server: XServer, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *PLACE, "--activation-threshold", "0")
    interrupted(words, home, x_server, 0.3 + random.random() * (1.0, 3.0, 4.0)[trial])
    with observe(x_server.name) as server:
        assert server.down() == frozenset()


def interrupted(words: tuple[str, ...], home: Path, server: XServer, delay: float) -> str:
    """Ctrl-C to a command in a process group of its own after so many seconds; what it said."""
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
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    return said


@pytest.mark.display
def test_ctrl_c_before_anything_was_chosen(home: Path, x_server: XServer) -> None:
    for words, note in (("--size", "64"), "Click on"), ((*PLACE, "--wait-for-enter"), "Press enter"):
        with running_command("record", "--game", "w", *words, home=home, display=x_server.name) as command:
            command.wait_for_note(note)
            command.send(signal.SIGINT)
            result = command.result()
        assert result.code == 130 and result.stderr == "", result.story()
        assert not list(home.glob("recordings/*/*"))
