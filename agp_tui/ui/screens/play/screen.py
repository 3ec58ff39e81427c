"""Play screen: choose a model, check its latency, let it play, intervene."""

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.markup import escape
from textual.reactive import var
from textual.widgets import RichLog, Static

from agp_tui.config import GameSettings
from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.games.profiles import has_region, region_size, region_text
from agp_tui.games.view import View, view_of
from agp_tui.protocol.commands import Pause, Resume, Stop
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Live, Started
from agp_tui.protocol.results import LatencyResult
from agp_tui.protocol.summaries import ModelSummary
from agp_tui.ui.client.process import run_command
from agp_tui.ui.components.run_view.result import event_text
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.screens.base import AppScreen

HELP = """
# Play

A model watches the game and presses its keys. Before it starts, the **latency check** measures whether
this machine decides within the time of a frame; a *dry run* decides and shows but presses nothing.

On a screen the model plays in the window it was recorded in, wherever that is now, unless the game's
profile has a region of another size; without both, you click on the game. The keys go to the window that
has the focus there, so put the focus on the game. **F12 on the game's keyboard** stops the player and
releases every key, and so does F12 here.

Press one of the game's keys on its keyboard (of an Atari game: here) and **you drive**: the model releases
every key. A second after your last key it drives again. Your corrections are recorded, as a recording like
any other.

| Key | What it does |
|---|---|
| `m` | choose the model |
| `t` | turn dry run on or off |
| `enter` | start |
| `p` | pause (releases every key), resume |
| `s` or `escape` | stop |
| `l` | afterwards: train on your corrections; the better of the two models is used |
| `f12` | panic: release everything, stop at once |
| `y` | copy the model's path |

A bar is the probability of a key, the mark │ on it the threshold above which it is pressed, ● a key
that is held now. Latency is shown by stage: filled to p50, marks at p95 and p99, ┃ is the budget.
"""

EMPTY = "No model of {game} yet. Press [b]4[/] to train one, [b]g[/] for another game."


class PlayScreen(AppScreen):
    """Choose a model, see its latency, start, watch."""

    MODE = "play"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", id="play.start"),
        Binding("m", "choose_model", "Model", id="play.model"),
        Binding("t", "dry_run", "Dry run", id="play.dry_run"),
        Binding("p", "pause", "Pause", id="play.pause"),
        Binding("s,escape", "stop", "Stop", id="play.stop"),
        Binding("l", "learn", "Learn from this", id="play.learn"),
    ]

    playing: var[bool] = var[bool](False, init=False, bindings=True)
    paused: var[bool] = var[bool](False, init=False)
    dry_run: var[bool] = var[bool](False, init=False)
    model: var[ModelSummary | None] = var[ModelSummary | None](None, init=False, bindings=True)
    latency_check: var[str] = var[str]("", init=False)
    place: var[tuple[int, int, int, int] | None] = var[tuple[int, int, int, int] | None](None, init=False)
    """The region on the display in which a model plays now; None for an Atari game."""
    corrected_model: var[str] = var[str]("", init=False, bindings=True)
    """Path of the model that was corrected in the last play, or an empty string."""

    def body(self) -> ComposeResult:
        yield Static(id="play-setup")
        yield TerminalGame("play", "Press Enter to let the model play.")
        yield RichLog(id="play-log", wrap=True, markup=False, min_width=40)

    def on_mount(self) -> None:
        self.query_one("#play-log").can_focus = False

    def changed(self, what: str) -> None:
        """Update after a change of the game or the models."""
        if what in ("", "models", "game") and not self.playing:
            models = self.agp.catalog.models_of(self.agp.game)
            same = [one for one in models if self.model is not None and one.path == self.model.path]
            self.model = same[0] if same else models[0] if models else None
        self.update_view()

    # --- before it plays ------------------------------------------------------------------------------

    def watch_model(self, model: ModelSummary | None) -> None:
        """Check the latency of the chosen model."""
        self.latency_check = ""
        if model is not None:
            self.measure(model)
        self.update_view()

    def watch_latency_check(self) -> None:
        self.update_view()

    def watch_dry_run(self) -> None:
        self.update_view()

    def watch_paused(self) -> None:
        self.update_view()

    def watch_place(self) -> None:
        self.update_view()

    @work(exclusive=True, group="latency")
    async def measure(self, model: ModelSummary) -> None:
        """Measure the time of a decision on this machine against the time of a frame."""
        self.latency_check = "[dim]measuring …[/]"
        try:
            finished = await run_command("models", "measure", model.path, *self.agp.global_flags)
        except AgpError as error:
            self.latency_check = f"[$error]✗ {escape(str(error))}[/]"
            return
        self.latency_check = latency_text(finished)

    def action_choose_model(self) -> None:
        """Choose a model, of this game or any other."""
        models = self.agp.catalog.models or ()
        choices = [Choice(one.path, _model_note(one), one.name) for one in models]
        self.app.push_screen(Choose("Which model?", choices), self._chosen)

    def _chosen(self, path: str | None) -> None:
        for one in self.agp.catalog.models or ():
            if one.path == path:
                # In this order: a change of the game replaces the model unless it is one of that game.
                self.model = one
                if one.game:
                    self.agp.game = one.game

    def action_dry_run(self) -> None:
        """Turn dry run on or off."""
        self.dry_run = not self.dry_run

    # --- while it plays -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible now."""
        if action in ("start", "dry_run"):
            return self.model is not None and not self.playing
        if action == "choose_model":
            return not self.playing
        if action in ("pause", "stop"):
            return self.playing
        if action == "learn":
            return bool(self.corrected_model) and not self.playing
        return True

    def action_start(self) -> None:
        """Start the model."""
        if self.model is None or self.playing:
            return
        self.playing, self.paused, self.corrected_model, self.place = True, False, "", None
        words = ["play", self.model.path]
        if self.model.game is None:
            words += ["--game", self.agp.game]
        if self.dry_run:
            words.append("--dry-run")
        self.play(*words)

    @work(exclusive=True, group="play")
    async def play(self, *words: str) -> None:
        """Run the player and show it to its end."""
        self.query_one(TerminalGame).reset("Getting ready …")
        log = self.query_one("#play-log", RichLog)
        log.clear()
        try:
            async for event in self.agp.run_live("DRY RUN" if self.dry_run else "PLAY", *words):
                self.handle_event(event)
        except AgpError as error:
            self.query_one(TerminalGame).reset("It did not play.")
            self.notify(str(error), severity="error", markup=False)
        finally:
            self.playing, self.paused = False, False
            for pane in self.query(TerminalGame):
                pane.end()
            # The game and the models may have changed meanwhile.
            self.changed("game")

    def handle_event(self, event: AnyEvent) -> None:
        """Show an event of the player."""
        log = self.query_one("#play-log", RichLog)
        if isinstance(event, Started):
            self._connect_keys()
        elif isinstance(event, Live):
            self.query_one(TerminalGame).show(event)
            self.paused, self.place = event.paused, event.shown
        elif (text := event_text(event)) is not None:
            log.write(text)
        if isinstance(event, Finished) and event.recordings and self.model is not None:
            self.corrected_model = self.model.path
            log.write(Text("l trains the model on your corrections.", style="bold"))
            self.agp.refresh_catalog("recordings")
        if isinstance(event, Failed):
            self.query_one(TerminalGame).reset("It did not play; the reason is below.")

    def _connect_keys(self) -> None:
        """On an emulated console, send the terminal's keys to the game, for interventions."""
        if self.model is None or self.dry_run or not is_atari(self.model.game or self.agp.game):
            return
        pane = self.query_one(TerminalGame)
        pane.focus()
        pane.begin(self.agp.send_live, self.agp.loaded.config.terminal, tuple(self.model.keys))

    def on_terminal_game_closed(self) -> None:
        self.action_stop()

    def action_learn(self) -> None:
        """Continue training the model on the corrections, and compare it with before."""
        self.agp.start_run("train", "--from-model", self.corrected_model, "--corrections")

    def action_pause(self) -> None:
        """Pause or resume."""
        self.agp.send_live(Resume() if self.paused else Pause())

    def action_stop(self) -> None:
        """Stop the player."""
        self.agp.send_live(Stop())

    def copy_text(self) -> str:
        """The model's folder."""
        return self.model.path if self.model is not None else ""

    def update_view(self) -> None:
        """Show the model, its latency and whether it plays."""
        if not self.query("#play-setup"):
            # Not mounted yet, or the app is closing.
            return
        setup = self.query_one("#play-setup", Static)
        self.query_one(TerminalGame).display = self.query_one("#play-log").display = self.model is not None
        if self.model is None:
            loading = self.agp.catalog.models is None
            text = "loading models …" if loading else EMPTY.format(game=escape(self.agp.game))
            setup.update(Content.from_markup(text))
            return
        setup.update(Content.from_markup(self._setup_text(self.model)))

    def _setup_text(self, model: ModelSummary) -> str:
        game = model.game or self.agp.game
        where = "an emulated console" if is_atari(game) else self._place_text(model, game)
        mode = "[b $warning]dry run[/], presses nothing" if self.dry_run else "presses keys"
        if self.playing:
            mode += "  [b $warning]paused[/]" if self.paused else "  [b $success]▶ playing[/]"
        keys = " ".join(model.keys)
        return (
            f"[b]{escape(model.name)}[/] plays [b]{escape(game)}[/] ({where}), {mode}\n"
            f"keys {escape(keys)}  {model.fps or '?'} decisions/s  {self.latency_check}"
        )

    def _place_text(self, model: ModelSummary, game: str) -> str:
        if self.playing and self.place is not None:
            left, top, width, height = self.place
            return f"{width}x{height} at {left},{top}"
        config = self.agp.loaded.config
        return place_text(config.games.get(game, config.game), view_of(model.view))


def place_text(profile: GameSettings, view: View | None) -> str:
    """Where a model would play: its window, or the region of the profile; a warning if their sizes differ."""
    if not has_region(profile):
        return escape(view.text) if view is not None else "[b $warning]you click on it after Enter[/]"
    if view is None or region_size(profile) == view.region[2:]:
        return escape(view.text if view is not None else f"{region_text(profile)}, from its profile")
    return f"{region_text(profile)}, from its profile; [b $warning]recorded with {escape(view.text)}[/]"


def latency_text(finished: Finished) -> str:
    """The measured time of a decision against the time of a frame, as markup."""
    measured = finished.result(LatencyResult) or LatencyResult()
    p99 = finished.latency_ms.p99 if finished.latency_ms else 0.0
    budget, max_fps = measured.budget_ms, measured.fps_max
    if p99 <= budget:
        return f"[$success]✓ p99 {p99:.1f} ms of {budget:.1f} ms[/], up to {max_fps} fps here"
    return f"[$error]✗ p99 {p99:.1f} ms, but a frame has {budget:.1f} ms[/]; {max_fps} fps would fit"


def _model_note(model: ModelSummary) -> str:
    if model.problem:
        return model.problem
    f1 = f", F1 {model.f1:.2f}" if model.f1 is not None else ""
    baseline = f", no better than {model.no_better_than}" if model.no_better_than else ""
    return f"{model.game or 'made elsewhere'}, {model.fps or '?'} fps{f1}{baseline}"
