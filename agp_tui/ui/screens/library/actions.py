"""What can be done with a recording: check, repair, delete, export it; import one from elsewhere."""

from pathlib import Path
from typing import Literal

from textual import work
from textual.markup import escape
from textual.reactive import var

from agp_tui.errors import AgpError
from agp_tui.formatting.events import progress_text
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Note, Progress
from agp_tui.ui.client.catalog import RecordingItem
from agp_tui.ui.client.process import ask
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.form import Field, Form, Values
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.screens.library.text import key_of

Doing = Literal["", "replay", "import", "export", "repair"]

FORMATS = ("mp4", "npz", "pickle", "png")


class LibraryActions(AppScreen):
    """The part of the library that runs commands on `item` and tells what came of them in `told`."""

    doing: var[Doing] = var[Doing]("", init=False, bindings=True)
    """What this screen waits for; meanwhile nothing else can be done here."""
    told: var[str] = var[str]("", init=False)
    """The newest thing to know, as markup."""
    item: var[RecordingItem | None] = var[RecordingItem | None](None, init=False, bindings=True)
    """The recording that the cursor is on."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: dict[str, list[str]] = {}
        """By path: what the last check found."""

    def show_details(self) -> None:
        """Show what is known of `item`."""
        raise NotImplementedError

    def action_stop(self) -> None:
        """Finish what this screen follows."""
        if self.doing:
            self.agp.tell_live(Stop())

    async def follow_live(self, doing: Doing, *words: str) -> Finished | None:
        """A live job to its end; None where it failed, which is shown."""
        self.doing, self.told = doing, ""
        result: Finished | None = None
        try:
            async for event in self.agp.run_live(doing.upper(), *words):
                self.take(event)
                if isinstance(event, Finished):
                    result = event
        except AgpError as error:
            self.told = f"[$error]✗[/] {escape(str(error))}"
        finally:
            self.doing = ""
        return result

    def take(self, event: AnyEvent) -> None:
        """One event of the live job."""
        match event:
            case Progress():
                self.told = f"{self.doing}: {progress_text(event)}  [dim]s stops it[/]"
            case Note():
                self.told = f"[$warning]![/] {escape(event.text)}"
            case Failed():
                self.told = f"[$error]✗[/] {escape(f'{event.error} {event.hint}'.strip())}"

    # --- one recording -----------------------------------------------------------------------------------

    @work(exclusive=True, group="check")
    async def action_check(self) -> None:
        """Look for what is wrong with it."""
        if (item := self.item) is None:
            return
        self.told = f"checking {escape(key_of(item))} …"
        if (done := await self._ask("recordings", "check", item.path)) is not None:
            problems: list[str] = (done.report or {}).get("problems", [])
            self.problems[item.path] = problems
            what = (
                f"[$error]{len(problems)} found[/], see the details"
                if problems
                else "nothing is wrong with it"
            )
            self.told = f"checked {escape(key_of(item))}: {what}"
            self.show_details()

    @work(exclusive=True, group="check")
    async def action_repair(self) -> None:
        """Make a whole recording of what can be read."""
        if (item := self.item) is None:
            return
        self.doing, self.told = "repair", f"repairing {escape(key_of(item))} …"
        try:
            done = await self._ask("recordings", "repair", item.path)
        finally:
            self.doing = ""
        if done is not None:
            self.problems.pop(item.path, None)
            lost = f", {done.missed} lost" if done.missed else ""
            self.told = f"[$success]✓[/] repaired {escape(key_of(item))}: {done.frames} frames{lost}"
            self.agp.look("recordings")

    def action_delete(self) -> None:
        """Delete it, after a question."""
        if (item := self.item) is None:
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.delete(item)

        length = f", {item.seconds:.1f} s" if item.frames else ""
        question = f"Delete {key_of(item)} ({item.game}{length}) for good?"
        self.app.push_screen(Confirm(question, "Delete it"), answered)

    @work(group="delete")
    async def delete(self, item: RecordingItem) -> None:
        """Delete a recording."""
        if await self._ask("recordings", "delete", item.path, "--yes") is not None:
            self.told = f"deleted {escape(key_of(item))}"
            self.agp.look("recordings")

    async def _ask(self, *words: str) -> Finished | None:
        """A short command; None where it failed, which is shown."""
        try:
            return await ask(*words, *self.agp.words)
        except AgpError as error:
            self.told = f"[$error]✗[/] {escape(str(error))}"
            return None

    # --- in and out --------------------------------------------------------------------------------------

    def action_import(self) -> None:
        """A pickle of the original script."""
        fields = [
            Field("file", "File", "", "path of a .pkl"),
            Field("game", "Game", self.agp.game),
            Field("channels", "Colours in it", "bgr", choices=("bgr", "rgb")),
            Field("fps", "Frames a second", "30"),
        ]

        async def take(values: Values) -> None:
            if not Path(values["file"]).expanduser().is_file():
                raise AgpError(f"Expected a file, found none at {values['file'] or 'an empty path'}.")
            if not values["game"] or not values["fps"].isdigit():
                raise AgpError("Expected a game and whole frames a second.")
            self.run_import(values)

        self.app.push_screen(Form("Import a pickle of the original script", fields, "Import", take))

    @work(exclusive=True, group="live")
    async def run_import(self, values: Values) -> None:
        """Take over a pickle."""
        words = ["recordings", "import", str(Path(values["file"]).expanduser()), "--game", values["game"]]
        words += ["--channels", values["channels"], "--fps", values["fps"]]
        if (done := await self.follow_live("import", *words)) is not None:
            self.told = f"[$success]✓[/] imported {done.frames} frames of {escape(values['game'])}"
            self.agp.game = values["game"]
            self.agp.look("recordings")

    def action_export(self) -> None:
        """A copy for other programs."""
        if (item := self.item) is None:
            return
        example = f"{key_of(item).replace('/', '-')} here"
        fields = [Field("to", "Format", "mp4", choices=FORMATS), Field("target", "Where to", "", example)]

        async def take(values: Values) -> None:
            self.run_export(item, values)

        self.app.push_screen(Form(f"Export {key_of(item)}", fields, "Export", take))

    @work(exclusive=True, group="live")
    async def run_export(self, item: RecordingItem, values: Values) -> None:
        """Write a copy."""
        words = ["recordings", "export", item.path, "--to", values["to"]]
        words += ["--target", str(Path(values["target"]).expanduser())] if values["target"] else []
        if (done := await self.follow_live("export", *words)) is not None:
            self.told = f"[$success]✓[/] written: {escape(str((done.report or {}).get('file', '')))}"
