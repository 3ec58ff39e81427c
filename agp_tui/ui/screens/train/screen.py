"""Train screen: choose recordings, inspect them, train, and see the result."""

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.markup import escape
from textual.widgets import SelectionList, Static

from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.protocol.events import Finished
from agp_tui.protocol.results import DatasetResult, TrainingResult
from agp_tui.protocol.summaries import ModelSummary
from agp_tui.ui.client.catalog import RunItem
from agp_tui.ui.client.process import run_command
from agp_tui.ui.components.player_choices import agents, scripted
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.screens.run_screen import RunScreen
from agp_tui.ui.screens.train.data import DatasetPane, Recordings
from agp_tui.ui.screens.train.form import SPLIT_KEYS, TrainForm

HELP = """
# Train

Select the recordings to train on. The report below them shows how long each key is held, key combinations,
the validation split and warnings.

A training is detached: it continues when you leave this screen, the app or the machine. At the end the
model is evaluated on held-out frames. The likelihood of the keys on shifted ones selects the best checkpoint;
F1 does not tell how a model will play. For comparison: F1 of the *most frequent* keys, and of the true keys
of the frame before (*previous*), which a player does not know.

| Key | What it does |
|---|---|
| `space`, `a` | choose a recording; all or none |
| `tab` | to the form: size, minutes, epochs, segment, name |
| `n` | name the model |
| `enter` | start; afterwards: a new training |
| `s` | stop; the checkpoint is saved |
| `r` | resume a training that was stopped, failed or died |
| `p` | practice: a model plays, the expert or a trained agent corrects it (Atari games) |
| `escape` | back to the form; the training continues |
| `w` | watch the training that goes on |
| `i` | after a training: pictures of the situations that are rare in its recordings; `enter` replays one |
| `c` | after a training: what twice as many minutes would bring (six short trainings) |
| `y` | copy the run's folder |
"""

EMPTY = "No recordings of [b]{game}[/] yet. Press [b]2[/] to make one, [b]g[/] for another game."


JOBS = ("train", "practice", "diagnose")
CHECKPOINT = "last.pt"
LOOK_AFTER_SECONDS = 0.4
"""Delay of the report, so that several quick changes give one report."""


class TrainScreen(RunScreen):
    """Shows the recordings and the form, or the followed run."""

    MODE = "train"
    VIEW = "train-view"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/run_view/view.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = "#train-recordings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Train", id="train.enter"),
        Binding("n", "name_it", "Name", id="train.name"),
        Binding("s", "stop", "Stop", id="train.stop"),
        Binding("r", "resume", "Resume", id="train.resume"),
        Binding("p", "practise", "Practice", id="train.practice"),
        Binding("w", "watch", "Watch", id="train.watch"),
        Binding("i", "situations", "Rare situations", id="train.situations"),
        Binding("c", "learning_curve", "Learning curve", id="train.learning_curve"),
        Binding("escape", "back", "Back", id="train.back"),
    ]

    _looked: tuple[str, ...] | None = None
    """The flags of the last report."""

    def body(self) -> ComposeResult:
        with Vertical(id="train-setup"):
            yield Static(id="train-empty")
            with Horizontal(id="train-top"):
                yield Recordings()
                yield TrainForm(self.agp.loaded)
            yield DatasetPane()
        yield RunView("", id="train-view")

    def changed(self, what: str) -> None:
        """Update after a change of the game, the recordings, the runs or the settings."""
        if what in ("", "game"):
            self.leave_run()
            self.left_run_id = ""
            self._looked = None
        if what in ("", "game", "recordings"):
            self._feed()
        if what in ("", "game", "runs"):
            self._follow_newest()
        if what == "settings":
            self.query_one(TrainForm).reload(self.agp.loaded)
        self.refresh_footer()

    # --- the form --------------------------------------------------------------------------------

    def _feed(self) -> None:
        items = self.agp.catalog.recordings_of(self.agp.game)
        self.query_one(Recordings).update_data(items)
        setup = self.query_one("#train-setup")
        setup.set_class(not items, "-empty")
        looking = self.agp.catalog.recordings is None
        text = "looking for recordings …" if looking else EMPTY.format(game=escape(self.agp.game))
        self.query_one("#train-empty", Static).update(Content.from_markup(text))
        if items:
            self.look_at_data()

    def on_selection_list_selected_changed(self, changed: SelectionList.SelectedChanged[str]) -> None:
        """Update the report after a change of the selection."""
        self.query_one(Recordings).show_selection()
        self.look_at_data()

    def on_train_form_split_changed(self) -> None:
        """Update the report after a change of the split."""
        self.look_at_data()

    def on_settings_form_left(self) -> None:
        """Focus the recordings."""
        self.query_one(Recordings).focus()

    def _words(self) -> tuple[str, ...]:
        return ("--game", self.agp.game, *self.query_one(Recordings).flags())

    @work(exclusive=True, group="look at data")
    async def look_at_data(self) -> None:
        """Show the report on the selected recordings."""
        look = self.query_one(DatasetPane)
        await asyncio.sleep(LOOK_AFTER_SECONDS)
        if not self.query_one(Recordings).selected:
            self._looked = None
            look.clear("[$warning]No recording is chosen: [b]space[/] chooses one, [b]a[/] all.[/]")
            return
        words = (*self._words(), *self.query_one(TrainForm).flags(SPLIT_KEYS))
        if words == self._looked:
            return
        try:
            answer = await run_command("train", "--look", *words, *self.agp.global_flags)
        except AgpError as error:
            self._looked = None
            look.clear(f"[$error]{escape(str(error))}[/]")
            return
        self._looked = words
        look.show(answer.result(DatasetResult) or DatasetResult())

    def action_name_it(self) -> None:
        """Focus the name of the model."""
        self.query_one(TrainForm).field("name").focus()

    async def action_start(self) -> None:
        """Start a training, or return to the form if one has ended."""
        if self.followed_run is not None:
            await self.action_back()
        elif not self.query_one(Recordings).selected:
            self.notify("No recording is chosen. Space chooses one, a all of them.", severity="warning")
        else:
            form = self.query_one(TrainForm)
            self.start_job("train", *self._words(), *form.flags(), form=form)

    # --- runs ------------------------------------------------------------------------------------

    def _mine(self) -> list[RunItem]:
        """This game's trainings, practices and diagnoses, newest first."""
        return [one for one in self.agp.catalog.runs if one.job in JOBS and one.game == self.agp.game]

    def _alive(self) -> RunItem | None:
        return next((one for one in self._mine() if one.state == "running"), None)

    def _follow_newest(self) -> None:
        """Follow a running training, also of another process."""
        found = self._alive()
        if self.followed_run is None and found is not None and found.id != self.left_run_id:
            self.follow(self.run_named(found.id))

    async def action_back(self) -> None:
        """Return from the rare situations to the log, else to the form; the training continues."""
        if self.diagnosis_shown:
            await self.action_situations()
        elif self.followed_run is not None:
            self.leave_run()
            self.query_one(Recordings).focus()

    def action_watch(self) -> None:
        """Follow the running training."""
        if (found := self._alive()) is not None:
            self.follow(self.run_named(found.id))

    def _resumable(self) -> Run | None:
        """The training that can be resumed: the one shown, else the newest of this game."""
        if self.followed_run is not None:
            run, job = self.followed_run, self.followed_run.job
        else:
            newest = next((one for one in self._mine() if one.job == "train"), None)
            if newest is None:
                return None
            run, job = self.run_named(newest.id), newest.job
        if job != "train" or run.alive() or not (run.checkpoints / CHECKPOINT).is_file():
            return None
        last = run.last_event()
        if isinstance(last, Finished):
            training = last.result(TrainingResult)
            return run if training is not None and training.stopped else None
        return run

    def action_resume(self) -> None:
        """Resume the training."""
        if (run := self._resumable()) is not None:
            form = self.query_one(TrainForm)
            self.start_job("train", "--game", self.agp.game, "--resume", run.id, form=form)

    # --- practice --------------------------------------------------------------------------------

    def _teachers(self) -> list[Choice]:
        """The teachers of this game: its expert, and agents trained on it."""
        game, catalog = self.agp.game, self.agp.catalog
        if not is_atari(game) or catalog.games is None:
            return []
        return [*scripted(game, catalog), *agents(game, catalog)]

    def _usable_models(self) -> list[ModelSummary]:
        """The undamaged models of this game, newest first."""
        return [one for one in self.agp.catalog.models_of(self.agp.game) if not one.problem]

    @work(exclusive=True, group="practice")
    async def action_practise(self) -> None:
        """Start a practice; dialogs ask for the model and the teacher if there are several."""
        usable = self._usable_models()
        notes = [f"F1 {one.f1:.2f}" if one.f1 is not None else "" for one in usable]
        choices = [Choice(one.path, note, one.name) for one, note in zip(usable, notes, strict=True)]
        model = await self._one_of("Which model practises?", choices)
        if model is None:
            return
        teacher = await self._one_of("Who teaches it?", self._teachers())
        if teacher is not None:
            self.start_job("practice", model, "--teacher", teacher)

    async def _one_of(self, question: str, choices: list[Choice]) -> str | None:
        """The only choice, or the one chosen in a dialog; None if cancelled."""
        if len(choices) == 1:
            return choices[0].value
        return await self.app.push_screen_wait(Choose(question, choices))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible now."""
        if not self.is_mounted:
            return True
        watching, over = self.followed_run is not None, self.end is not None
        possible = {
            "start": over if watching else bool(self.query_one(Recordings).usable),
            "name_it": not watching and bool(self.query_one(Recordings).usable),
            "stop": watching and not over,
            "resume": (over or not watching) and self._resumable() is not None,
            "practise": (over or not watching) and bool(self._teachers() and self._usable_models()),
            "watch": not watching and self._alive() is not None,
            "situations": self.has_diagnosis,
            "learning_curve": bool(self.diagnosable_model),
            "back": watching,
        }
        return possible.get(action, True)
