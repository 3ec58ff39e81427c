"""Key bars, latency and curves: content, widths, number of repaints."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from agp_tui.config import Config
from agp_tui.config.file import LoadedConfig
from agp_tui.protocol.events import Live
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.widgets.curve_chart import Canvas, CurveChart, downsample, finite_points, fit_axis
from agp_tui.ui.widgets.key_bars import KeyBars
from agp_tui.ui.widgets.latency_budget import LatencyBudget, LatencyHistory

LIVE = Live(
    seconds=1.0,
    fps=30.0,
    fps_asked=50.0,
    frames=30,
    missed=0,
    held=["left"],
    shares={"left": 0.5, "right": 0.25},
    probabilities={"left": 0.75, "right": 0.5},
    thresholds={"left": 0.5, "right": 0.9},
    latency_ms={"total": Percentiles(5.0, 8.0, 21.0), "grab": Percentiles(1.0, 2.0, 3.0)},
)


class WidgetApp(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def run(
    widget: Widget, test: Callable[[Any], Coroutine[Any, Any, None]], size: tuple[int, int] = (40, 12)
) -> None:
    async def session() -> None:
        async with WidgetApp(widget).run_test(size=size) as pilot:
            await pilot.pause()
            await test(pilot)

    asyncio.run(session())


def lines(widget: Widget) -> list[str]:
    return [widget.render_line(y).text for y in range(widget.size.height)]


def test_reset_returns_a_live_view_to_its_kind() -> None:
    class ConfiguredApp(WidgetApp):
        loaded = LoadedConfig(Config(), None)

    async def session() -> None:
        view = LiveView("record", "Nothing yet.")
        async with ConfiguredApp(view).run_test() as pilot:
            await pilot.pause()
            view.show(LIVE)
            assert view.kind == "play" and view.query_one(LatencyBudget).row_count() == 3
            view.reset("Nothing any more.")
            assert view.kind == "record" and view.query_one(LatencyBudget).row_count() == 1

    asyncio.run(session())


def test_record_bars_show_shares_and_held_keys() -> None:
    bars = KeyBars("record", ["right", "left"])

    async def check(pilot: Any) -> None:
        bars.update_live(LIVE)
        await pilot.pause()
        right, left = lines(bars)
        assert right.startswith("○ right") and right.endswith(" 25%")
        assert left.startswith("● left") and left.endswith(" 50%")
        assert left.count("█") == pytest.approx(2 * right.count("█"), abs=1)

    run(bars, check)


@pytest.mark.parametrize("width", [28, 40, 100])
def test_play_bars_mark_the_threshold(width: int) -> None:
    bars = KeyBars("play")

    async def check(pilot: Any) -> None:
        bars.update_live(LIVE)
        await pilot.pause()
        left, right = lines(bars)
        assert len(left) == len(right) == width
        start, room = len("● right "), width - len("● right ") - len(" 0.75")
        assert left.index("│") == start + int(0.5 * room)
        assert right.index("│") == start + int(0.9 * room)
        assert left.endswith(" 0.75")

    run(bars, check, (width, 6))


def test_rows_keep_their_order_and_only_changed_ones_repaint(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = KeyBars("play")
    calls: list[tuple[object, ...]] = []

    async def check(pilot: Any) -> None:
        bars.update_live(LIVE)
        await pilot.pause()
        monkeypatch.setattr(bars, "refresh", lambda *regions, **_: calls.append(regions))
        bars.update_live(LIVE)
        assert calls == [], "nothing changed"
        bars.update_live(
            msgspec.structs.replace(LIVE, probabilities={"right": 0.1, "left": 0.75}, held=["left"])
        )
        assert len(calls) == 1 and [region.y for region in calls[0]] == [1]  # type: ignore[attr-defined]
        assert lines(bars)[0].startswith("● left"), "rows stay where they are"

    run(bars, check)


def test_bars_grow_by_a_row_for_a_new_key() -> None:
    bars = KeyBars("record")

    async def check(pilot: Any) -> None:
        assert lines(bars)[0].startswith("No keys yet.")
        bars.update_live(LIVE)
        await pilot.pause()
        assert bars.size.height == 2
        bars.update_live(msgspec.structs.replace(LIVE, held=["space"]))
        await pilot.pause()
        assert bars.size.height == 3 and lines(bars)[2].startswith("● space")

    run(bars, check)


def test_the_budget_is_aligned_and_total_is_last() -> None:
    budget = LatencyBudget()

    async def check(pilot: Any) -> None:
        budget.update_live(LIVE)
        await pilot.pause()
        head, grab, total = lines(budget)
        assert "20.0 ms ┃" in head and "p99" in head
        assert head.index("┃") == grab.index("┃") == total.index("┃")
        assert grab.startswith("grab") and total.startswith("total")
        assert total.rstrip().endswith("21.0")
        assert total.index("┊") > total.index("┃") > grab.index("┊"), "above the budget, and below it"
        over, fine = (budget.render_line(y) for y in (2, 1))
        red = budget.get_visual_style("budget--over").rich_style.color
        assert red in _colors(over, "total") and red not in _colors(fine, "grab")

    run(budget, check, (60, 8))


def _colors(strip: Strip, text: str) -> list[object]:
    return [segment.style.color for segment in strip if segment.style and text in segment.text]


def test_the_history_scrolls_and_marks_values_above_the_budget() -> None:
    history = LatencyHistory(seconds=10.0, lines=2)

    async def check(pilot: Any) -> None:
        for second in range(10):
            history.add(float(second), 30.0 if second == 4 else 10.0, 20.0)
        await pilot.pause()
        top, low, caption = lines(history)
        assert top.count("▲") == 1 and low.count("█") == 10
        at = top.index("▲")
        history.add(12.0, 10.0, 20.0)
        await pilot.pause()
        assert at - lines(history)[0].index("▲") == pytest.approx(40 * 3 / 10, abs=1)
        assert "top = 20.0 ms" in caption
        history.add(1.0, 10.0, 20.0)
        assert "▲" not in lines(history)[0], "cleared by an earlier time"

    run(history, check)


def test_a_curve_has_axes_a_legend_and_letters_at_its_ends() -> None:
    chart = CurveChart(x_label="steps")

    async def check(pilot: Any) -> None:
        assert any("No curve yet." in line for line in lines(chart))
        chart.set_series({"loss": [(0, 4.0), (50, 2.0), (100, 1.0)], "f1": [(0, 1.0), (100, 3.0)]})
        await asyncio.sleep(0.6)
        shown = lines(chart)
        assert "a loss 1" in shown[0] and "b f1 3" in shown[0]
        assert shown[1].startswith("   4┤") or shown[1].startswith("4┤") or "4┤" in shown[1]
        assert "1┤" in shown[-2] and shown[-1].rstrip().endswith("100 steps")
        assert any(line.rstrip().endswith("a") for line in shown[1:-1])
        assert all(len(line) == 40 for line in shown)

    run(chart, check)


def test_a_log_axis_makes_a_line_of_equal_factors() -> None:
    axis = fit_axis([0.01, 1.0], 101, log=True)
    assert [axis.dot(value) for value in (0.01, 0.1, 1.0)] == [0, 50, 100]
    assert finite_points([(0, 0.0), (1, 1.0), (2, math.nan)], log=True) == [(1, 1.0)]


def test_curves_redraw_at_most_twice_a_second_and_show_the_last_point() -> None:
    chart = CurveChart()

    async def check(pilot: Any) -> None:
        before = chart.redraws
        for step in range(60):
            chart.add("loss", step, 60.0 - step)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.7)
        assert 1 <= chart.redraws - before <= 4
        assert "a loss 1" in lines(chart)[0]

    run(chart, check)


def test_downsampling_keeps_the_peak() -> None:
    points = [(float(x), 100.0 if x == 5431 else math.sin(x)) for x in range(20_000)]
    few = downsample(points, 200)
    assert len(few) <= 210 and max(y for _, y in few) == 100.0 and few[-1] == points[-1]


def test_a_straight_line_is_drawn_in_dots() -> None:
    canvas = Canvas(4, 2)
    canvas.line([(0, 0), (1, 1)], fit_axis([0, 1], 8), fit_axis([0, 1], 8), 0)
    text = "".join(text for row in range(2) for text, _ in canvas.row(row))
    assert sum(bin(ord(c) - 0x2800).count("1") for c in text if c != " ") == 8


def test_tiny_sizes_do_not_fail() -> None:
    for widget in (CurveChart(), LatencyBudget(), LatencyHistory(), KeyBars("play")):

        async def check(pilot: Any, widget: Any = widget) -> None:
            if isinstance(widget, CurveChart):
                widget.set_series({"loss": [(0, 1.0)]})
            else:
                widget.update_live(LIVE)
            for size in ((1, 1), (5, 3), (28, 24)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                lines(widget)

        run(widget, check)


def test_percentiles_above_the_bar_are_clamped() -> None:
    budget = LatencyBudget()

    async def check(pilot: Any) -> None:
        slow = replace(Percentiles(1.0, 2.0, 3.0), p50=900.0, p95=2000.0, p99=123456.0)
        budget.set_figures({"total": slow}, 10.0)
        await pilot.pause()
        assert "»" in lines(budget)[1] and all(len(line) == 40 for line in lines(budget))

    run(budget, check)
