"""The table of runs: every one, alive or ended, from this terminal or an earlier one."""

from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.states import STATES
from agp_tui.ui.when import ago

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

    def feed(self, runs: tuple[RunItem, ...], results: dict[str, Result]) -> None:
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
    state = "stopped" if run.state == "finished" and (result or {}).get("stopped") else run.state
    if run.state == "failed" and str((result or {}).get("error", "")).startswith("Stopped"):
        state = "stopped"
    name, style = STATES.get(state, (state, ""))
    return (
        Text(run.id[-4:] if short else run.id, style="dim"),
        Text(run.job, style="bold"),
        Text(run.game.removeprefix("ALE/") or "-"),
        Text(name, style=style),
        Text(ago(run.created)),
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
