"""The table of Atari games with the number of recordings, models and agents of each."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from agp_tui.protocol.events import Table
from agp_tui.protocol.summaries import AtariGameSummary
from agp_tui.ui.client.catalog import Catalog
from agp_tui.ui.widgets.event_table import EventTable

LOOKING = "Looking for the games …"
MISSING = "Atari games need the extra train: pip install 'agp-tui[train]'."
COLUMNS = ["game", "expert", "recorded", "models", "agents"]


class AtariGames(Vertical):
    """The table, and a filter box above it."""

    class Chosen(Message):
        """The user chose this game."""

        def __init__(self, game: str) -> None:
            super().__init__()
            self.game = game

    def __init__(self) -> None:
        super().__init__(id="atari-games")
        self._games: tuple[AtariGameSummary, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(LOOKING, id="atari-none", markup=False)
        box = Input(placeholder="a part of the name", id="atari-filter")
        # Hidden before it is mounted: otherwise it may get the focus first, and the first keys.
        box.display = False
        yield box
        yield EventTable(id="atari-table")

    def update_data(self, catalog: Catalog) -> None:
        """Show the games of the catalog; those with an expert first."""
        self._games = catalog.games or ()
        self.set_class(not self._games, "-empty")
        if not self._games:
            self.query_one("#atari-none", Static).update(LOOKING if catalog.games is None else MISSING)
        trained = [run.game for run in catalog.runs if run.job == "atari"]
        rows: list[list[str | float | int | None]] = [
            [
                one.id,
                "yes" if one.expert else None,
                len(catalog.recordings_of(one.id)) or None,
                len(catalog.models_of(one.id)) or None,
                trained.count(one.id) or None,
            ]
            for one in sorted(self._games, key=lambda one: (not one.expert, one.id))
        ]
        if rows:
            self._table.update_data(Table(title="Atari games", columns=COLUMNS, rows=rows))

    @property
    def under_cursor(self) -> AtariGameSummary | None:
        """The game under the cursor."""
        key = self._table.selected_key
        return next((one for one in self._games if one.id == key), None)

    @property
    def finding(self) -> bool:
        """Whether the filter box has the focus."""
        return self._box.has_focus

    def enter(self) -> None:
        """Focus the table."""
        self._table.focus()

    def find(self) -> None:
        """Show and focus the filter box."""
        self._box.display = True
        self._box.focus()

    def sort(self) -> None:
        """Sort by the next column."""
        self._table.action_sort_next()

    def close_box(self, text: str = "") -> None:
        """Focus the table, filtered by `text`; hide the box if it is empty."""
        self._box.value = text
        self._box.display = bool(text)
        self._table.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Apply the filter."""
        changed.stop()
        self._table.find(changed.value)

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Focus the filtered table."""
        submitted.stop()
        self.close_box(submitted.value)

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Choose a game by Enter or a click."""
        selected.stop()
        if selected.row_key.value:
            self.post_message(self.Chosen(selected.row_key.value))

    @property
    def _table(self) -> EventTable:
        return self.query_one("#atari-table", EventTable)

    @property
    def _box(self) -> Input:
        return self.query_one("#atari-filter", Input)
