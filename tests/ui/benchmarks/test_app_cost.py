"""The app's own benchmarks: short ones, that what they tell is of a job that ran and an app that drew."""

from pathlib import Path

import pytest
from support.fakes import Heard

from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.ui.benchmarks.first_screen import bench_first_screen
from agp_tui.ui.benchmarks.loop import bench_loop, percentiles
from agp_tui.ui.benchmarks.playing import play_at


def test_a_job_runs_beside_the_app_as_it_does_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    heard = Heard()
    found = bench_loop(Job(heard), fps=30, seconds=3.0, rounds=1)
    assert 0 < found.lateness_ms.p50 <= found.lateness_ms.p99
    assert found.with_app > 0 and found.alone > 0
    assert found.bytes_a_second > 0, "the app drew the live view"
    assert any(isinstance(event, Table) for event in heard.events)
    assert not (tmp_path / "recordings").exists(), "its recordings are gone with it"


def test_both_apps_come_up(tmp_path: Path) -> None:
    found = bench_first_screen(Job(), tmp_path, rounds=1)
    assert found.ours > 0 and found.bare > 0
    assert found.ratio == found.ours / found.bare


def test_percentiles_are_the_nearest_values_above() -> None:
    assert percentiles([float(value) for value in range(1, 101)]).p99 == 99.0
    assert percentiles([]).p50 == 0.0


def test_a_script_plays_in_the_terminal() -> None:
    pytest.importorskip("ale_py")
    found = play_at((80, 24), 2.0)
    assert found.fps > 0 and found.bytes_a_second > 0
    assert found.pictures > 1, "the picture moved"
    assert 0 <= found.late_ms.p50 <= found.late_ms.p99
