"""The benchmarks of the app, with short durations."""

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
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.app import AgpApp
from agp_tui.ui.components.nav_bar import SCREENS
from benchmarks.app.overhead import bench_idle, bench_job_overhead
from benchmarks.app.playing import play_at
from benchmarks.app.preview import CountingDriver
from benchmarks.app.startup import bench_first_frame, bench_first_screen


@pytest.mark.nightly
def test_job_overhead_of_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    event_log = EventLog()
    found = bench_job_overhead(Job(event_log), fps=30, seconds=2.0, rounds=1)
    assert 0 < found.event_loop_delay_ms.p50 <= found.event_loop_delay_ms.p99
    assert found.with_app > 0 and found.alone > 0
    assert found.bytes_per_second > 0, "the app drew the live picture"
    assert any(isinstance(event, Table) for event in event_log.events)
    assert not (tmp_path / "recordings").exists(), "temporary recordings are removed"


def test_first_screen(tmp_path: Path) -> None:
    found = bench_first_screen(Job(), tmp_path, rounds=1)
    assert found.agp > 0 and found.baseline > 0
    assert found.ratio == found.agp / found.baseline


def test_percentiles_by_nearest_rank() -> None:
    assert Percentiles.of([float(value) for value in range(1, 101)]).p99 == 99.0
    assert Percentiles.of([]).p50 == 0.0


def test_playing_in_the_terminal() -> None:
    pytest.importorskip("ale_py")
    found = play_at((80, 24), 2.0)
    assert found.fps > 0 and found.bytes_per_second > 0
    assert found.updates > 1, "the picture was updated"
    assert 0 <= found.key_delay_ms.p50 <= found.key_delay_ms.p99


@pytest.mark.nightly
def test_polling_without_changes_redraws_almost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app polls every few seconds; redrawing the whole screen for that would be slow over SSH."""
    monkeypatch.chdir(tmp_path)
    # The free space changes by a byte at each poll, its text does not.
    usage, free = namedtuple("usage", "total used free"), count(5 * 10**10, -1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**11, 0, next(free)))

    async def sent_by(app: AgpApp, method: str) -> int:
        driver = app._driver
        assert isinstance(driver, CountingDriver)
        before = driver.sent
        with app._context():
            getattr(app, method)()
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
                polled, full = await sent_by(app, "poll_runs"), await sent_by(app, "refresh")
                shares[mode] = polled / full
        finally:
            app.exit()
            await running
        return shares

    shares = asyncio.run(session())
    assert len(shares) == 7 and all(share < 0.25 for share in shares.values()), list(shares.items())


@pytest.mark.nightly
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_idle_app_uses_little_cpu(tmp_path: Path) -> None:
    found = bench_idle(Job(), tmp_path, seconds=3.0)
    assert 0 <= found.cpu_share < 0.2
    assert 0 <= found.bytes_per_second < 3000


def test_first_frame() -> None:
    pytest.importorskip("ale_py")
    found = bench_first_frame(Job(), rounds=1)
    assert found.agp > 0 and found.baseline > 0
