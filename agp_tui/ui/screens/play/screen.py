"""Play: a model takes the keyboard; what it sees, thinks and presses, and whether it is in time."""

from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.markup import escape
from textual.reactive import var
from textual.widgets import RichLog, Static

from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.protocol.commands import Pause, Resume, Stop
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Live, Started
from agp_tui.ui.client.catalog import ModelItem
from agp_tui.ui.client.process import ask
from agp_tui.ui.components.run_view.result import told
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.screens.base import AppScreen

HELP = """
# Play

A model looks at the game and presses its keys. Before it starts, **preflight** measures whether this
machine decides within the time of a frame; *dry run* decides and shows but presses nothing.

On a screen the keys go to the window that has the focus there, so put the focus on the game. **F12 on
the game's keyboard** stops the player and releases every key, and so does F12 here.

Touch one of the game's keys on its keyboard (of an Atari game: here) and **you drive**: the model lets go
of everything. Leave the keys alone for a second and it drives again. What you showed it is recorded, as a
recording like any other.

| Key | What it does |
|---|---|
| `m` | choose the model |
| `t` | dry run on or off |
| `enter` | start |
| `p` | pause: every key is released; again: go on |
| `s` or `escape` | stop |
| `l` | afterwards: learn from what you showed it; the better one of before and after is kept first |
| `f12` | panic: release everything, stop at once |
| `y` | copy the model's path |

A bar is the probability of a key, the mark │ on it the threshold from which it is pressed, ● a key
that is held now. Latency is told by stage: filled to p50, marks at p95 and p99, ┃ is the budget.
"""

EMPTY = "No model of {game} yet. Press [b]4[/] to train one, [b]g[/] for another game."


class PlayScreen(AppScreen):
    """Choose a model, look at the preflight, start, watch."""

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
    model: var[ModelItem | None] = var[ModelItem | None](None, init=False, bindings=True)
    preflight: var[str] = var[str]("", init=False)
    taught: var[str] = var[str]("", init=False, bindings=True)
    """The model that was shown something in the last play; empty where nothing was shown."""

    def body(self) -> ComposeResult:
        yield Static(id="play-setup")
        yield TerminalGame("play", "Press Enter to let the model play.")
        yield RichLog(id="play-log", wrap=True, markup=False, min_width=40)

    def on_mount(self) -> None:
        self.query_one("#play-log").can_focus = False

    def changed(self, what: str) -> None:
        """Another game, or other models."""
        if what in ("", "models", "game") and not self.playing:
            models = self.agp.catalog.models_of(self.agp.game)
            kept = [one for one in models if self.model is not None and one.path == self.model.path]
            self.model = kept[0] if kept else models[0] if models else None
        self._draw()

    # --- before it plays -----------------------------------------------------------------------------

    def watch_model(self, model: ModelItem | None) -> None:
        """Measure the model that is chosen."""
        self.preflight = ""
        if model is not None:
            self.measure(model)
        self._draw()

    def watch_preflight(self) -> None:
        self._draw()

    def watch_dry_run(self) -> None:
        self._draw()

    def watch_paused(self) -> None:
        self._draw()

    @work(exclusive=True, group="preflight")
    async def measure(self, model: ModelItem) -> None:
        """The time of a decision here, against the time of a frame."""
        self.preflight = "[dim]measuring …[/]"
        try:
            finished = await ask("models", "measure", model.path, *self.agp.words)
        except AgpError as error:
            self.preflight = f"[$error]✗ {escape(str(error))}[/]"
            return
        self.preflight = preflight_text(finished)

    def action_choose_model(self) -> None:
        """Another model, of this game or any."""
        models = self.agp.catalog.models or ()
        choices = [Choice(one.path, _model_note(one), one.name) for one in models]
        self.app.push_screen(Choose("Which model?", choices), self._chosen)

    def _chosen(self, path: str | None) -> None:
        for one in self.agp.catalog.models or ():
            if one.path == path:
                # In this order: another game takes its newest model, but for one that is its own already.
                self.model = one
                if one.game:
                    self.agp.game = one.game

    def action_dry_run(self) -> None:
        """Decide and show, press nothing; or press."""
        self.dry_run = not self.dry_run

    # --- while it plays ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action in ("start", "dry_run"):
            return self.model is not None and not self.playing
        if action == "choose_model":
            return not self.playing
        if action in ("pause", "stop"):
            return self.playing
        if action == "learn":
            return bool(self.taught) and not self.playing
        return True

    def action_start(self) -> None:
        """Let the model play."""
        if self.model is None or self.playing:
            return
        self.playing, self.paused, self.taught = True, False, ""
        words = ["play", self.model.path]
        if self.model.game is None:
            words += ["--game", self.agp.game]
        if self.dry_run:
            words.append("--dry-run")
        self.play(*words)

    @work(exclusive=True, group="play")
    async def play(self, *words: str) -> None:
        """Follow the player to its end."""
        self.query_one(TerminalGame).reset("Getting ready …")
        log = self.query_one("#play-log", RichLog)
        log.clear()
        try:
            async for event in self.agp.run_live("DRY RUN" if self.dry_run else "PLAY", *words):
                self._show(event)
        except AgpError as error:
            self.query_one(TerminalGame).reset("It did not play.")
            self.notify(str(error), severity="error", markup=False)
        finally:
            self.playing, self.paused = False, False
            for hands in self.query(TerminalGame):
                hands.end()
            # Another game may have been chosen while it played, and models may have been made.
            self.changed("game")

    def _show(self, event: AnyEvent) -> None:
        log = self.query_one("#play-log", RichLog)
        if isinstance(event, Started):
            self._hand_over()
        elif isinstance(event, Live):
            self.query_one(TerminalGame).show(event)
            self.paused = event.paused
        elif (words := told(event)) is not None:
            log.write(words)
        if isinstance(event, Finished) and event.recordings and self.model is not None:
            self.taught = self.model.path
            log.write(Text("l lets it learn from what you showed it.", style="bold"))
            self.agp.look("recordings")
        if isinstance(event, Failed):
            self.query_one(TerminalGame).reset("It did not play; the reason is below.")

    def _hand_over(self) -> None:
        """On an emulated console the terminal's keys are the game's, for a person who takes over."""
        if self.model is None or self.dry_run or not is_atari(self.model.game or self.agp.game):
            return
        hands = self.query_one(TerminalGame)
        hands.focus()
        hands.begin(self.agp.tell_live, self.agp.loaded.config.terminal, tuple(self.model.keys))

    def on_terminal_game_closed(self) -> None:
        """Enough seen."""
        self.action_stop()

    def action_learn(self) -> None:
        """Train the model on with what it was shown; it is compared with itself afterwards."""
        self.agp.start_run("train", "--from-model", self.taught, "--corrections")

    def action_pause(self) -> None:
        """Release every key and wait, or go on."""
        self.agp.tell_live(Resume() if self.paused else Pause())

    def action_stop(self) -> None:
        """Finish."""
        self.agp.tell_live(Stop())

    def worth_copying(self) -> str:
        """The model's folder."""
        return self.model.path if self.model is not None else ""

    def _draw(self) -> None:
        if not self.query("#play-setup"):
            # Not there yet, or not any more: the app is being left while a model plays.
            return
        setup = self.query_one("#play-setup", Static)
        self.query_one(TerminalGame).display = self.query_one("#play-log").display = self.model is not None
        if self.model is None:
            looking = self.agp.catalog.models is None
            text = "looking for models …" if looking else EMPTY.format(game=escape(self.agp.game))
            setup.update(Content.from_markup(text))
            return
        setup.update(Content.from_markup(self._setup_text(self.model)))

    def _setup_text(self, model: ModelItem) -> str:
        game = model.game or self.agp.game
        where = "an emulated console" if is_atari(game) else "its window on the screen"
        mode = "[b $warning]dry run[/], presses nothing" if self.dry_run else "presses keys"
        if self.playing:
            mode += "  [b $warning]paused[/]" if self.paused else "  [b $success]▶ playing[/]"
        keys = " ".join(model.keys)
        return (
            f"[b]{escape(model.name)}[/] plays [b]{escape(game)}[/] ({where}), {mode}\n"
            f"keys {escape(keys)}  {model.fps or '?'} decisions/s  {self.preflight}"
        )


def preflight_text(finished: Finished) -> str:
    """The measured time of a decision, in a few words of markup."""
    report: dict[str, Any] = finished.report or {}
    p99 = finished.latency_ms.p99 if finished.latency_ms else 0.0
    budget = report.get("budget_ms", 0.0)
    most = report.get("fps_max", 0)
    if p99 <= budget:
        return f"[$success]✓ p99 {p99:.1f} ms of {budget:.1f} ms[/], up to {most} fps here"
    return f"[$error]✗ p99 {p99:.1f} ms, but a frame has {budget:.1f} ms[/]; {most} fps would fit"


def _model_note(model: ModelItem) -> str:
    if model.problem:
        return model.problem
    f1 = f", F1 {model.f1:.2f}" if model.f1 is not None else ""
    remark = f", no better than {model.no_better_than}" if model.no_better_than else ""
    return f"{model.game or 'made elsewhere'}, {model.fps or '?'} fps{f1}{remark}"
