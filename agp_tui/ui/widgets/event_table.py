"""A table that is updated in place: cursor, order and filter do not change."""

from typing import Any

from rich.text import Text
from textual.widgets import DataTable

from agp_tui.formatting.tables import cell_text
from agp_tui.protocol.events import Table

Value = str | float | int | None


class EventTable(DataTable[Text]):
    """Shows a `Table` event; one of its columns is the key of the rows.

    An update with the same columns changes only the cells that differ; the cursor stays on its row. A
    click on a column title, or `sort_by`, sorts by the column, a second one reverses the order. `find`
    filters the rows by a text.
    """

    DEFAULT_CSS = "EventTable { height: 1fr; }"

    def __init__(
        self,
        *,
        key_column: int = 0,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", zebra_stripes=True)
        self._key_column = key_column
        self._titles: list[str] = []
        self._values: dict[str, list[Value]] = {}
        self._sorted: tuple[str, bool] | None = None
        self._filter_text = ""

    def update_data(self, event: Table) -> None:
        """Show these rows. Raises `ValueError` if two have the same key."""
        rows = {str(row[self._key_column]): list(row) for row in event.rows}
        if len(rows) != len(event.rows):
            raise ValueError(f"Expected one row per {event.columns[self._key_column]}, found duplicates.")
        if event.columns != self._titles:
            self.clear(columns=True)
            self._titles = list(event.columns)
            self._sorted = None
            for title in self._titles:
                self.add_column(title, key=title)
        elif list(rows.items()) == list(self._values.items()):
            return
        self._values = rows
        self._update_rows()

    @property
    def selected_key(self) -> str | None:
        """The key of the row under the cursor; None if the table is empty."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    @property
    def selected_values(self) -> dict[str, Value]:
        """The row under the cursor, by column; empty if the table is."""
        key = self.selected_key
        return {} if key is None else dict(zip(self._titles, self._values[key], strict=True))

    def select_key(self, key: str) -> None:
        """Move the cursor to this row, if it is shown."""
        if key in self._shown():
            self.move_cursor(row=self.get_row_index(key), animate=False)

    def find(self, text: str) -> None:
        """Show only rows with this text in a cell, ignoring case; an empty text shows all."""
        self._filter_text = text.casefold()
        self._update_rows()

    def sort_by(self, column: str, reverse: bool | None = None) -> None:
        """Sort by a column; without `reverse`, reverse the order if it is sorted by it already."""
        if column not in self._titles:
            return
        if reverse is None:
            reverse = self._sorted == (column, False)
        self._sorted = (column, reverse)
        self._sort_rows()

    def action_sort_next(self) -> None:
        """Sort by the next column."""
        if self._titles:
            at = self._titles.index(self._sorted[0]) + 1 if self._sorted else 0
            self.sort_by(self._titles[at % len(self._titles)], reverse=False)

    def action_reverse_sort(self) -> None:
        """Reverse the order."""
        if self._sorted is not None:
            self.sort_by(self._sorted[0], not self._sorted[1])

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if event.column_key.value is not None:
            self.sort_by(event.column_key.value)

    def _shown(self) -> set[str]:
        return {str(row_key.value) for row_key in self.rows}

    def _matching(self) -> dict[str, list[Value]]:
        if not self._filter_text:
            return self._values
        return {
            key: row
            for key, row in self._values.items()
            if any(self._filter_text in _text(value).plain.casefold() for value in row)
        }

    def _update_rows(self) -> None:
        """Show the matching rows, changing only what differs."""
        selected, at = self.selected_key, self.cursor_row
        matching = self._matching()
        for key in self._shown() - matching.keys():
            self.remove_row(key)
        shown = self._shown()
        for key, row in matching.items():
            texts = [_text(value) for value in row]
            if key not in shown:
                self.add_row(*texts, key=key)
                continue
            for title, text in zip(self._titles, texts, strict=True):
                if self.get_cell(key, title) != text:
                    self.update_cell(key, title, text, update_width=True)
        self._sort_rows(selected, at)

    def _sort_rows(self, selected: str | None = None, at: int = 0) -> None:
        """Sort, and keep the cursor on its row, or on its line if the row is gone."""
        selected = selected or self.selected_key
        order = list(self._values)
        if self._sorted is not None:
            column, reverse = self._titles.index(self._sorted[0]), self._sorted[1]
            order.sort(key=lambda key: _order(self._values[key][column]), reverse=reverse)
        places = {_text(self._values[key][self._key_column]).plain: place for place, key in enumerate(order)}
        if order:
            self.sort(self._titles[self._key_column], key=lambda text: places[text.plain])
        if selected in self._shown():
            self.move_cursor(row=self.get_row_index(str(selected)), animate=False)
        elif self.row_count:
            self.move_cursor(row=min(at, self.row_count - 1), animate=False)


def _text(value: Value) -> Text:
    shown = value if isinstance(value, str) else cell_text(value)
    return Text(shown, justify="right" if isinstance(value, int | float) else "left")


def _order(value: Value) -> tuple[int, Any]:
    """Sort key: None first, then numbers, then texts."""
    if value is None:
        return 0, 0
    if isinstance(value, str):
        return 2, value.casefold()
    return 1, value
