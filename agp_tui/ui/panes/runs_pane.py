"""The tab of runs: the table, and what came of each."""

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from agp_tui.errors import AgpError
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.client.process import ask
from agp_tui.ui.panes.runs_table import Result, RunsTable

EMPTY = (
    "Nothing has run yet. Press [b]4[/] to train a model, or [b]1[/] and [b]d[/] for a demo of everything."
)


class RunsPane(Vertical):
    """Every run; results are asked for when a run begins, ends or goes."""

    class Opened(Message):
        """A person wants to watch this run."""

        def __init__(self, run: str) -> None:
            super().__init__()
            self.run = run

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._runs: tuple[RunItem, ...] = ()
        self._results: dict[str, Result] = {}
        self._asked: set[tuple[str, str]] = set()

    def compose(self) -> ComposeResult:
        yield Static(Content.from_markup(EMPTY), id="runs-empty")
        yield RunsTable()

    @property
    def run(self) -> str | None:
        """The id of the highlighted run."""
        return self.query_one(RunsTable).run

    def feed(self, runs: tuple[RunItem, ...]) -> None:
        """Show these."""
        self._runs = runs
        self.set_class(not runs, "-empty")
        self.query_one(RunsTable).feed(runs, self._results)
        states = {(run.id, run.state) for run in runs}
        if states - self._asked:
            self._asked = states
            self.find_results()

    def worth_copying(self) -> str:
        """Nothing of the table as a whole."""
        return ""

    def take_focus(self) -> None:
        """Keys go to the table."""
        self.query_one(RunsTable).focus()

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Enter or a click."""
        selected.stop()
        if selected.row_key.value:
            self.post_message(self.Opened(selected.row_key.value))

    def on_data_table_row_highlighted(self) -> None:
        """What can be done depends on the run."""
        self.screen.refresh_bindings()

    @work(exclusive=True, group="results")
    async def find_results(self) -> None:
        """What came of those that have ended."""
        try:
            report = (await ask("runs", "list", *self.app.words)).report or {}  # type: ignore[attr-defined]
        except AgpError:
            # Without results the table still shows the runs.
            return
        self._results = {one["id"]: one["result"] for one in report.get("runs", []) if one["result"]}
        self.query_one(RunsTable).feed(self._runs, self._results)
