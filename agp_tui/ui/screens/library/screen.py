"""Library screen: list, replay, check, repair, export, import and delete recordings."""

import asyncio
from pathlib import Path
from typing import ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.markup import escape
from textual.reactive import var
from textual.widgets import ContentSwitcher, Input, Static

from agp_tui.errors import AgpError
from agp_tui.formatting.events import progress_text
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Live, Note, Progress
from agp_tui.protocol.results import (
    CheckResult,
    DisagreementsResult,
    RecordingExportResult,
    RecordingInfoResult,
)
from agp_tui.protocol.summaries import RecordingSummary
from agp_tui.ui.client.process import run_command
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.form import Field, Form, Values
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.screens.library.recording_details import RecordingDetails
from agp_tui.ui.screens.library.replay_pane import ReplayPane
from agp_tui.ui.screens.library.text import (
    HELP,
    disagreement_text,
    empty_text,
    head_text,
    recording_key,
    recordings_table,
)
from agp_tui.ui.widgets.event_table import EventTable

INFO_DELAY_SECONDS = 0.2
"""The cursor must rest this long before a recording's details are read, so that scrolling reads none."""
EXPORT_FORMATS = ("mp4", "npz", "pickle", "png")

Activity = Literal["", "replay", "import", "export", "repair"]
Version = tuple[str, int, str, float]


def version(item: RecordingSummary) -> Version:
    """Identifies the content of a recording: details are read again after a repair or an exclusion."""
    return item.path, item.bytes, item.state, item.excluded


class RecordingsTable(EventTable):
    """The table of recordings; its Enter binding is named in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Replay", id="library.replay")]


class LibraryScreen(AppScreen):
    """A table of recordings with details beside it, or a replay in their place."""

    MODE = "library"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="library.filter", key_display="/"),
        Binding("a", "all_games", "All games", id="library.all"),
        Binding("o", "sort", "Sort", id="library.sort", show=False),
        Binding("O,shift+o", "reverse_sort", "Reverse order", id="library.turn", show=False),
        Binding("c", "check", "Check", id="library.check"),
        Binding("r", "repair", "Repair", id="library.repair", show=False),
        Binding("d,delete", "delete", "Delete", id="library.delete"),
        Binding("i", "import", "Import", id="library.import"),
        Binding("e", "export", "Export", id="library.export"),
        Binding("escape,s", "stop", "Stop", id="library.stop"),
        Binding("escape", "no_filter", "Show all", id="library.no_filter", show=False),
    ]

    activity: var[Activity] = var[Activity]("", init=False, bindings=True)
    """What the screen is busy with; meanwhile no other command can be started here."""
    message: var[str] = var[str]("", init=False)
    """The newest message, as markup."""
    item: var[RecordingSummary | None] = var[RecordingSummary | None](None, init=False, bindings=True)
    """The recording under the cursor."""
    all_games: var[bool] = var[bool](False, init=False)
    filter_text: var[str] = var[str]("", init=False)
    """Only recordings with this text are shown."""

    def __init__(self) -> None:
        super().__init__()
        self._reports: dict[Version, RecordingInfoResult] = {}
        """Reports of `agp recordings info`."""
        self._checks: dict[str, CheckResult] = {}
        """By path: result of the last check."""

    def body(self) -> ComposeResult:
        yield Static(id="library-head")
        yield Input(placeholder="only those with …", compact=True, id="library-filter")
        yield Static(id="library-message")
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
        """Stop a replay when another screen is opened."""
        if self.app.current_mode != self.MODE and self.activity == "replay":
            self.action_stop()

    def changed(self, what: str) -> None:
        """Update after a change of the recordings or the game."""
        if what in ("", "recordings", "game"):
            self._update_table()

    # --- the table ------------------------------------------------------------------------------------

    @property
    def shown(self) -> list[RecordingSummary]:
        """The recordings of the chosen game, or of all games, newest first."""
        found = self.agp.catalog.recordings or ()
        wanted = [one for one in found if self.all_games or one.game == self.agp.game]
        return sorted(wanted, key=lambda one: one.stamp, reverse=True)

    def _update_table(self) -> None:
        if not self.query("#library-table"):
            return
        shown, game = self.shown, None if self.all_games else self.agp.game
        self.table.update_data(recordings_table(shown))
        self.table.find(self.filter_text)
        if self.activity != "replay":
            middle = self.query_one("#library-middle", ContentSwitcher)
            middle.current = "library-list" if shown else "library-empty"
            if not shown and self.focused is self.table:
                self.set_focus(None)
            elif shown and self.focused is None:
                self.table.focus()
        loading = self.agp.catalog.recordings is None
        empty = "loading recordings …" if loading else empty_text(game)
        self.query_one("#library-empty", Static).update(Content.from_markup(empty))
        head = head_text(shown, game, self.filter_text)
        self.query_one("#library-head", Static).update(Content.from_markup(head))
        self._update_item()

    def on_data_table_row_highlighted(self) -> None:
        self._update_item()

    def on_data_table_row_selected(self) -> None:
        self._update_item()
        self.action_replay()

    def _update_item(self) -> None:
        key = self.table.selected_key
        self.item = next((one for one in self.shown if recording_key(one) == key), None)

    def watch_item(self, item: RecordingSummary | None) -> None:
        """Show the details, and read them if they are not known."""
        self.update_details()
        if item is not None and item.frames and version(item) not in self._reports:
            self.read_info(item)

    @work(exclusive=True, group="info")
    async def read_info(self, item: RecordingSummary) -> None:
        """Read the details of a recording."""
        await asyncio.sleep(INFO_DELAY_SECONDS)
        if self.item is None or self.item.path != item.path:
            return
        try:
            answer = await run_command("recordings", "info", item.path, *self.agp.global_flags)
            report = answer.result(RecordingInfoResult) or RecordingInfoResult()
        except AgpError as error:
            report = RecordingInfoResult(warnings=(str(error),))
        self._reports[version(item)] = report
        self.update_details()

    def update_details(self) -> None:
        """Show what is known about `item`."""
        if self.query(RecordingDetails):
            item = self.item
            report = self._reports.get(version(item)) if item else None
            check = self._checks.get(item.path) if item else None
            self.query_one(RecordingDetails).show(item, report, check)

    def action_all_games(self) -> None:
        """Show the recordings of all games, or of the chosen one."""
        self.all_games = not self.all_games

    def watch_all_games(self) -> None:
        self._update_table()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.table.action_sort_next()

    def action_reverse_sort(self) -> None:
        """Reverse the order."""
        self.table.action_reverse_sort()

    def action_filter(self) -> None:
        """Type a text to filter by."""
        line = self.query_one("#library-filter", Input)
        line.add_class("-visible")
        line.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        self.filter_text = changed.value.strip()

    def on_input_submitted(self) -> None:
        """Return to the filtered table."""
        self.query_one("#library-filter", Input).set_class(bool(self.filter_text), "-visible")
        self.table.focus()

    def action_no_filter(self) -> None:
        """Remove the filter and the message."""
        line = self.query_one("#library-filter", Input)
        line.clear()
        line.remove_class("-visible")
        self.message = ""
        self.table.focus()

    def watch_filter_text(self) -> None:
        self._update_table()

    # --- replay ---------------------------------------------------------------------------------------

    def action_replay(self) -> None:
        """Replay the recording in the place of the table."""
        self.replay(())

    def replay_at(self, recording: str, frame: int) -> None:
        """Replay a recording from a frame on, paused; its table row gets the cursor."""
        path = Path(recording).resolve()
        found = [one for one in self.agp.catalog.recordings or () if Path(one.path).resolve() == path]
        if not found:
            self.message = f"[$warning]![/] {escape(path.name)} is no longer there"
            return
        if found[0].game != self.agp.game and not self.all_games:
            self.all_games = True
        self.action_no_filter()
        self.table.select_key(recording_key(found[0]))
        self.item = found[0]
        self.replay(("--start-frame", str(frame), "--paused"))

    @work(exclusive=True, group="live")
    async def replay(self, flags: tuple[str, ...]) -> None:
        """Replay the recording under the cursor with these flags."""
        if self.item is None or not self.item.frames:
            self.message = (
                "[$warning]![/] it cannot be replayed; [b]c[/] says why, [b]r[/] tries to repair it"
            )
            return
        pane = self.query_one(ReplayPane)
        pane.reset(recording_key(self.item))
        self.query_one("#library-middle", ContentSwitcher).current = "library-replay"
        pane.focus()
        excluded = self.item.excluded
        await self._run_job("replay", "recordings", "replay", self.item.path, *flags)
        if pane.live is not None and pane.live.excluded != excluded:
            self.agp.refresh_catalog("recordings")
        self._update_table()
        self.table.focus()

    def on_replay_pane_command_sent(self, message: ReplayPane.CommandSent) -> None:
        if self.activity == "replay":
            self.agp.send_live(message.command)

    def on_replay_pane_closed(self) -> None:
        self.action_stop()

    @work(exclusive=True, group="disagreements")
    async def on_replay_pane_disagreements_requested(self) -> None:
        """Choose one of the longest disagreements and go to it."""
        if self.item is None:
            return
        try:
            answer = await run_command("recordings", "disagreements", self.item.path, *self.agp.global_flags)
        except AgpError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        report = answer.result(DisagreementsResult) or DisagreementsResult()
        if not report.moments:
            self.notify("They agree at every frame.")
            return
        fps = self.item.fps
        choices = [
            Choice(str(one.start), " ".join(one.keys), disagreement_text(one.start, one.stop, fps))
            for one in report.moments
        ]

        def chosen(frame: str | None) -> None:
            if frame is not None:
                self.query_one(ReplayPane).action_seek(int(frame))

        title = f"Where {' and '.join(report.players)} disagree, the longest first"
        self.app.push_screen(Choose(title, choices), chosen)

    # --- jobs and commands ----------------------------------------------------------------------------

    async def _run_job(self, activity: Activity, *words: str) -> Finished | None:
        """Run a live job to its end; if it fails, show the error and return None."""
        self.activity, self.message = activity, ""
        result: Finished | None = None
        try:
            async for event in self.agp.run_live(activity.upper(), *words):
                self.handle_event(event)
                if isinstance(event, Finished):
                    result = event
        except AgpError as error:
            self.message = f"[$error]✗[/] {escape(str(error))}"
        finally:
            self.activity = ""
        return result

    def handle_event(self, event: AnyEvent) -> None:
        """Show an event of the running job."""
        match event:
            case Live():
                self.query_one(ReplayPane).show(event)
            case Progress():
                self.message = f"{self.activity}: {progress_text(event)}  [dim]s stops it[/]"
            case Note():
                self.message = f"[$warning]![/] {escape(event.text)}"
            case Failed():
                self.message = f"[$error]✗[/] {escape(f'{event.error} {event.hint}'.strip())}"

    async def _run_command(self, *words: str) -> Finished | None:
        """Run a short command; if it fails, show the error and return None."""
        try:
            return await run_command(*words, *self.agp.global_flags)
        except AgpError as error:
            self.message = f"[$error]✗[/] {escape(str(error))}"
            return None

    def action_stop(self) -> None:
        """Stop the running job."""
        if self.activity:
            self.agp.send_live(Stop())

    @work(exclusive=True, group="check")
    async def action_check(self) -> None:
        """Check the recording for problems."""
        if (item := self.item) is None:
            return
        self.message = f"checking {escape(recording_key(item))} …"
        if (done := await self._run_command("recordings", "check", item.path)) is not None:
            check = done.result(CheckResult) or CheckResult()
            self._checks[item.path] = check
            count = len(check.problems)
            found = f"[$error]{count} found[/], see the details" if count else "no problems found"
            self.message = f"checked {escape(recording_key(item))}: {found}"
            self.update_details()

    @work(exclusive=True, group="check")
    async def action_repair(self) -> None:
        """Restore what can be read of a damaged recording."""
        if (item := self.item) is None:
            return
        self.activity, self.message = "repair", f"repairing {escape(recording_key(item))} …"
        try:
            done = await self._run_command("recordings", "repair", item.path)
        finally:
            self.activity = ""
        if done is not None:
            self._checks.pop(item.path, None)
            lost = f", {done.missed} lost" if done.missed else ""
            self.message = (
                f"[$success]✓[/] repaired {escape(recording_key(item))}: {done.frames} frames{lost}"
            )
            self.agp.refresh_catalog("recordings")

    def action_delete(self) -> None:
        """Delete the recording, after a confirmation."""
        if (item := self.item) is None:
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.delete(item)

        length = f", {item.seconds:.1f} s" if item.frames else ""
        question = f"Delete {recording_key(item)} ({item.game}{length}) permanently?"
        self.app.push_screen(Confirm(question, "Delete it"), confirmed)

    @work(group="delete")
    async def delete(self, item: RecordingSummary) -> None:
        """Delete a recording."""
        if await self._run_command("recordings", "delete", item.path, "--yes") is not None:
            self.message = f"deleted {escape(recording_key(item))}"
            self.agp.refresh_catalog("recordings")

    def action_import(self) -> None:
        """Import a pickle of the original script."""
        fields = [
            Field("file", "File", "", "path of a .pkl"),
            Field("game", "Game", self.agp.game),
            Field("channels", "Color order in it", "bgr", choices=("bgr", "rgb")),
            Field("fps", "Frames per second", "30"),
        ]

        async def accept(values: Values) -> None:
            if not Path(values["file"]).expanduser().is_file():
                raise AgpError(f"Expected a file, found none at {values['file'] or 'an empty path'}.")
            if not values["game"] or not values["fps"].isdigit():
                raise AgpError("Expected a game and a whole number of frames per second.")
            self.run_import(values)

        self.app.push_screen(Form("Import a pickle of the original script", fields, "Import", accept))

    @work(exclusive=True, group="live")
    async def run_import(self, values: Values) -> None:
        """Import a pickle."""
        words = ["recordings", "import", str(Path(values["file"]).expanduser()), "--game", values["game"]]
        words += ["--channels", values["channels"], "--fps", values["fps"]]
        if (done := await self._run_job("import", *words)) is not None:
            self.message = f"[$success]✓[/] imported {done.frames} frames of {escape(values['game'])}"
            self.agp.game = values["game"]
            self.agp.refresh_catalog("recordings")

    def action_export(self) -> None:
        """Export the recording for other programs."""
        if (item := self.item) is None:
            return
        example = f"{recording_key(item).replace('/', '-')} here"
        fields = [
            Field("to", "Format", "mp4", choices=EXPORT_FORMATS),
            Field("target", "Target path", "", example),
        ]

        async def accept(values: Values) -> None:
            self.run_export(item, values)

        self.app.push_screen(Form(f"Export {recording_key(item)}", fields, "Export", accept))

    @work(exclusive=True, group="live")
    async def run_export(self, item: RecordingSummary, values: Values) -> None:
        """Export a recording."""
        words = ["recordings", "export", item.path, "--to", values["to"]]
        words += ["--target", str(Path(values["target"]).expanduser())] if values["target"] else []
        if (done := await self._run_job("export", *words)) is not None:
            written = (done.result(RecordingExportResult) or RecordingExportResult()).file
            self.message = f"[$success]✓[/] written: {escape(written)}"

    # --- display --------------------------------------------------------------------------------------

    def copy_text(self) -> str:
        """The path of the recording under the cursor."""
        return self.item.path if self.item is not None else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible now."""
        if action == "stop":
            return self.activity in ("import", "export")
        if action == "no_filter":
            return bool(self.filter_text or self.message or self.query("#library-filter.-visible"))
        if action in ("replay", "export"):
            return not self.activity and self.item is not None and self.item.frames > 0
        if action in ("check", "repair", "delete"):
            return not self.activity and self.item is not None
        if action in ("import", "all_games", "filter", "sort", "reverse_sort"):
            return not self.activity
        return True

    def watch_message(self, message: str) -> None:
        if self.query("#library-message"):
            line = self.query_one("#library-message", Static)
            line.update(Content.from_markup(message))
            line.set_class(bool(message), "-visible")
