"""Event table: cursor, minimal updates, sorting and filtering."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from textual.app import App, ComposeResult

from agp_tui.protocol.events import Table
from agp_tui.ui.widgets.event_table import EventTable


class TableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield EventTable()


def event(*rows: list[Any]) -> Table:
    return Table(title="Runs", columns=["run", "job", "seconds"], rows=list(rows))


A, B, C = ["a", "train", 30.0], ["b", "play [live]", 5.0], ["c", "Record", None]


def run(test: Callable[[Any, EventTable], Coroutine[Any, Any, None]]) -> None:
    async def session() -> None:
        app = TableApp()
        async with app.run_test(size=(60, 12)) as pilot:
            table = app.query_one(EventTable)
            table.update_data(event(A, B, C))
            await pilot.pause()
            await test(pilot, table)

    asyncio.run(session())


def shown(table: EventTable) -> list[str]:
    return [str(table.get_row_at(index)[0]) for index in range(table.row_count)]


def test_the_cursor_stays_on_its_row_when_rows_change() -> None:
    async def check(pilot: Any, table: EventTable) -> None:
        table.select_key("b")
        table.update_data(event(["z", "new", 1.0], A, B))
        await pilot.pause()
        assert table.selected_key == "b" and shown(table) == ["z", "a", "b"]
        assert table.selected_values == {"run": "b", "job": "play [live]", "seconds": 5.0}
        table.update_data(event(["z", "new", 1.0], A))
        assert table.selected_key == "a", "the row at the same line"
        table.update_data(event())
        assert table.selected_key is None and table.selected_values == {}

    run(check)


def test_only_changed_cells_are_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(pilot: Any, table: EventTable) -> None:
        touched: list[tuple[Any, ...]] = []
        real = table.update_cell

        def update(*arguments: Any, **options: Any) -> None:
            touched.append(arguments[:2])
            real(*arguments, **options)

        monkeypatch.setattr(table, "update_cell", update)
        table.update_data(event(A, B, C))
        assert touched == []
        table.update_data(event(A, ["b", "play [live]", 6.0], C))
        assert touched == [("b", "seconds")]
        assert str(table.get_cell("b", "seconds")) == "6.0"

    run(check)


def test_a_click_on_a_title_sorts_and_a_second_reverses() -> None:
    async def check(pilot: Any, table: EventTable) -> None:
        column = 1 + sum(c.get_render_width(table) for c in list(table.columns.values())[:2])
        await pilot.click(EventTable, offset=(column + 1, 0))
        assert shown(table) == ["c", "b", "a"], "None, 5, 30"
        await pilot.click(EventTable, offset=(column + 1, 0))
        assert shown(table) == ["a", "b", "c"]
        table.update_data(event(A, B, C, ["d", "x", 99.0]))
        assert shown(table) == ["d", "a", "b", "c"], "stays sorted"
        table.action_sort_next()
        assert shown(table) == ["a", "b", "c", "d"], "the first column after the last"

    run(check)


def test_the_filter_shows_rows_with_the_text() -> None:
    async def check(pilot: Any, table: EventTable) -> None:
        table.find("PLAY [")
        assert shown(table) == ["b"]
        table.update_data(event(A, B, ["e", "replay [x]", 1.0]))
        assert shown(table) == ["b", "e"]
        table.find("")
        assert shown(table) == ["a", "b", "e"]

    run(check)


def test_duplicate_keys_are_refused() -> None:
    async def check(pilot: Any, table: EventTable) -> None:
        with pytest.raises(ValueError, match="one row per run"):
            table.update_data(event(A, A))

    run(check)
