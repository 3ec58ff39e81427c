"""The runs tab: the table of runs and their results."""

from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from agp_tui.errors import AgpError
from agp_tui.formatting.text import STATES, age_text
from agp_tui.protocol.events import INTERRUPTED
from agp_tui.protocol.results import RunsResult
from agp_tui.ui.app_base import app_of
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.client.process import run_command

COLUMNS = ("run", "job", "game", "state", "when", "result")
Result = dict[str, Any]
"""The last event of a run, as `agp runs list` gives it."""


class RunsTable(DataTable[Text]):
    """A row for each run, the newest first; the cursor stays on its run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Watch", id="runs.watch"),
    ]

    def __init__(self) -> None:
        super().__init__(id="runs-table", cursor_type="row", zebra_stripes=True)
        self._rows: dict[str, tuple[Text, ...]] = {}

    def on_mount(self) -> None:
        self.add_columns(*COLUMNS)

    @property
    def run(self) -> str | None:
        """The id of the run that the cursor is on."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def update_data(self, runs: tuple[RunItem, ...], results: dict[str, Result]) -> None:
        """Show these; nothing is touched where nothing is new."""
        short = self.app.size.width < 110
        rows = {run.id: row(run, results.get(run.id), short=short) for run in runs}
        if list(rows) == list(self._rows):
            for key, cells in rows.items():
                for index, (old, new) in enumerate(zip(self._rows[key], cells, strict=True)):
                    if old != new:
                        self.update_cell(key, list(self.columns)[index], new, update_width=True)
        else:
            selected, at = self.run, self.cursor_row
            self.clear()
            for key, cells in rows.items():
                self.add_row(*cells, key=key)
            if selected in rows:
                at = self.get_row_index(str(selected))
            self.move_cursor(row=min(at, max(0, len(rows) - 1)), animate=False)
        self._rows = rows


def row(run: RunItem, result: Result | None, *, short: bool) -> tuple[Text, ...]:
    """The cells of a run; a short id is enough for `agp runs follow`."""
    end = result or {}
    stopped = end.get("stopped") or end.get("exit_code") == INTERRUPTED
    state = "stopped" if stopped and run.state in ("finished", "failed") else run.state
    name, style = STATES.get(state, (state, ""))
    return (
        Text(run.id[-4:] if short else run.id, style="dim"),
        Text(run.job, style="bold"),
        Text(run.game.removeprefix("ALE/") or "-"),
        Text(name, style=style),
        Text(age_text(run.created)),
        Text(outcome(result) if run.state != "running" else ""),
    )


def outcome(result: Result | None) -> str:
    """What came of a run, in a few words."""
    if not result:
        return ""
    if result["type"] == "failed":
        return str(result["error"])
    parts = []
    if model := result.get("model"):
        parts.append(Path(model).name)
    metrics = result.get("metrics") or {}
    if "f1" in metrics:
        parts.append(f"F1 {metrics['f1']:.2f}")
    if result.get("score_mean") is not None:
        parts.append(f"mean score {result['score_mean']:g}")
    return ", ".join(parts)


EMPTY = (
    "Nothing has run yet. Press [b]4[/] to train a model, or [b]1[/] and [b]d[/] for a demo of everything."
)


class RunsPane(Vertical):
    """The table of runs; results are read when a run starts, ends or is deleted."""

    class Opened(Message):
        """The user opened this run."""

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

    def update_data(self, runs: tuple[RunItem, ...]) -> None:
        """Show these."""
        self._runs = runs
        self.set_class(not runs, "-empty")
        self.query_one(RunsTable).update_data(runs, self._results)
        states = {(run.id, run.state) for run in runs}
        if states - self._asked:
            self._asked = states
            self.find_results()

    def copy_text(self) -> str:
        """Nothing of the table as a whole."""
        return ""

    def focus_content(self) -> None:
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
            answer = await run_command("runs", "list", *app_of(self).global_flags)
        except AgpError:
            # Without results the table still shows the runs.
            return
        runs = (answer.result(RunsResult) or RunsResult()).runs
        self._results = {one.id: one.result for one in runs if one.result}
        self.query_one(RunsTable).update_data(self._runs, self._results)
