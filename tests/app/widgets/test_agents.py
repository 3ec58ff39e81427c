"""Widgets of an agent's training: score table, curve with intervals, time split, result."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.apps import screen_shows, screen_text, wait_until
from support.atari_events import episode_finished, finished, progress
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from agp_tui.ui.components.run_view.agent_view import agent_progress
from agp_tui.ui.components.run_view.result import agent_result
from agp_tui.ui.widgets.curve_chart import CurveChart
from agp_tui.ui.widgets.score_table import MAX_ROWS, ScoreTable
from agp_tui.ui.widgets.time_split import TimeSplit


class WidgetApp(App[None]):
    """An app with one widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


def in_app(
    widget: Widget, test: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 10)
) -> None:
    async def session() -> None:
        async with WidgetApp(widget).run_test(size=size) as pilot:
            await test(pilot)

    asyncio.run(session())


def test_the_newest_episode_is_first() -> None:
    table = ScoreTable()

    async def test(pilot: Pilot[None]) -> None:
        table.add(episode_finished(1, 8, 8))
        table.add(episode_finished(2, 3, 8))
        await wait_until(pilot, screen_shows(pilot, "mean of 100", " 802 "))
        lines = screen_text(pilot).splitlines()
        titles = "episode score high score mean of 100 frames time epsilon loss"
        assert " ".join(lines[0].split()) == titles
        assert lines[1].split() == ["2", "3", "8", "1.5", "802", "0:20", "0.250", "0.25"]
        assert lines[2].split()[:4] == ["1", "8", "8", "4.0"]

    in_app(table, test)


def test_old_episodes_are_dropped_and_a_scrolled_table_keeps_its_place() -> None:
    table = ScoreTable()

    async def test(pilot: Pilot[None]) -> None:
        for number in range(1, MAX_ROWS + 51):
            table.add(episode_finished(number, 1, 1))
        await wait_until(pilot, screen_shows(pilot, f" {MAX_ROWS + 50} "))
        assert len(table.episodes) == MAX_ROWS and table.episodes[-1].number == 51
        table.scroll_to(y=100, animate=False)
        await wait_until(pilot, screen_shows(pilot, f" {MAX_ROWS + 50 - 100} "))
        before = screen_text(pilot)
        for number in range(MAX_ROWS + 51, MAX_ROWS + 61):
            table.add(episode_finished(number, 1, 1))
        await wait_until(pilot, lambda: table.scroll_offset.y == 110)
        assert screen_text(pilot) == before, "the visible lines stay in place"

    in_app(table, test)


def test_episodes_repeated_after_a_resume_are_replaced() -> None:
    table = ScoreTable()

    async def test(pilot: Pilot[None]) -> None:
        for number in (1, 2, 3, 4):
            table.add(episode_finished(number, number, number))
        for number in (3, 4, 5):
            table.add(episode_finished(number, 10 * number, 50))
        await pilot.pause()
        assert [(one.number, one.score) for one in table.episodes] == [
            (5, 50),
            (4, 40),
            (3, 30),
            (2, 2),
            (1, 1),
        ]

    in_app(table, test)


def test_nothing_is_drawn_without_a_new_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ScoreTable()
    drawn: list[int] = []

    async def test(pilot: Pilot[None]) -> None:
        table.add(episode_finished(1, 8, 8))
        await wait_until(pilot, screen_shows(pilot, " 801 "))
        line = table.render_line

        def record(y: int) -> Strip:
            drawn.append(y)
            return line(y)

        monkeypatch.setattr(table, "render_line", record)
        await pilot.pause(0.6)
        assert drawn == []
        table.add(episode_finished(2, 8, 8))
        await wait_until(pilot, screen_shows(pilot, " 802 "))
        assert drawn

    in_app(table, test)


def test_an_interval_is_a_vertical_line_and_widens_the_axis() -> None:
    chart = CurveChart(x_label="steps")

    async def test(pilot: Pilot[None]) -> None:
        chart.set_series({"evaluation": [(0.0, 5.0), (50.0, 5.0), (100.0, 5.0)]})
        chart.add_interval(50.0, 0.0, 10.0)
        await wait_until(pilot, screen_shows(pilot, "10┤", "0┤"))
        body = screen_text(pilot).splitlines()[1:-1]
        columns = [{at for at, cell in enumerate(line) if 0x2800 < ord(cell) < 0x2900} for line in body]
        assert len(columns[0]) == 1 and columns[0] == columns[-1], "one column from the top to the bottom"
        assert max(map(len, columns)) > 60, "the curve goes across"

    in_app(chart, test)


def test_a_resumed_curve_drops_later_points() -> None:
    chart = CurveChart()

    async def test(pilot: Pilot[None]) -> None:
        for step in (10, 20, 30):
            chart.add("evaluation", step, 100.0 + step)
            chart.add_interval(step, 0.0, 1000.0 + step)
        await wait_until(pilot, screen_shows(pilot, "1030┤"))
        chart.drop_from(20)
        chart.add("evaluation", 20, 7.0)
        await wait_until(pilot, screen_shows(pilot, "evaluation 7", "1010┤"))

    in_app(chart, test)


def test_the_time_split_shows_all_stages() -> None:
    split = TimeSplit()
    shares = {"environment": 0.2, "inference": 0.3, "learning": 0.5}

    async def test(pilot: Pilot[None]) -> None:
        split.set_figures(1234.4, shares)
        await wait_until(
            pilot, screen_shows(pilot, "1,234 steps/s", "environment 20 %", "inference 30 %", "learning 50 %")
        )
        await pilot.resize_terminal(60, 4)
        await wait_until(pilot, screen_shows(pilot, "env 20 %", "infer 30 %", "learn 50 %"))
        row = split.rows(160)[0]
        bar = {stage: len(text) for text, stage in row if set(text) == {"█"}}
        assert bar == {"environment": 12, "inference": 18, "learning": 30}

    in_app(split, test, (100, 4))


def test_agent_progress_text() -> None:
    assert agent_progress(progress(40)) == "40,000 steps  60 s left  epsilon 0.25"


def test_the_result_shows_the_human_normalised_score() -> None:
    text = "\n".join(line.plain for line in agent_result(finished(12.5)))
    assert "100,000 steps in 2 min, 833 a second" in text
    assert "scores 12.5 (11.5 to 13.5) in 30 games; 38 % of the way from random play to a person" in text
    assert "agp atari watch 20260101-120000-atari-ab12" in text
