"""Library: what has been recorded; look at it, replay it, check it, take it elsewhere."""

import asyncio
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import ContentSwitcher, Input, Static

from agp_tui.errors import AgpError
from agp_tui.protocol.events import AnyEvent, Live
from agp_tui.ui.client.catalog import RecordingItem
from agp_tui.ui.client.process import ask
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.screens.library.actions import LibraryActions
from agp_tui.ui.screens.library.recording_details import RecordingDetails
from agp_tui.ui.screens.library.replay_pane import ReplayPane
from agp_tui.ui.screens.library.text import HELP, empty_text, head_text, key_of, moment_text, rows_of
from agp_tui.ui.widgets.event_table import EventTable

LOOK_SECONDS = 0.2
"""The cursor must rest so long before a recording is looked at: whoever runs through starts nothing."""


Version = tuple[str, int, str]


def version(item: RecordingItem) -> Version:
    """What is known of a recording holds while this does: a repaired one is looked at anew."""
    return item.path, item.bytes, item.state


class RecordingsTable(EventTable):
    """The table, whose Enter the footer names."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Replay", id="library.replay")]


class LibraryScreen(LibraryActions):
    """A table, details beside it, and in its place a replay."""

    MODE = "library"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="library.filter", key_display="/"),
        Binding("a", "all_games", "All games", id="library.all"),
        Binding("o", "sort", "Sort", id="library.sort", show=False),
        Binding("O,shift+o", "turn", "Other way round", id="library.turn", show=False),
        Binding("c", "check", "Check", id="library.check"),
        Binding("r", "repair", "Repair", id="library.repair", show=False),
        Binding("d,delete", "delete", "Delete", id="library.delete"),
        Binding("i", "import", "Import", id="library.import"),
        Binding("e", "export", "Export", id="library.export"),
        Binding("escape,s", "stop", "Stop", id="library.stop"),
        Binding("escape", "no_filter", "Show all", id="library.no_filter", show=False),
    ]

    all_games: var[bool] = var[bool](False, init=False)
    wanted: var[str] = var[str]("", init=False)
    """Only recordings with this text."""

    def __init__(self) -> None:
        super().__init__()
        self._reports: dict[Version, dict[str, Any]] = {}

    def body(self) -> ComposeResult:
        yield Static(id="library-head")
        yield Input(placeholder="only those with …", compact=True, id="library-filter")
        yield Static(id="library-told")
        with ContentSwitcher(initial="library-list", id="library-middle"):
            with Horizontal(id="library-list"):
                yield RecordingsTable(key_column=-1, id="library-table")
                yield RecordingDetails(id="library-details")
            yield Static(id="library-empty")
            yield ReplayPane(id="library-replay")

    @property
    def table(self) -> RecordingsTable:
        return self.query_one(RecordingsTable)

    def on_screen_suspend(self) -> None:
        """Nobody looks at a replay any more."""
        if self.app.current_mode != self.MODE and self.doing == "replay":
            self.action_stop()

    def changed(self, what: str) -> None:
        """Other recordings, or another game."""
        if what in ("", "recordings", "game"):
            self._fill()

    # --- the table -------------------------------------------------------------------------------------

    @property
    def shown(self) -> list[RecordingItem]:
        """What the table may hold: newest first, of the chosen game or of all."""
        found = self.agp.catalog.recordings or ()
        wanted = [one for one in found if self.all_games or one.game == self.agp.game]
        return sorted(wanted, key=lambda one: one.stamp, reverse=True)

    def _fill(self) -> None:
        if not self.query("#library-table"):
            return
        shown, game = self.shown, None if self.all_games else self.agp.game
        self.table.feed(rows_of(shown))
        self.table.find(self.wanted)
        if self.doing != "replay":
            middle = self.query_one("#library-middle", ContentSwitcher)
            middle.current = "library-list" if shown else "library-empty"
            if not shown and self.focused is self.table:
                self.set_focus(None)
            elif shown and self.focused is None:
                self.table.focus()
        looking = self.agp.catalog.recordings is None
        empty = "looking for recordings …" if looking else empty_text(game)
        self.query_one("#library-empty", Static).update(Content.from_markup(empty))
        head = head_text(shown, game, self.wanted)
        self.query_one("#library-head", Static).update(Content.from_markup(head))
        self._take_item()

    def on_data_table_row_highlighted(self) -> None:
        """The cursor is on another one."""
        self._take_item()

    def on_data_table_row_selected(self) -> None:
        """Enter, or a click on the row of the cursor."""
        self._take_item()
        self.action_replay()

    def _take_item(self) -> None:
        key = self.table.selected_key
        self.item = next((one for one in self.shown if key_of(one) == key), None)

    def watch_item(self, item: RecordingItem | None) -> None:
        """Show what is known, then look."""
        self.show_details()
        if item is not None and item.frames and version(item) not in self._reports:
            self.look_at(item)

    @work(exclusive=True, group="info")
    async def look_at(self, item: RecordingItem) -> None:
        """Everything about one recording."""
        await asyncio.sleep(LOOK_SECONDS)
        if self.item is None or self.item.path != item.path:
            return
        try:
            report = (await ask("recordings", "info", item.path, *self.agp.words)).report
        except AgpError as error:
            report = {"warnings": [str(error)]}
        self._reports[version(item)] = report or {}
        self.show_details()

    def show_details(self) -> None:
        if self.query(RecordingDetails):
            item = self.item
            report = self._reports.get(version(item)) if item else None
            problems = self.problems.get(item.path) if item else None
            self.query_one(RecordingDetails).show(item, report, problems)

    def action_all_games(self) -> None:
        """All games, or the chosen one."""
        self.all_games = not self.all_games

    def watch_all_games(self) -> None:
        self._fill()

    def action_sort(self) -> None:
        """By the next column."""
        self.table.action_sort_next()

    def action_turn(self) -> None:
        """The other way round."""
        self.table.action_turn_round()

    def action_filter(self) -> None:
        """Type a text."""
        line = self.query_one("#library-filter", Input)
        line.add_class("-there")
        line.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Keep what fits, while it is typed."""
        self.wanted = changed.value.strip()

    def on_input_submitted(self) -> None:
        """Back to the table, with what fits."""
        self.query_one("#library-filter", Input).set_class(bool(self.wanted), "-there")
        self.table.focus()

    def action_no_filter(self) -> None:
        """Keep all, and forget what was told."""
        line = self.query_one("#library-filter", Input)
        line.clear()
        line.remove_class("-there")
        self.told = ""
        self.table.focus()

    def watch_wanted(self) -> None:
        self._fill()

    # --- replay ----------------------------------------------------------------------------------------

    @work(exclusive=True, group="live")
    async def action_replay(self) -> None:
        """Play the recording in the place of the table."""
        if self.item is None or not self.item.frames:
            self.told = "[$warning]![/] it cannot be replayed; [b]c[/] says why, [b]r[/] repairs what can be"
            return
        pane = self.query_one(ReplayPane)
        pane.begin(key_of(self.item))
        self.query_one("#library-middle", ContentSwitcher).current = "library-replay"
        pane.focus()
        await self.follow_live("replay", "recordings", "replay", self.item.path)
        self._fill()
        self.table.focus()

    def on_replay_pane_command_sent(self, message: ReplayPane.CommandSent) -> None:
        """Pass it on."""
        if self.doing == "replay":
            self.agp.tell_live(message.command)

    @work(exclusive=True, group="moments")
    async def on_replay_pane_disagreements_requested(self) -> None:
        """Choose one of the largest disagreements, and go there."""
        if self.item is None:
            return
        try:
            report = (await ask("recordings", "disagreements", self.item.path, *self.agp.words)).report or {}
        except AgpError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if not report["moments"]:
            self.notify("They agree at every frame.")
            return
        fps = self.item.fps
        choices = [
            Choice(str(one["start"]), " ".join(one["keys"]), moment_text(one["start"], one["stop"], fps))
            for one in report["moments"]
        ]
        title = f"Where {' and '.join(report['players'])} disagree, the largest first"
        self.app.push_screen(Choose(title, choices), self._seek_moment)

    def _seek_moment(self, frame: str | None) -> None:
        if frame is not None:
            self.query_one(ReplayPane).action_seek(int(frame))

    def on_replay_pane_closed(self) -> None:
        """Back to the table."""
        self.action_stop()

    def take(self, event: AnyEvent) -> None:
        """A replay's state is shown, everything else told."""
        if isinstance(event, Live):
            self.query_one(ReplayPane).show(event)
        else:
            super().take(event)

    # --- how it looks --------------------------------------------------------------------------------------

    def worth_copying(self) -> str:
        """The path of the recording that the cursor is on."""
        return self.item.path if self.item is not None else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action == "stop":
            return self.doing in ("import", "export")
        if action == "no_filter":
            return bool(self.wanted or self.told or self.query("#library-filter.-there"))
        if action in ("replay", "export"):
            return not self.doing and self.item is not None and self.item.frames > 0
        if action in ("check", "repair", "delete"):
            return not self.doing and self.item is not None
        if action in ("import", "all_games", "filter", "sort", "turn"):
            return not self.doing
        return True

    def watch_told(self, told: str) -> None:
        if self.query("#library-told"):
            line = self.query_one("#library-told", Static)
            line.update(Content.from_markup(told))
            line.set_class(bool(told), "-there")
