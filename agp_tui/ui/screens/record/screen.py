"""Record screen: record a game's frames and held keys, played by you, an expert or a model."""

from typing import ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import var
from textual.widgets import ContentSwitcher, RichLog, Static

from agp_tui.config import GameSettings
from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.games.profiles import has_region
from agp_tui.games.view import View
from agp_tui.protocol.commands import Exclude, Stop, Undo
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Live, Note, Progress, Stage, Started
from agp_tui.protocol.results import DisplaysResult, PickResult, RecordResult
from agp_tui.ui.client.process import run_command
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.player_choices import agents, models, scripted
from agp_tui.ui.components.recording_result import RecordingResult
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.form import Form, Values
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.screens.record.countdown import Countdown
from agp_tui.ui.screens.record.profile import (
    RecordingLimits,
    game_settings,
    last_view,
    profile_fields,
    profile_region,
    save_profile,
    watch_flags,
)
from agp_tui.ui.screens.record.region_picker import RegionPicker, SquareRegion
from agp_tui.ui.screens.record.region_preview import READY_TEXT, RegionPreview
from agp_tui.ui.screens.record.text import HELP, setup_text

Phase = Literal["setup", "region", "pick", "countdown", "recording", "result"]

CONFIRM_FROM_SECONDS = 10.0
"""Discarding a longer recording needs a confirmation."""
TERMINAL = "terminal"
"""The player is you, in an Atari game in this terminal."""
HUMAN_LIKE = "expert, human-like"
"""The expert, playing as a person does."""
SHADOWED_BY = "you, watched by "
"""Prefix of a model's name: you play, and the model reports what it would press."""


class RecordScreen(AppScreen):
    """Choose game, region and player; count down; record; keep or discard."""

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
        Binding("b", "player", "Who plays", id="record.who"),
        Binding("o", "limits", "Options", id="record.limits"),
        Binding("n", "exclude", "Exclude the last seconds", id="record.exclude"),
        Binding("u", "undo", "Undo", id="record.undo", show=False),
        Binding("s,escape", "stop", "Stop", id="record.stop"),
        Binding("enter,k", "keep", "Keep", id="record.keep"),
        Binding("x", "discard", "Discard", id="record.discard"),
        Binding("p", "save_profile", "Save as profile", id="record.save_profile"),
    ]

    phase: var[Phase] = var[Phase]("setup", init=False, bindings=True)
    player: var[str] = var[str]("", init=False)
    """human, terminal, expert, `HUMAN_LIKE`, a model, an agent's run, or `SHADOWED_BY` and a model's name."""
    limits: var[RecordingLimits] = var[RecordingLimits](RecordingLimits(), init=False)
    result: var[Finished | None] = var[Finished | None](None, init=False)
    error: var[str] = var[str]("", init=False)
    """The newest error with its hint, or an empty string."""

    def __init__(self) -> None:
        super().__init__()
        self._active_game = ""
        """The game of the running job or shown result; empty if there is none."""
        self._settings_limits = RecordingLimits()
        """The limits that the settings file had last."""
        self._stopped = False
        """Whether the user stopped the running job, so that its failure is no error."""

    def body(self) -> ComposeResult:
        yield Static(id="record-setup")
        yield Static(id="record-error", markup=False)
        with ContentSwitcher(initial="record-live", id="record-middle"):
            yield RegionPreview("record", READY_TEXT, id="record-live")
            yield RegionPicker(id="record-region")
            yield Countdown(id="record-countdown")
            yield TerminalGame("record", "Getting ready …", id="record-terminal-game")
            yield RecordingResult(id="record-result")
        yield RichLog(id="record-log", wrap=True, markup=False, min_width=40)

    def on_mount(self) -> None:
        self.query_one("#record-log").can_focus = False
        self.limits = self._settings_limits = RecordingLimits.of(self.agp.loaded.config.record)

    def changed(self, what: str) -> None:
        """Update after a change of the game, the settings or the models."""
        if what == "game" and self.agp.game != self._active_game and self.phase in ("region", "pick"):
            self.action_stop()
        if what == "settings":
            before = self._settings_limits
            self._settings_limits = RecordingLimits.of(self.agp.loaded.config.record)
            if self.limits == before:
                self.limits = self._settings_limits
        if what in ("", "game", "models", "games") and not self._active_game:
            players = [one.value for one in self.players()]
            preferred = self.agp.loaded.config.record.by
            if what == "game" or self.player not in players:
                self.player = preferred if preferred in players else players[0]
        if what == "game" and not self._active_game:
            self.error = ""
        self.update_view()

    def on_screen_suspend(self) -> None:
        """Stop picking a region, and a recording that is played here. Other recordings continue."""
        played_here = self.played_in_terminal and self.phase in ("countdown", "recording")
        if self.app.current_mode != self.MODE and (played_here or self.phase in ("region", "pick")):
            self.action_stop()
        self.update_view()

    def on_screen_resume(self) -> None:
        """Show the region preview again."""
        self.update_view()

    # --- setup: player, profile, limits, display ------------------------------------------------------

    @property
    def game(self) -> str:
        """The game of the running job, or else the chosen one."""
        return self._active_game or self.agp.game

    @property
    def played_in_terminal(self) -> bool:
        """Whether the user plays the game in this terminal."""
        return is_atari(self.game) and (self.player == TERMINAL or self.player.startswith(SHADOWED_BY))

    @property
    def profile(self) -> GameSettings:
        """The settings of the game."""
        return game_settings(self.agp, self.game)

    @property
    def view(self) -> View | None:
        """The view of the game's last recording."""
        return last_view(self.agp, self.game)

    def players(self) -> list[Choice]:
        """The possible players of the game, the most likely one first."""
        game, catalog = self.game, self.agp.catalog
        playing = models(game, catalog)
        shadows = [Choice(SHADOWED_BY + one.value, "it only reports what it would press") for one in playing]
        if not is_atari(game):
            return [Choice("human", "you, on the game's own keyboard"), *playing, *shadows]
        experts = scripted(game, catalog)
        if experts:
            experts.append(Choice(HUMAN_LIKE, "with the reaction time and the slips of a person"))
        here = Choice(TERMINAL, "you, here in the terminal")
        return [*experts, here, *playing, *agents(game, catalog), *shadows]

    def player_flags(self) -> list[str]:
        """The player as flags of `agp record`."""
        if self.player.startswith(SHADOWED_BY):
            you = TERMINAL if is_atari(self.game) else "human"
            return ["--by", you, "--shadow", self.player.removeprefix(SHADOWED_BY)]
        if self.player == HUMAN_LIKE:
            return ["--by", "expert", "--human-like"]
        return ["--by", self.player]

    def action_player(self) -> None:
        """Choose the player."""

        def chosen(name: str | None) -> None:
            if name:
                self.player = name

        self.app.push_screen(Choose(f"Who plays {self.game}?", self.players()), chosen)

    def action_profile(self) -> None:
        """Edit the profile: region as numbers, keys, frame rate."""
        game = self.game

        async def save(values: Values) -> None:
            await save_profile(self.agp, game, values)

        def closed(values: Values | None) -> None:
            if values is not None:
                self.error = ""

        title = f"Profile of {game}, saved in config.toml"
        self.app.push_screen(Form(title, profile_fields(self.profile, game), "Save", save), closed)

    def action_limits(self) -> None:
        """Edit the countdown and the automatic end."""

        async def accept(values: Values) -> None:
            for name, text in values.items():
                if name not in ("pace", "nudges") and text and not text.replace(".", "", 1).isdigit():
                    raise AgpError(f"Expected a number for {name}, found {text!r}.", "Such as 60.")
            self.limits = RecordingLimits(**values)

        self.app.push_screen(Form("This recording", self.limits.fields(self.game), "Accept", accept))

    @work(exclusive=True, group="display")
    async def action_display(self) -> None:
        """Choose one of several displays."""
        if await self._choose_display(force=True):
            self.notify("There is only one display.", timeout=3)

    async def _ensure_display(self) -> bool:
        """Have a display chosen if the profile names none and there are several; False if that failed."""
        self.error = ""
        if self.profile.display is None and not await self._choose_display():
            return self.profile.display is not None
        return True

    async def _choose_display(self, force: bool = False) -> bool:
        """Have one of several displays chosen and saved in the profile. True if no choice was needed.

        $DISPLAY counts as the choice unless `force`.
        """
        try:
            answer = await run_command("screen", "list", "--game", self.game, *self.agp.global_flags)
        except AgpError as error:
            self.error = str(error)
            return False
        if self.app.current_mode != self.MODE:
            # The user has gone to another screen meanwhile: ask and watch nothing.
            return False
        displays = (answer.result(DisplaysResult) or DisplaysResult()).displays
        found = [one for one in displays if one.usable]
        if not found:
            reasons = "; ".join(f"{one.name or 'this desktop'}: {one.reason}" for one in displays)
            self.error = f"Expected a display to see the game on, found none. {reasons or 'There is none.'} "
            self.error += "Start one, or press e and name it."
            return False
        chosen = any(one.source == "$DISPLAY" for one in found) and not force
        if chosen or len(found) == 1:
            return True
        choices = [
            Choice(one.name, f"{one.size[0]}x{one.size[1]}, {one.source}") for one in found if one.size
        ]
        name = await self.app.push_screen_wait(Choose("Which display is the game on?", choices))
        if name:
            await self._save_in_profile(self.game, {"display": name})
        return False

    async def _save_in_profile(self, game: str, values: Values) -> bool:
        """Save values in a game's profile; if that fails, show the error and return False."""
        try:
            await save_profile(self.agp, game, values)
        except AgpError as error:
            self.error = str(error)
            return False
        return True

    # --- the region -----------------------------------------------------------------------------------

    @work(exclusive=True, group="record")
    async def action_region(self) -> None:
        """Choose the region over a live picture of the display."""
        if not await self._ensure_display():
            return
        picker = self.query_one(RegionPicker)
        picker.start(profile_region(self.profile), self.profile.size, self.profile.display or "")
        self._active_game, self.phase = self.game, "region"
        picker.focus()
        await self._run_job("WATCH", "screen", "watch", "--game", self.game)

    def on_region_picker_cancelled(self) -> None:
        self.action_stop()

    @work(exclusive=True, group="save")
    async def on_region_picker_accepted(self, accepted: RegionPicker.Accepted) -> None:
        game = self.game
        self.action_stop()
        await self._save_region(game, accepted.square)

    async def _save_region(self, game: str, square: SquareRegion) -> bool:
        values = {"center": f"{square.x},{square.y}", "size": str(square.size)}
        if await self._save_in_profile(game, values):
            self._write(f"Saved in the profile of {game}: {square.size} pixels around {square.x},{square.y}.")
            return True
        return False

    @work(exclusive=True, group="record")
    async def action_click(self) -> None:
        """Choose the region's center by a click on the game's own screen."""
        await self._pick_by_click()

    async def _pick_by_click(self) -> bool:
        if not await self._ensure_display():
            return False
        game, size = self.game, self.profile.size
        self._active_game, self.phase = game, "pick"
        where = f" on {self.profile.display}" if self.profile.display else ""
        text = f"Now click on the center of the game, on its own screen{where}.\nEsc here cancels."
        self.query_one(RegionPreview).reset(text)
        finished = await self._run_job("PICK", "screen", "pick", "--game", game)
        picked = finished.result(PickResult) if finished is not None else None
        if picked is None:
            return False
        x, y = picked.center
        return await self._save_region(game, SquareRegion(x, y, size))

    # --- recording ------------------------------------------------------------------------------------

    @work(exclusive=True, group="record")
    async def action_start(self) -> None:
        """Count down and record; without a region, have it picked by a click first."""
        self.error = ""
        known = is_atari(self.game) or has_region(self.profile) or self.view
        if not known and not await self._pick_by_click():
            return
        self.query_one("#record-log", RichLog).clear()
        self._active_game, self.phase = self.game, "recording"
        self.live_pane.reset("Getting ready …")
        words = ["record", "--game", self.game, *self.player_flags(), *self.limits.flags(self.game)]
        finished = await self._run_job("REC", *words)
        self.agp.refresh_catalog("recordings")
        if finished is not None and finished.recording is not None:
            self.show_result(finished)

    async def _run_job(self, name: str, *words: str) -> Finished | None:
        """Run a live job to its end; if it fails, show the error and return None. Ends in phase `setup`."""
        result: Finished | None = None
        self._stopped = False
        try:
            async for event in self.agp.run_live(name, *words):
                self.handle_event(event)
                if isinstance(event, Finished):
                    result = event
        except AgpError as error:
            self.error = str(error)
        finally:
            self.phase = "setup"
        return result

    def handle_event(self, event: AnyEvent) -> None:
        """Show an event of the running job."""
        match event:
            case Started() if self.played_in_terminal:
                self.query_one(TerminalGame).begin(self.agp.send_live, self.agp.loaded.config.terminal)
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
                self.error = f"{event.error} {event.hint}".strip()

    @property
    def live_pane(self) -> LiveView | TerminalGame:
        """The pane that shows the recorded game."""
        return self.query_one(TerminalGame) if self.played_in_terminal else self.query_one(RegionPreview)

    def on_terminal_game_closed(self) -> None:
        self.action_stop()

    def action_stop(self) -> None:
        """Stop the running job."""
        self._stopped = True
        self.agp.send_live(Stop())

    def action_exclude(self) -> None:
        """Leave the last seconds out of training."""
        self.agp.send_live(Exclude())

    def action_undo(self) -> None:
        """Take the newest exclusion back."""
        self.agp.send_live(Undo())

    # --- the result -----------------------------------------------------------------------------------

    def show_result(self, finished: Finished) -> None:
        """Show a finished recording, to keep or discard."""
        self._active_game, self.result = self.game, finished
        self.query_one(RecordingResult).show(finished, bool(self._offered_profile))
        self.phase = "result"

    def action_keep(self) -> None:
        """Keep the recording, which is on disk already."""
        self.notify("Saved. Press 3 to see it in the library, 4 to train on it.", timeout=4)
        self._close_result()

    @property
    def _offered_profile(self) -> dict[str, str]:
        """Settings that make the recorded region the game's profile; empty if it has one."""
        report = self.result.result(RecordResult) if self.result is not None else None
        has_one = self.game in self.agp.loaded.config.games and has_region(self.profile)
        return {} if report is None or has_one else report.profile or {}

    @work(exclusive=True, group="save")
    async def action_save_profile(self) -> None:
        """Save the recorded region and keys as the profile of the game."""
        pairs = [part for pair in self._offered_profile.items() for part in pair]
        try:
            await run_command("config", "set", *pairs, *self.agp.global_flags)
        except AgpError as error:
            self.error = str(error)
            return
        self.agp.reload()
        self.notify(f"Saved as the profile of {self.game}; e changes it.", markup=False, timeout=4)
        if self.result is not None:
            self.query_one(RecordingResult).show(self.result)
        self.refresh_footer()

    def action_discard(self) -> None:
        """Delete the recording; a long one only after a confirmation."""
        if self.result is None:
            return

        def confirmed(yes: bool | None) -> None:
            if yes and self.result is not None and self.result.recording:
                self.delete_recording(self.result.recording)
                self._close_result()

        if (self.result.seconds or 0.0) > CONFIRM_FROM_SECONDS:
            question = f"Delete this recording of {self.result.seconds:.0f} s permanently?"
            self.app.push_screen(Confirm(question, "Delete it"), confirmed)
        else:
            confirmed(True)

    @work(group="discard")
    async def delete_recording(self, path: str) -> None:
        """Delete a recording."""
        try:
            await run_command("recordings", "delete", path, "--yes", *self.agp.global_flags)
        except AgpError as error:
            self.error = str(error)
            return
        self._write("Discarded.")
        self.agp.refresh_catalog("recordings")

    def _close_result(self) -> None:
        self.result = None
        self.phase = "setup"

    # --- display --------------------------------------------------------------------------------------

    def copy_text(self) -> str:
        """The error, or else the recording's folder."""
        return self.error or (self.result.recording or "" if self.result else "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible in this phase."""
        if action in ("region", "click", "display"):
            return self.phase == "setup" and not is_atari(self.game)
        if action in ("start", "profile", "player", "limits"):
            return self.phase == "setup"
        if action in ("stop", "exclude", "undo"):
            # While the user plays here every key is the game's, except the pane's own escape.
            played_here = self.played_in_terminal and self.phase == "recording"
            phases = ("pick", "countdown", "recording") if action == "stop" else ("recording",)
            return self.phase in phases and not played_here
        if action in ("keep", "discard"):
            return self.phase == "result"
        if action == "save_profile":
            return self.phase == "result" and bool(self._offered_profile)
        return True

    def watch_phase(self, before: Phase, phase: Phase) -> None:
        """Show the pane of the phase."""
        if not self.query("#record-setup"):
            return
        panes = {"region": "record-region", "countdown": "record-countdown", "result": "record-result"}
        if self.played_in_terminal:
            panes["recording"] = "record-terminal-game"
        self.query_one("#record-middle", ContentSwitcher).current = panes.get(phase, "record-live")
        for name in ("region", "result"):
            self.set_class(phase == name, f"-{name}")
        if before == "region":
            self.set_focus(None)
        terminal_game = self.query_one(TerminalGame)
        if phase == "recording" and self.played_in_terminal:
            terminal_game.focus()
        elif phase in ("setup", "result"):
            if terminal_game.has_focus:
                self.set_focus(None)
            terminal_game.end()
        if phase == "setup":
            self.query_one(RegionPreview).reset(READY_TEXT)
            previous, self._active_game = self._active_game, ""
            if previous and previous != self.game:
                self.changed("game")
        self.update_view()

    def watch_player(self) -> None:
        self.update_view()

    def watch_limits(self) -> None:
        self.update_view()

    def watch_error(self) -> None:
        self.update_view()

    def _write(self, text: str, level: str = "info") -> None:
        style = "yellow" if level == "warning" else ""
        self.query_one("#record-log", RichLog).write(Text(text, style=style))

    def update_view(self) -> None:
        """Show the setup, the error and the preview of the region."""
        if not self.query("#record-setup"):
            return
        config = self.agp.loaded.config
        profile, stop_key = self.profile, config.record.stop_key
        text = setup_text(self.game, profile, self.view, self.player, self.limits, stop_key)
        self.query_one("#record-setup", Static).update(Content.from_markup(text))
        error = self.query_one("#record-error", Static)
        error.update(f"✗ {self.error}" if self.error else "")
        error.set_class(bool(self.error), "-visible")
        visible = (
            self.phase == "setup" and self.app.current_mode == self.MODE and config.preview.colors != "off"
        )
        flags = watch_flags(profile, self.game, self.view) if visible else ()
        self.query_one(RegionPreview).watch_region(*flags)
        self.refresh_footer()
