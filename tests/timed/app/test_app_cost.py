"""What the app costs, and its own benchmarks: short ones, of a job that ran and an app that drew."""

import asyncio
import shutil
import sys
from collections import namedtuple
from itertools import count
from pathlib import Path

import pytest
from support.fakes import EventLog

from agp_tui.engine.job import Job
from agp_tui.protocol.events import Table
from agp_tui.ui.app import AgpApp
from agp_tui.ui.components.nav_bar import SCREENS
from benchmarks.app.first_screen import bench_first_screen
from benchmarks.app.idle import bench_idle
from benchmarks.app.loop import bench_loop, percentiles
from benchmarks.app.playing import play_at
from benchmarks.app.preview import CountingDriver
from benchmarks.first_frame import bench_first_frame


@pytest.mark.nightly
def test_a_job_runs_beside_the_app_as_it_does_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    heard = EventLog()
    found = bench_loop(Job(heard), fps=30, seconds=2.0, rounds=1)
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


def test_a_look_that_finds_nothing_new_redraws_next_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every few seconds the app looks at runs and disk; over SSH a whole screen for that would be felt."""
    monkeypatch.chdir(tmp_path)
    # Some byte of the disk is always written: what is known changes, what is shown of it does not.
    usage, free = namedtuple("usage", "total used free"), count(5 * 10**10, -1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**11, 0, next(free)))

    async def sent_by(app: AgpApp, what: str) -> int:
        driver = app._driver
        assert isinstance(driver, CountingDriver)
        before = driver.sent
        with app._context():
            getattr(app, what)()
        await asyncio.sleep(0.3)
        return driver.sent - before

    async def session() -> dict[str, float]:
        app = AgpApp()
        app.driver_class = CountingDriver
        running = asyncio.create_task(app.run_async(size=(120, 40)))
        shares: dict[str, float] = {}
        try:
            await asyncio.sleep(1.5)
            for mode in SCREENS:
                with app._context():
                    await app.action_go(mode)
                await asyncio.sleep(0.5)
                await sent_by(app, "poll_runs")
                looked, whole = await sent_by(app, "poll_runs"), await sent_by(app, "refresh")
                shares[mode] = looked / whole
        finally:
            app.exit()
            await running
        return shares

    shares = asyncio.run(session())
    assert len(shares) == 7 and all(share < 0.25 for share in shares.values()), list(shares.items())


@pytest.mark.nightly
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the times of a process")
def test_the_app_left_alone_hardly_works(tmp_path: Path) -> None:
    found = bench_idle(Job(), tmp_path, seconds=3.0)
    assert 0 <= found.share < 0.2
    assert 0 <= found.bytes_a_second < 3000


def test_the_first_frame_comes_after_the_start() -> None:
    pytest.importorskip("ale_py")
    found = bench_first_frame(Job(), rounds=1)
    assert found.ours > 0 and found.bare > 0
