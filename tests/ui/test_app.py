"""The app on a real engine, driven by keys."""

import asyncio
from pathlib import Path

import pytest

from agp_tui.config import Output
from agp_tui.engine.clock import Percentiles
from agp_tui.engine.events import Live, Stage, Table
from agp_tui.ui.app import DemoApp, bars


def test_it_says_what_to_press_and_shows_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def session() -> None:
        app = DemoApp(Output())
        async with app.run_test(size=(80, 24)) as pilot:
            assert "Press d" in str(app.query_one("#stage").render())
            app.show(Stage(name="it practises", number=3, of=6))
            app.show(Table(title="Scores", columns=["player", "mean"], rows=[["expert", 21.0]]))
            await pilot.pause()
            assert "3 of 6" in str(app.query_one("#stage").render())
            assert len(app.query("#log Static")) == 1
            await pilot.press("q")

    asyncio.run(session())


def test_a_bar_for_each_key_and_the_latency_against_the_budget() -> None:
    text = bars(
        Live(
            seconds=1.0,
            fps=30.0,
            fps_asked=30.0,
            frames=30,
            missed=0,
            held=["up"],
            probabilities={"up": 0.5, "down": 0.0},
            latency_ms={"total": Percentiles(1.0, 2.0, 3.0)},
            score=4.0,
        )
    ).plain
    assert "p99 3.0 ms of 33 ms" in text
    up, down = text.splitlines()[-2:]
    assert up.startswith("●") and up.count("█") == 12
    assert not down.startswith("●") and "█" not in down
