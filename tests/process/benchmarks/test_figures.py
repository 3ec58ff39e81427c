"""Results and reports of the benchmarks, and ratios that background load does not change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import agp
from support.fakes import EventLog
from support.paths import ROOT

from agp_tui.bench.options import PaceOptions
from agp_tui.bench.registry import machine
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, DisplayError
from agp_tui.protocol.events import Table
from benchmarks.options import StoreOptions
from benchmarks.roofline import MachineLimits, decision_gflop, emulator_fps, measure_limits, roofline
from benchmarks.run_all import Report, read_report, write_report
from benchmarks.storage import bench_storage, storage_metrics


@pytest.mark.nightly
def test_training_on_shared_encodings_is_faster(tmp_path: Path) -> None:
    done = agp("bench", "train", "--frame-size", "64", "--rounds", "2", "--seconds", "0.5", home=tmp_path)
    assert done.code == 0, done.summary()
    metrics = done.finished["metrics"]
    assert metrics["train_ratio"] > 6
    assert metrics["train_shared"] > metrics["train_separate"] > 0


def test_model_without_checkpoint_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    done = agp("bench", "play", str(tmp_path / "m.tflite"), home=tmp_path)
    assert done.code == 2
    assert "Expected a model with its checkpoint" in done.only_event("failed")["error"]


def test_missing_gpu_is_reported(tmp_path: Path) -> None:
    done = agp("bench", "atari", "--device", "cuda", home=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert done.code == 2
    assert "Expected a GPU" in done.only_event("failed")["error"]


def test_flags_are_validated(tmp_path: Path) -> None:
    done = agp("bench", "pace", "--fps", "0", home=tmp_path)
    assert done.code == 2
    assert done.only_event("failed")["error"] == "--fps: Expected `int` >= 1, found 0."


def test_run_all_reports_what_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a display and torch, the other benchmarks run and the command succeeds."""
    from agp_tui.errors import MissingPart
    from benchmarks import registry
    from benchmarks.options import AllOptions

    def missing_torch(*_: object) -> dict[str, float]:
        raise MissingPart("Expected torch, found none.")

    def no_display(*_: object) -> dict[str, float]:
        raise DisplayError("Expected a display, found none.")

    monkeypatch.setattr(registry, "capture", no_display)
    monkeypatch.setattr(registry, "train", missing_torch)
    monkeypatch.setattr(registry, "play", missing_torch)
    monkeypatch.setattr(registry, "atari", missing_torch)
    monkeypatch.setattr(registry, "store", missing_torch)
    monkeypatch.setattr(registry, "ui", lambda *_: {"ui_figure": 1.0})
    monkeypatch.setattr(registry, "PaceOptions", lambda: PaceOptions(seconds=0.2))
    event_log, path = EventLog(), tmp_path / "results/benchmarks.json"
    finished = registry.run_every(AllOptions(kept=path), Job(event_log))
    assert finished.metrics["pace_filled"] > 0 and finished.metrics["ui_figure"] == 1.0
    assert finished.report["not_run"] == {
        "capture": "Expected a display, found none.",
        "train": "Expected torch, found none.",
        "store": "Expected torch, found none.",
        "play": "Expected torch, found none.",
        "play large": "Expected torch, found none.",
        "atari": "Expected torch, found none.",
    }
    table = [event for event in event_log.events if isinstance(event, Table)][-1]
    assert [row[1] for row in table.rows] == ["run", *["not run"] * 6, "run"]
    assert machine() in table.title
    report = read_report(path)
    assert report is not None and report.machine == machine()
    by_name = {part.name: part for part in report.parts}
    assert [table.title[:5] for table in by_name["pace"].tables] == ["Pace:"]
    assert by_name["ui"].metrics == {"ui_figure": 1.0}
    assert by_name["play"].not_run == "Expected torch, found none."


def test_invalid_report_is_rejected(tmp_path: Path) -> None:
    assert read_report(tmp_path / "none.json") is None
    (tmp_path / "other.json").write_text('{"machine": 3}')
    with pytest.raises(AgpError, match="to be a file of agp bench all"):
        read_report(tmp_path / "other.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(AgpError, match="Expected to store the results"):
        write_report(tmp_path / "folder.json", Report(machine="m", version="v", seconds=1, parts=()))


def test_machine_limits_of_one_thread() -> None:
    limits = measure_limits()
    assert 0.5 < limits.copy_gb_s < 1_000
    assert 1 < limits.float32_gflop_s < 10_000


def test_roofline() -> None:
    pytest.importorskip("torch")
    limits = MachineLimits(copy_gb_s=10.0, float32_gflop_s=100.0)
    work = decision_gflop("large", 256, 20)
    assert decision_gflop("small", 256, 20) < work / 2
    metrics = {"capture_ms": 0.1, "large_play_streaming_ms": 4 * 1e3 * work / 100.0}
    rows = {str(row[0]): row for row in roofline(metrics, limits).rows}
    assert len(rows) == 2, "only measured benchmarks"
    # Training uses all cores and three times the operations of a decision.
    frames = {"train_frames": 0.5 * available_cpus() * 100.0 / (3 * decision_gflop("small", 128, 20))}
    (trained,) = roofline(frames, limits).rows
    assert trained[3] == "50%"
    # Copying 256 KiB at 10 GB/s takes 52 microseconds.
    assert rows["capture of 256x256"][1:4] == ["0.0524 ms", "0.1 ms", "52%"]
    assert rows["decision, large network at 256 px"][3] == "25%"


def test_emulator_is_faster_than_real_time() -> None:
    pytest.importorskip("ale_py")
    assert emulator_fps("ALE/Pong-v5", frames=200) > 60


@pytest.mark.nightly
def test_stored_frames_are_lossless_and_smaller_than_windows() -> None:
    """`bench_storage` raises `JobFailed` if a frame differs after reading."""
    pytest.importorskip("ale_py")
    event_log = EventLog()
    found = bench_storage(StoreOptions(frames=4), Job(event_log))
    chosen = [one for one in found if one.chosen]
    assert {(one.size, one.method) for one in chosen} == {
        ("256x256", "ffv1"), ("1280x720", "libx264rgb"), ("1920x1080", "libx264rgb"),
    }  # fmt: skip
    figures = storage_metrics(found)
    # The goal is a ratio of 200; real games compress far better, also with these few frames.
    assert figures["store_windows_ratio"] > 400
    assert all(one.ms > 0 and one.frame_bytes > 0 for one in found)
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    assert len(table.rows) == len(found) == 26


def test_machine_description() -> None:
    assert f"{available_cpus()} cores" in machine()
    assert available_cpus() <= (os.cpu_count() or 1)


def test_package_without_checkout(tmp_path: Path) -> None:
    """Without the folder `benchmarks`, capture, pace and play run; the others ask for a checkout."""
    site = tmp_path / "site"
    shutil.copytree(ROOT / "agp_tui", site / "agp_tui", ignore=shutil.ignore_patterns("__pycache__"))

    def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "agp_tui", "bench", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    refused = bench("atari")
    assert refused.returncode == 2, refused
    assert "source checkout" in refused.stderr and "Traceback" not in refused.stderr
    paced = bench("pace", "--seconds", "0.2", "--json")
    assert paced.returncode == 0, paced.stderr
    assert '"pace_filled"' in paced.stdout
