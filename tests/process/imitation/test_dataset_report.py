"""The dataset report: the same split as in training, and warnings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.dot_dataset import SIDES, SIZE, dot_settings, record_dot
from support.recordings import key_edge, recording_meta, write_recording

from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import open_clips
from agp_tui.imitation.dataset_report import inspect_dataset
from agp_tui.imitation.train_validation_split import split


def test_split_and_key_rates_equal_those_of_training(tmp_path: Path) -> None:
    paths = [record_dot(tmp_path, frames, seed) for seed, frames in enumerate((160, 160, 160, 160, 160))]
    settings = dot_settings(validation=0.2)
    report = inspect_dataset(paths, settings)
    clips = open_clips(paths, game="dots", keys=SIDES, fps=30, frame_size=SIZE, lead=settings.lead)
    train, validation = split(clips, settings.validation, settings.segment, settings.seed)
    assert [(one["recording"], one["start"], one["stop"]) for one in report.validation] == [
        (clips[r.clip].name, r.start, r.stop) for r in validation
    ]
    assert all(one["whole"] for one in report.validation)
    assert report.train_frames == sum(map(len, train))
    assert report.validation_frames == sum(map(len, validation))
    assert report.frames == 800 == report.train_frames + report.validation_frames
    for number, key in enumerate(SIDES):
        held = sum(int(clip.labels[:, number].sum()) for clip in clips)
        assert report.keys[key] == pytest.approx(held / 800, abs=1e-4)
    assert sum(one["frames"] for one in report.combinations) == 800
    assert {tuple(one["keys"]) for one in report.combinations} <= {("left",), ("right",), ()}
    assert [one["frames"] for one in report.combinations] == sorted(
        (one["frames"] for one in report.combinations), reverse=True
    )


def test_unusable_recordings_are_left_out_with_a_warning(tmp_path: Path) -> None:
    good = write_recording(tmp_path, 150, [key_edge(2, "up", True)])
    slow = write_recording(tmp_path, 40, meta=recording_meta(fps=15))
    short = write_recording(tmp_path, 3)
    report = inspect_dataset([good, slow, short], dot_settings())
    assert [one["used"] for one in report.recordings] == [True, False, False]
    warnings = " ".join(report.warnings)
    assert f"{slow.name} is left out or refused: it has 15 frames a second, not 30" in warnings
    assert f"{short.name} is left out or refused: it is too short" in warnings
    assert "Never pressed, so never learnt: left, space." in warnings
    assert "One-sided: up held at 99 % of the frames." in warnings
    assert "Only 5 s of play" in warnings
    assert report.validation and not any(one["whole"] for one in report.validation)


def test_too_little_data_is_a_warning_and_no_recording_an_error(tmp_path: Path) -> None:
    report = inspect_dataset([write_recording(tmp_path, 8, [key_edge(2, "up", True)])], dot_settings())
    assert (report.train_frames, report.validation) == (0, ())
    assert any("to train on one part and validate" in text for text in report.warnings)
    with pytest.raises(RecordingError):
        inspect_dataset([tmp_path / "none"], dot_settings())


LOOK_SCRIPT = """
import sys
sys.argv = ["agp", "train", "--game", "box", "--look", "--json"]
from agp_tui.cli import main
try:
    main()
finally:
    print([name for name in ("torch", "textual") if name in sys.modules], file=sys.stderr)
"""


def test_look_imports_no_torch(tmp_path: Path) -> None:
    write_recording(tmp_path / "recordings", 150, [key_edge(2, "up", True), key_edge(60, "up", False)])
    done = subprocess.run(
        [sys.executable, "-c", LOOK_SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=module_environment(XDG_CONFIG_HOME=str(tmp_path)),
    )  # fmt: skip
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    last = json.loads(done.stdout.splitlines()[-1])
    report = last["report"]
    assert (last["type"], report["frames"]) == ("finished", 150)
    assert set(report) == {
        "recordings", "frames", "keys", "combinations", "train_frames", "validation_frames", "validation",
        "warnings",
    }  # fmt: skip
    assert report["keys"]["up"] == pytest.approx(58 / 150, abs=0.02)
    assert not (tmp_path / "runs").exists()
