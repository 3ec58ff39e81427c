"""Table events as rich tables, for the app and the command line."""

from rich.markup import escape
from rich.table import Table as RichTable

from agp_tui.protocol.events import Table


def rich_table(event: Table) -> RichTable:
    """A table event as a rich table; numeric columns are right-aligned."""
    result = RichTable(title=event.title, title_justify="left", title_style="bold", header_style="bold")
    for index, column in enumerate(event.columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in event.rows)
        result.add_column(column, justify="right" if numeric and event.rows else "left", overflow="fold")
    for row in event.rows:
        result.add_row(*(cell_text(value) for value in row))
    return result


def cell_text(value: str | float | int | None) -> str:
    """The text of one cell; None is `-`."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return escape(str(value))
