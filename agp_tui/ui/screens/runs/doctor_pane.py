"""The tab of doctor: what of this machine helps or hinders, each with its cure."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.markup import escape
from textual.widgets import DataTable, Static

from agp_tui.protocol.summaries import Finding

MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}


class DoctorPane(Vertical):
    """Findings, problems first; the cure of the highlighted one below."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._found: tuple[Finding, ...] = ()

    def compose(self) -> ComposeResult:
        yield DataTable(id="findings-table", cursor_type="row", zebra_stripes=True)
        yield Static(id="cure")

    def update_data(self, found: tuple[Finding, ...] | None) -> None:
        """Show the findings; None while the checks run."""
        if found is None:
            self.query_one("#cure", Static).update("checking this machine …")
            return
        self._found = tuple(sorted(found, key=lambda one: one.ok is not False))
        table = self.query_one(DataTable)
        at = table.cursor_row
        # Columns too: they would keep the width of the longest previous text.
        table.clear(columns=True)
        table.add_columns("", "what", "found")
        for number, one in enumerate(self._found):
            mark, style = MARKS[one.ok]
            table.add_row(Text(mark, style=style), Text(one.name), Text(one.found), key=str(number))
        table.move_cursor(row=min(at, max(0, len(found) - 1)))
        self._show_details()

    def focus_content(self) -> None:
        """Focus the table."""
        self.query_one(DataTable).focus()

    def on_data_table_row_highlighted(self) -> None:
        """Show the remedy of the selected finding."""
        self._show_details()

    def copy_text(self) -> str:
        """The remedy, or the finding if there is none."""
        one = self._highlighted()
        return (one.cure or f"{one.name}: {one.found}") if one else ""

    def _highlighted(self) -> Finding | None:
        at = self.query_one(DataTable).cursor_row
        return self._found[at] if at < len(self._found) else None

    def _show_details(self) -> None:
        one = self._highlighted()
        if one is None:
            return
        what = f"[b]{escape(one.name)}[/]: {escape(one.found)}"
        cure = f"\n[$warning]To do:[/] {escape(one.cure)}" if one.cure else "\n[dim]nothing to do[/]"
        self.query_one("#cure", Static).update(Content.from_markup(what + cure))
