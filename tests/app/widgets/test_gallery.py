"""Snapshots of all widgets on one screen; a single changed cell fails the comparison."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.snapshots import Snapshot
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical

from agp_tui.protocol.events import Live, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.widgets.curve_chart import CurveChart
from agp_tui.ui.widgets.event_table import EventTable
from agp_tui.ui.widgets.key_bars import KeyBars
from agp_tui.ui.widgets.latency_budget import LatencyBudget, LatencyHistory
from agp_tui.ui.widgets.live_picture import LivePicture

LIVE = Live(
    seconds=12.0,
    fps=29.9,
    fps_asked=30.0,
    frames=359,
    missed=1,
    held=["up"],
    shares={"up": 0.4, "down": 0.255, "space": 0.0},
    probabilities={"up": 0.91, "down": 0.08, "space": 0.45},
    thresholds={"up": 0.5, "down": 0.6, "space": 0.3},
    latency_ms={
        "grab": Percentiles(1.2, 1.9, 3.1),
        "encode": Percentiles(4.5, 6.0, 9.0),
        "decide": Percentiles(2.0, 2.5, 3.0),
        "press": Percentiles(0.1, 0.1, 0.2),
        "total": Percentiles(8.0, 12.0, 36.0),
    },
)


class Gallery(App[None]):
    """Every widget once."""

    CSS = """
    #left { width: 40; } LivePicture { height: 12; } CurveChart { height: 10; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield LivePicture("Press r to record.")
                yield KeyBars("record", id="recorded")
                yield KeyBars("play", id="played")
                yield EventTable()
            with Vertical():
                yield LatencyBudget()
                yield LatencyHistory(seconds=10.0)
                yield CurveChart(x_label="steps", log=True)

    def fill(self) -> None:
        picture = np.zeros((24, 24, 3), np.uint8)
        picture[:, :8], picture[4:8, 12:16] = (200, 30, 30), (255, 255, 255)
        self.query_one(LivePicture).show(picture.tobytes(), (24, 24))
        for bars in self.query(KeyBars):
            bars.update_live(LIVE)
        self.query_one(LatencyBudget).update_live(LIVE)
        for second in range(12):
            self.query_one(LatencyHistory).add(float(second), 40.0 if second == 8 else 5.0 + second, 33.3)
        curve = self.query_one(CurveChart)
        curve.set_series(
            {
                "loss": [(x, 2 * math.exp(-x / 30)) for x in range(100)],
                "validation": [(x, 0.2 + 1.5 * math.exp(-x / 25)) for x in range(0, 100, 10)],
            }
        )
        self.query_one(EventTable).update_data(
            Table(title="Scores", columns=["player", "mean"], rows=[["expert", 20.5], ["model [x]", -3]])
        )


def run(test: Callable[[Any], Coroutine[Any, Any, None]], size: tuple[int, int] = (100, 32)) -> None:
    async def session() -> None:
        app = Gallery()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await test(pilot)

    asyncio.run(session())


def test_empty(snap: Snapshot) -> None:
    async def check(pilot: Any) -> None:
        await snap(pilot, "widgets-empty")

    run(check)


def test_live(snap: Snapshot) -> None:
    async def check(pilot: Any) -> None:
        pilot.app.fill()
        await snap(pilot, "widgets-live")

    run(check)


def test_a_snapshot_fails_if_one_cell_changes(snap: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGP_UPDATE_SNAPSHOTS", raising=False)
    snap = replace(snap, timeout=0.2)

    async def check(pilot: Any) -> None:
        pilot.app.query_one(LivePicture).clear("Press r to Record.")
        with pytest.raises(pytest.fail.Exception, match=r"\+ +Press r to Record"):
            await snap(pilot, "widgets-empty")
        pilot.app.query_one(LivePicture).clear("Press r to record.")
        for widget in pilot.app.screen.query("*"):
            widget.styles.text_style = "strike"
        with pytest.raises(pytest.fail.Exception, match=r"\+\w .*strike"):
            await snap(pilot, "widgets-empty")

    run(check)
