"""Record: a game's frames with the keys held, by you, an expert or a model."""

from typing import ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import var
from textual.widgets import ContentSwitcher, RichLog, Static

from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Live, Note, Progress, Stage, Started
from agp_tui.ui.client.process import ask
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.recording_result import RecordingResult
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.screens.record.countdown import Countdown
from agp_tui.ui.screens.record.profile import profile_region, region_text, watch_flags
from agp_tui.ui.screens.record.region_picker import RegionPicker, SquareRegion
from agp_tui.ui.screens.record.region_preview import READY_TEXT, RegionPreview
from agp_tui.ui.screens.record.setup import HELP, RecordSetup, setup_text

Phase = Literal["setup", "region", "pick", "countdown", "recording", "result"]

ASK_FROM_SECONDS = 10.0
"""A longer recording is not discarded without a question."""


class RecordScreen(RecordSetup):
    """Choose where and who, count down, watch, keep or discard."""

    MODE = "record"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Record", id="record.start"),
        Binding("r", "region", "Region", id="record.region"),
        Binding("c", "click", "Click on it", id="record.click"),
        Binding("e", "profile", "Profile", id="record.profile"),
        Binding("m", "display", "Monitor", id="record.display", show=False),
        Binding("b", "who", "Who plays", id="record.who"),
        Binding("o", "limits", "Options", id="record.limits"),
        Binding("s,escape", "stop", "Stop", id="record.stop"),
        Binding("enter,k", "keep", "Keep", id="record.keep"),
        Binding("x", "discard", "Discard", id="record.discard"),
    ]

    phase: var[Phase] = var[Phase]("setup", init=False, bindings=True)
    result: var[Finished | None] = var[Finished | None](None, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False
        """Whether the person ended what runs: that is no failure."""

    def body(self) -> ComposeResult:
        yield Static(id="record-setup")
        yield Static(id="record-problem", markup=False)
        with ContentSwitcher(initial="record-live", id="record-middle"):
            yield RegionPreview("record", READY_TEXT, id="record-live")
            yield RegionPicker(id="record-region")
            yield Countdown(id="record-countdown")
            yield TerminalGame("record", "Getting ready …", id="record-hands")
            yield RecordingResult(id="record-result")
        yield RichLog(id="record-log", wrap=True, markup=False, min_width=40)

    def on_mount(self) -> None:
        self.query_one("#record-log").can_focus = False

    def changed(self, what: str) -> None:
        """Another game: its region is another one."""
        if what == "game" and self.agp.game != self.busy_with and self.phase in ("region", "pick"):
            self.action_stop()
        super().changed(what)

    def on_screen_suspend(self) -> None:
        """Nobody looks: a display is not watched, a click is not waited for. A recording goes on.

        But for one that is played here: nobody plays it any more.
        """
        here = self.by_hand and self.phase in ("countdown", "recording")
        if self.app.current_mode != self.MODE and (here or self.phase in ("region", "pick")):
            self.action_stop()
        self.draw()

    def on_screen_resume(self) -> None:
        """The region is seen again."""
        self.draw()

    # --- the region ----------------------------------------------------------------------------------

    @work(exclusive=True, group="record")
    async def action_region(self) -> None:
        """Over a live picture of the display."""
        if not await self.ready_to_look():
            return
        pane = self.query_one(RegionPicker)
        pane.begin(profile_region(self.place), self.place.size, self.place.display or "")
        self.busy_with, self.phase = self.game, "region"
        pane.focus()
        await self._follow("WATCH", "screen", "watch", "--game", self.game)

    def on_region_picker_cancelled(self) -> None:
        """As it was."""
        self.action_stop()

    @work(exclusive=True, group="save")
    async def on_region_picker_accepted(self, accepted: RegionPicker.Accepted) -> None:
        """Keep it in the profile."""
        game = self.game
        self.action_stop()
        await self._keep_region(game, accepted.square)

    async def _keep_region(self, game: str, square: SquareRegion) -> bool:
        values = {"center": f"{square.x},{square.y}", "size": str(square.size)}
        if await self.keep_in_profile(game, values):
            self._write(f"{game} is {square.size} pixels around {square.x},{square.y}; kept in its profile.")
            return True
        return False

    @work(exclusive=True, group="record")
    async def action_click(self) -> None:
        """By a click on the game's own screen."""
        await self._pick()

    async def _pick(self) -> bool:
        if not await self.ready_to_look():
            return False
        game, size = self.game, self.place.size
        self.busy_with, self.phase = game, "pick"
        where = f" on {self.place.display}" if self.place.display else ""
        words = f"Now click on the middle of the game, on its own screen{where}.\nEsc here stops waiting."
        self.query_one(RegionPreview).reset(words)
        finished = await self._follow("PICK", "screen", "pick", "--game", game)
        if finished is None or finished.report is None:
            return False
        x, y = finished.report["center"]
        return await self._keep_region(game, SquareRegion(x, y, size))

    # --- while it records --------------------------------------------------------------------------------

    @work(exclusive=True, group="record")
    async def action_start(self) -> None:
        """Count down and record; without a region, a click first."""
        self.problem = ""
        if not is_atari(self.game) and not region_text(self.place) and not await self._pick():
            return
        self.query_one("#record-log", RichLog).clear()
        self.busy_with, self.phase = self.game, "recording"
        self.live_pane.reset("Getting ready …")
        words = ["record", "--game", self.game, *self.player_words(), *self.limits.words(self.game)]
        finished = await self._follow("REC", *words)
        self.agp.look("recordings")
        if finished is None or finished.recording is None:
            return
        self._show_result(finished)

    async def _follow(self, name: str, *words: str) -> Finished | None:
        """A live job to its end; None where it failed, which is shown. Ends in the phase `setup`."""
        result: Finished | None = None
        self._stopped = False
        try:
            async for event in self.agp.run_live(name, *words):
                self._show(event)
                if isinstance(event, Finished):
                    result = event
        except AgpError as error:
            self.problem = str(error)
        finally:
            self.phase = "setup"
        return result

    def _show(self, event: AnyEvent) -> None:
        match event:
            case Started() if self.by_hand:
                self.query_one(TerminalGame).begin(self.agp.tell_live, self.agp.loaded.config.terminal)
            case Live() if self.phase == "region":
                self.query_one(RegionPicker).show(event)
            case Live():
                self.live_pane.show(event)
            case Stage():
                self.phase = "countdown" if event.name == "countdown" else "recording"
            case Progress() if self.phase == "countdown":
                self.query_one(Countdown).show(event)
            case Note():
                self._write(event.text, event.level)
            case Failed() if not (self._stopped and event.exit_code in (1, 130)):
                self.problem = f"{event.error} {event.hint}".strip()

    def _show_result(self, finished: Finished) -> None:
        self.busy_with, self.result = self.game, finished
        self.query_one(RecordingResult).show(finished)
        self.phase = "result"

    @property
    def live_pane(self) -> LiveView | TerminalGame:
        """Where the game is seen that is recorded."""
        return self.query_one(TerminalGame) if self.by_hand else self.query_one(RegionPreview)

    def on_terminal_game_closed(self) -> None:
        """Enough played."""
        self.action_stop()

    def action_stop(self) -> None:
        """Finish what runs."""
        self._stopped = True
        self.agp.tell_live(Stop())

    # --- afterwards --------------------------------------------------------------------------------------

    def action_keep(self) -> None:
        """It is on disk already."""
        self.notify("Kept. Press 3 to look at it, 4 to learn from it.", timeout=4)
        self._again()

    def action_discard(self) -> None:
        """Delete it, after a question where much would be lost."""
        if self.result is None:
            return
        if (self.result.seconds or 0.0) > ASK_FROM_SECONDS:
            question = f"Delete this recording of {self.result.seconds:.0f} s for good?"
            self.app.push_screen(Confirm(question, "Delete it"), self._discard_if)
        else:
            self._discard_if(True)

    def _discard_if(self, agreed: bool | None) -> None:
        if agreed and self.result is not None and self.result.recording:
            self.discard(self.result.recording)
            self._again()

    @work(group="discard")
    async def discard(self, path: str) -> None:
        """Delete a recording."""
        try:
            await ask("recordings", "delete", path, "--yes", *self.agp.words)
        except AgpError as error:
            self.problem = str(error)
            return
        self._write("Discarded.")
        self.agp.look("recordings")

    def _again(self) -> None:
        self.result = None
        self.phase = "setup"

    def worth_copying(self) -> str:
        """What is wrong, or the recording's folder."""
        return self.problem or (self.result.recording or "" if self.result else "")

    # --- how it looks --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action in ("region", "click", "display"):
            return self.phase == "setup" and not is_atari(self.game)
        if action in ("start", "profile", "who", "limits"):
            return self.phase == "setup"
        if action == "stop":
            # While a person plays here every key is the game's, but for the pane's own escape.
            played_here = self.by_hand and self.phase == "recording"
            return self.phase in ("pick", "countdown", "recording") and not played_here
        if action in ("keep", "discard"):
            return self.phase == "result"
        return True

    def watch_phase(self, before: Phase, phase: Phase) -> None:
        """Show what belongs to it."""
        if not self.query("#record-setup"):
            return
        panes = {"region": "record-region", "countdown": "record-countdown", "result": "record-result"}
        if self.by_hand:
            panes["recording"] = "record-hands"
        self.query_one("#record-middle", ContentSwitcher).current = panes.get(phase, "record-live")
        for name in ("region", "result"):
            self.set_class(phase == name, f"-{name}")
        if before == "region":
            self.set_focus(None)
        hands = self.query_one(TerminalGame)
        if phase == "recording" and self.by_hand:
            hands.focus()
        elif phase in ("setup", "result"):
            if hands.has_focus:
                self.set_focus(None)
            hands.end()
        if phase == "setup":
            self.query_one(RegionPreview).reset(READY_TEXT)
            was, self.busy_with = self.busy_with, ""
            if was and was != self.game:
                self.changed("game")
        self.draw()

    def _write(self, text: str, level: str = "info") -> None:
        style = "yellow" if level == "warning" else ""
        self.query_one("#record-log", RichLog).write(Text(text, style=style))

    def draw(self) -> None:
        """Show what is set, and what is wrong."""
        if not self.query("#record-setup"):
            return
        config = self.agp.loaded.config
        text = setup_text(self.game, self.place, self.by, self.limits, config.record.stop_key)
        self.query_one("#record-setup", Static).update(Content.from_markup(text))
        problem = self.query_one("#record-problem", Static)
        problem.update(f"✗ {self.problem}" if self.problem else "")
        problem.set_class(bool(self.problem), "-there")
        seen = self.phase == "setup" and self.app.current_mode == self.MODE and config.preview.colors != "off"
        self.query_one(RegionPreview).look_at(*(watch_flags(self.place, self.game) if seen else ()))
        self.offer()
