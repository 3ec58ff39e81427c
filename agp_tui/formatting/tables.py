"""Tables of events as people see them, in the app and on the command line. Needs no textual."""

from rich.markup import escape
from rich.table import Table as RichTable

from agp_tui.protocol.events import Table


def drawn(event: Table) -> RichTable:
    """A table event as one to print; numbers stand to the right."""
    result = RichTable(title=event.title, title_justify="left", title_style="bold", header_style="bold")
    for index, column in enumerate(event.columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in event.rows)
        result.add_column(column, justify="right" if numeric and event.rows else "left", overflow="fold")
    for row in event.rows:
        result.add_row(*(cell(value) for value in row))
    return result


def cell(value: str | float | int | None) -> str:
    """One cell as text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return escape(str(value))
