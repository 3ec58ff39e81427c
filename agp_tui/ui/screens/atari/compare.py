"""Trainings of agents side by side, over all games."""

import time

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.markup import escape
from textual.message import Message
from textual.widgets import DataTable, Static

from agp_tui.atari.human_scores import TABLE_NAME
from agp_tui.errors import AgpError
from agp_tui.formatting.text import state_text
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import AgentRunsResult
from agp_tui.protocol.summaries import AgentRunSummary
from agp_tui.ui.app_base import app_of
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.client.process import run_command
from agp_tui.ui.widgets.event_table import EventTable

LOOK_AGAIN_SECONDS = 20.0
"""While one of them goes on."""
COLUMNS = ["game", "algorithm", "steps", "min", "mean", "95 %", "human %", "state", "run"]
EMPTY = "No agent was trained yet. [b]escape[/], then [b]t[/] trains one on the chosen game."
EXPLAINED = (
    "mean: of the best agent's evaluation, with its 95 % interval; human: 0 % is random play, 100 % a person "
    f"({TABLE_NAME}). [b]Enter[/] shows a training. Compare only scores of the same game and protocol."
)


def agent_row(one: AgentRunSummary) -> list[str | float | int | None]:
    """A training under `COLUMNS`."""
    game = short_name(one.game)
    interval = None
    if one.score_low is not None and one.score_high is not None:
        interval = f"{one.score_low:.1f}…{one.score_high:.1f}"
    return [
        game if one.protocol == "sticky" else f"{game} {one.protocol}",
        one.algorithm,
        None if one.steps is None else f"{one.steps:,}",
        one.minutes,
        one.score_mean,
        interval,
        None if one.human_normalised is None else round(100 * one.human_normalised),
        state_text(one.state),
        one.id,
    ]


class AtariCompare(Vertical):
    """One table of all trainings, the best of each game first."""

    class Opened(Message):
        """The user opened this run."""

        def __init__(self, run: str) -> None:
            super().__init__()
            self.run = run

    def __init__(self) -> None:
        super().__init__(id="atari-compare")
        self._asked: set[tuple[str, str]] | None = None
        """The runs and their states at the last look."""
        self._looked = 0.0

    def compose(self) -> ComposeResult:
        yield Static(Content.from_markup("looking at the runs …"), id="atari-compare-text")
        yield EventTable(key_column=len(COLUMNS) - 1, id="atari-compare-table")

    @property
    def run(self) -> str | None:
        """The id of the training under the cursor."""
        return self.query_one(EventTable).selected_key

    def enter(self) -> None:
        """The keys go to the table."""
        self.query_one(EventTable).focus()

    def sort(self) -> None:
        """By the next column."""
        self.query_one(EventTable).action_sort_next()

    def look_if_new(self, runs: tuple[RunItem, ...]) -> None:
        """Look at them where one began, ended or goes on."""
        states = {(run.id, run.state) for run in runs if run.job == "atari"}
        going_on = any(state == "running" for _, state in states)
        due = going_on and time.monotonic() - self._looked > LOOK_AGAIN_SECONDS
        if states != self._asked or due:
            self._asked, self._looked = states, time.monotonic()
            self.look()

    @work(exclusive=True, group="compare")
    async def look(self) -> None:
        """Ask for them."""
        try:
            answer = await run_command("atari", "runs", *app_of(self).global_flags)
        except AgpError as error:
            self._say(f"[$error]{escape(str(error))}[/]")
            return
        self.update_data(answer.result(AgentRunsResult) or AgentRunsResult())

    def update_data(self, report: AgentRunsResult) -> None:
        """Show the report of `agp atari runs`."""
        found = sorted(report.runs, key=_place)
        self.set_class(not found, "-empty")
        self._say(EXPLAINED if found else EMPTY)
        table = Table(title="Trainings", columns=COLUMNS, rows=[agent_row(one) for one in found])
        self.query_one(EventTable).update_data(table)

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Enter, or a click."""
        selected.stop()
        if selected.row_key.value:
            self.post_message(self.Opened(selected.row_key.value))

    def _say(self, markup: str) -> None:
        self.query_one("#atari-compare-text", Static).update(Content.from_markup(markup))


def _place(one: AgentRunSummary) -> tuple[str, str, float]:
    """By game and protocol, the best first, those without a score last."""
    return one.game, one.protocol, -(one.score_mean if one.score_mean is not None else float("-inf"))
