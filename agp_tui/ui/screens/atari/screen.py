"""Atari: choose a game, watch it, train an agent on it from pixels, see how good it becomes."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import var

from agp_tui.engine.launcher import last_words
from agp_tui.engine.runs import Run
from agp_tui.games.ids import is_atari
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import Failed, Finished
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.components.player_choices import choices, is_resumable, trainings
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.screens.atari.compare import AtariCompare
from agp_tui.ui.screens.atari.form import AtariForm
from agp_tui.ui.screens.atari.games import AtariGames
from agp_tui.ui.screens.atari.watch import CHANCE, AtariWatch, players
from agp_tui.ui.screens.run_screen import RunScreen

HELP = """
# Atari

Games can be watched and recorded, and an **agent** can learn a game from its pixels: choose a game, edit the
form, press `t`. A training is detached: it continues when this terminal closes. **Training scores** include
random actions; the **evaluation** plays whole games apart from the training and shows the 95 % interval of
the mean.

| Key | What it does |
|---|---|
| `enter` | in the list: choose the game; in the form: train |
| `t` | train an agent on the chosen game |
| `m` | switch between Monte Carlo and the default algorithm |
| `s` | stop the training (its checkpoint is saved) or the watched game |
| `r` | resume a training that was stopped, failed or died |
| `f`, `c` | follow a training; compare all trainings, `enter` shows one |
| `escape` | back; a training continues |
| `w`, `b` | watch the expert (or random play); choose the player, agents included |
| `/`, `o` | find a game by a part of its name; sort by another column |
"""


def what_to_do(*, is_resumable: bool) -> Text:
    """After a failure."""
    parts: list[str | tuple[str, str]] = []
    if is_resumable:
        parts = [("r", "bold"), " goes on from its last checkpoint, "]
    return Text.assemble(
        "Press: ", *parts, ("enter", "bold"), " for the form, ", ("7", "bold"), " for all runs."
    )


class AtariScreen(RunScreen):
    """Shows one of: games and form, a watched game, a training, the comparison of all trainings."""

    MODE = "atari"
    VIEW = "atari-run"
    FOCUS = ".agent-scores"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/run_view/view.tcss", "../../components/live_view.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "again", "New training", id="atari.again"),
        Binding("t", "train", "Train", id="atari.train"),
        Binding("m", "monte_carlo", "Monte Carlo", id="atari.monte_carlo"),
        Binding("w", "watch", "Watch", id="atari.watch"),
        Binding("b", "watch_by", "Watch whom", id="atari.watch_by", show=False),
        Binding("s", "stop", "Stop", id="atari.stop"),
        Binding("r", "resume", "Resume", id="atari.resume"),
        Binding("f", "follow_run", "Follow", id="atari.follow", show=False),
        Binding("c", "compare", "Compare", id="atari.compare"),
        Binding("slash", "find", "Find", id="atari.find", show=False),
        Binding("o", "sort", "Sort", id="atari.sort", show=False),
        Binding("escape", "back", "Back", id="atari.back"),
    ]

    comparing: var[bool] = var[bool](False, init=False, bindings=True)

    def body(self) -> ComposeResult:
        with Horizontal(id="atari"):
            yield AtariGames()
            yield AtariForm(self.agp.loaded)
            yield AtariWatch()
        yield AtariCompare()
        yield RunView("", id="atari-run")

    def on_mount(self) -> None:
        self.query_one(AtariGames).enter()
        self.watch(self.query_one(AtariWatch), "playing", self.refresh_bindings)

    def changed(self, what: str) -> None:
        """Update after a change of the games, the catalog, the runs or the settings."""
        if what in ("", "games", "recordings", "models", "runs"):
            self.query_one(AtariGames).update_data(self.agp.catalog)
        if what in ("", "game"):
            self.query_one(AtariForm).set_game(self.agp.game)
        if what in ("", "runs"):
            self._follow_newest()
            if self.comparing:
                self.query_one(AtariCompare).look_if_new(self.agp.catalog.runs)
        if what == "settings":
            self.query_one(AtariForm).reload(self.agp.loaded)
        self.refresh_footer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible now."""
        if not self.is_mounted:
            return True
        watched, over = self.followed_run is not None, self.end is not None
        setup = not (watched or self.comparing or self.watching)
        games = self.query_one(AtariGames)
        possible = {
            "again": watched and over,
            "train": setup and is_atari(self.agp.game),
            "monte_carlo": setup,
            "watch": setup,
            "watch_by": setup,
            "find": setup,
            "sort": setup or self.comparing,
            "stop": self.watching or (watched and not over),
            "resume": (over or setup) and self._resumable() is not None,
            "follow_run": setup and bool(self._trainings()),
            "compare": not self.watching and bool(self._trainings()),
            "back": not setup or self.has_class("-seeing") or games.finding,
        }
        return possible.get(action, True)

    # --- games -----------------------------------------------------------------------------------

    def on_atari_games_chosen(self, chosen: AtariGames.Chosen) -> None:
        """Choose the game; every screen then works on it."""
        self.agp.game = chosen.game
        self.query_one(AtariForm).focus_first()
        self.notify(
            "Enter trains an agent on it. Press 2 to record it, 4 to clone, 5 to play.", title=chosen.game
        )

    def on_settings_form_left(self) -> None:
        """Focus the table."""
        self.query_one(AtariGames).enter()

    def action_find(self) -> None:
        """Show the filter box."""
        self.query_one(AtariGames).find()

    def action_sort(self) -> None:
        """Sort by the next column."""
        (self.query_one(AtariCompare) if self.comparing else self.query_one(AtariGames)).sort()

    def action_monte_carlo(self) -> None:
        """Switch between Monte Carlo and the default algorithm."""
        form = self.query_one(AtariForm)
        form.toggle_monte_carlo()
        self.notify(f"The algorithm is {form.algorithm}.", timeout=3)

    def _in_form(self) -> bool:
        focused = self.focused
        return focused is not None and self.query_one(AtariForm) in focused.ancestors

    # --- a training ------------------------------------------------------------------------------

    def action_train(self) -> None:
        """Train an agent with the settings of the form, or watch the agent that it names."""
        form = self.query_one(AtariForm)
        if not is_atari(self.agp.game):
            form.show_error("Choose a game in the list first: enter takes the one under the cursor.")
        elif agent := form.agent_to_watch:
            self._watch_somebody(f"{agent} plays", "train", *form.flags())
        else:
            self.start_job("atari", "train", *form.flags(), form=form)

    def action_again(self) -> None:
        """Return to the form for another training."""
        self.action_back()

    def follow(self, run: Run) -> None:
        """Show a training instead of the table of all."""
        self._compare(False)
        super().follow(run)

    def run_ended(self, run: Run, end: Finished | Failed) -> None:
        """After a failure, show the last line of its log and what to do."""
        if isinstance(end, Failed) and end.exit_code != 130:
            said = last_words(run)
            if said not in end.error:
                self.run_view.add_line(Text(f"Last output: {said}", style="yellow"))
            self.run_view.add_line(what_to_do(is_resumable=self._resumable() is not None))

    def _trainings(self) -> list[RunItem]:
        """All trainings, newest first."""
        return trainings(self.agp.catalog.runs)

    def _follow_newest(self) -> None:
        """Follow a running training, also of another process."""
        alive = next((one for one in self._trainings() if one.state == "running"), None)
        busy = self.followed_run is not None or self.watching or self.comparing or self._in_form()
        if alive is not None and not busy and alive.id != self.left_run_id:
            self.follow(self.run_named(alive.id))

    def action_follow_run(self) -> None:
        """Show one of the trainings."""
        found = self._trainings()
        if len(found) == 1:
            self.follow(self.run_named(found[0].id))
        else:
            self.app.push_screen(Choose("Which training?", choices(found)), self._follow_chosen)

    def _follow_chosen(self, run: str | None) -> None:
        if run is not None:
            self.follow(self.run_named(run))

    def _resumable(self) -> Run | None:
        """The training that can be resumed: the one shown, else the newest of this game."""
        run = self.followed_run
        if run is None and (newest := trainings(self.agp.catalog.runs, self.agp.game)):
            run = self.run_named(newest[0].id)
        return run if run is not None and is_resumable(run) else None

    def action_resume(self) -> None:
        """Resume the training."""
        if (run := self._resumable()) is not None:
            self.start_job("atari", "train", "--resume", run.id, form=self.query_one(AtariForm))

    # --- all trainings ---------------------------------------------------------------------------

    def action_compare(self) -> None:
        """Show or hide the table of all trainings."""
        if self.comparing:
            self.action_back()
            return
        self.leave_run()
        self._compare(True)
        self.query_one(AtariCompare).look_if_new(self.agp.catalog.runs)
        self.query_one(AtariCompare).enter()

    def on_atari_compare_opened(self, opened: AtariCompare.Opened) -> None:
        """Follow the training that was opened in the table."""
        self.follow(self.run_named(opened.run))

    def _compare(self, shown: bool) -> None:
        self.comparing = shown
        self.set_class(shown, "-comparing")

    # --- watching a player -----------------------------------------------------------------------

    @property
    def watching(self) -> bool:
        """Whether a game is being watched."""
        return self.query_one(AtariWatch).playing

    def action_watch(self) -> None:
        """Watch the expert, or random play if the game has none."""
        if (game := self.query_one(AtariGames).under_cursor) is not None:
            self._watch_game(game.id, "expert" if game.expert else CHANCE)

    def action_watch_by(self) -> None:
        """Choose a player and watch it."""
        if (game := self.query_one(AtariGames).under_cursor) is not None:
            ask = Choose(f"Who plays {game.id}?", players(game.id, self.agp.catalog))
            self.app.push_screen(ask, lambda by: self._watch_game(game.id, by))

    def _watch_game(self, game: str, by: str | None) -> None:
        if by is not None:
            self._watch_somebody(f"{by} plays {game}", "watch", game, "--by", by)

    def _watch_somebody(self, who: str, *words: str) -> None:
        self.add_class("-seeing")
        self.query_one(AtariWatch).play(who, "atari", *words)

    def on_screen_suspend(self) -> None:
        """Stop the watched game when the screen is left, so that another live job can start."""
        if self.watching and self.app.current_mode != self.MODE:
            self.agp.send_live(Stop())

    # --- stop, and back --------------------------------------------------------------------------

    def action_stop(self) -> None:
        """Stop the watched game or the training; the training saves a checkpoint."""
        if self.watching:
            self.agp.send_live(Stop())
        else:
            super().action_stop()

    def action_back(self) -> None:
        """Return to the table of games."""
        games = self.query_one(AtariGames)
        if games.finding:
            games.close_box()
            return
        if self.watching:
            self.agp.send_live(Stop())
        self.leave_run()
        self._compare(False)
        self.remove_class("-seeing")
        games.enter()

    def copy_text(self) -> str:
        """The training's folder, or the id of the game under the cursor."""
        if self.followed_run is not None:
            return super().copy_text()
        if self.comparing and (run := self.query_one(AtariCompare).run) is not None:
            return str(self.run_named(run).path)
        game = self.query_one(AtariGames).under_cursor
        return game.id if game is not None else ""
