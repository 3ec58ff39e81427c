"""Home: what there is for the chosen game, and the one thing to do next."""

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.markup import escape
from textual.widgets import DataTable

from agp_tui.formatting.text import ago, length, state_text
from agp_tui.games.ids import is_atari
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.widgets.row_widget import ChangeOnlyStatic

if TYPE_CHECKING:
    from agp_tui.ui.client.catalog import Catalog, FindingItem, ModelItem, RunItem

RECENT_RUNS = 8

HELP = """
# Home

The four boxes are the way from watching you to playing by itself: **recordings** are what you (or an
expert) played, **training** learns from them, **models** are what came of it, **play** lets one take
the keyboard. Below them stands the one thing to do next for the chosen game.

| Key | What it does |
|---|---|
| `enter` | do what is suggested |
| `d` | the demo: the whole way on Atari Pong, from nothing, in about eight minutes |
| `g` | choose another game, or name a new one |
| arrows, `enter` in the table | look at a run |
"""


class HomeScreen(AppScreen):
    """The pipeline of the chosen game, runs, and what of this machine is in the way."""

    MODE = "home"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "suggested", "Do it", id="home.suggested"),
        Binding("d", "demo", "Demo", id="home.demo"),
    ]

    _finished = False
    """Whether all of it is on the screen."""

    def body(self) -> ComposeResult:
        with Grid(id="pipeline"):
            for name, key in (("recordings", "2"), ("training", "4"), ("models", "5"), ("play", "5")):
                yield PipelineBox(name, key)
        yield ChangeOnlyStatic(id="next")
        yield Horizontal(id="below")

    def on_mount(self) -> None:
        # The boxes are there at once; what needs longer to be drawn follows.
        self.call_after_refresh(self._finish)

    async def _finish(self) -> None:
        table: DataTable[str] = DataTable(id="recent", cursor_type="row", zebra_stripes=True)
        runs, found = (
            Vertical(table, id="runs-pane"),
            Vertical(ChangeOnlyStatic(id="findings"), id="findings-pane"),
        )
        for pane, title in ((runs, "Runs"), (found, "This machine")):
            pane.add_class("pane")
            pane.border_title = title
        await self.query_one("#below").mount(runs, found)
        table.add_columns("run", "game", "state", "when")
        self._finished = True
        self.changed("")
        if self.focused is None:
            table.focus()

    def changed(self, what: str) -> None:
        """Draw what is known anew."""
        if not self._finished:
            return
        catalog, game = self.agp.catalog, self.agp.game
        boxes = box_texts(catalog, game)
        for box in self.query(PipelineBox):
            box.set_markup(boxes[box.name or ""])
        self.query_one("#next", ChangeOnlyStatic).set_markup(next_step(catalog, game).text)
        if what in ("", "runs"):
            self._fill_runs(catalog.runs[:RECENT_RUNS])
        if what in ("", "findings"):
            self.query_one("#findings", ChangeOnlyStatic).set_markup(findings_text(catalog.findings))

    def _fill_runs(self, runs: "tuple[RunItem, ...]") -> None:
        table = self.query_one("#recent", DataTable)
        rows = [(run.job, run.game or "-", state_text(run.state), ago(run.created)) for run in runs]
        if rows != [tuple(table.get_row_at(index)) for index in range(table.row_count)]:
            cursor = table.cursor_row
            table.clear()
            for run, row in zip(runs, rows, strict=True):
                table.add_row(*row, key=run.id)
            table.move_cursor(row=min(cursor, max(0, len(rows) - 1)))

    async def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Look at the run."""
        if selected.row_key.value:
            await self.agp.show_run(selected.row_key.value)

    def action_demo(self) -> None:
        """The whole way, from nothing."""
        self.agp.start_run("demo")
        self.notify("The demo begins; it takes about eight minutes.")

    async def action_suggested(self) -> None:
        """Go where the suggestion is."""
        await self.agp.action_go(next_step(self.agp.catalog, self.agp.game).mode)


class PipelineBox(ChangeOnlyStatic):
    """One of the four."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__("[dim]looking …[/]", name=name, classes="box")
        self._key = key

    def on_mount(self) -> None:
        self.border_title = f"{(self.name or '').capitalize()}"
        self.border_subtitle = f"key {self._key}"

    async def on_click(self) -> None:
        """Go to its screen."""
        mode = {"recordings": "library", "training": "train", "models": "play", "play": "play"}
        await self.app.run_action(f"app.go('{mode[self.name or '']}')")


class NextStep:
    """What to do next: a sentence and the screen for it."""

    def __init__(self, mode: str, text: str) -> None:
        self.mode = mode
        self.text = f"[b $accent]▶ Next:[/] {text}"


def next_step(catalog: "Catalog", game: str) -> NextStep:
    """The one next step for a game."""
    if catalog.recordings is None or catalog.models is None:
        return NextStep("home", "looking at what there is …")
    running = [run for run in catalog.runs if run.state == "running" and run.game in ("", game)]
    if running:
        return NextStep("runs", f"{running[0].job} is running; press [b]7[/] to watch it.")
    usable = [one for one in catalog.recordings_of(game) if one.frames]
    models = _whole_models(catalog, game)
    if not usable and not models:
        who = "watch an expert play" if is_atari(game) else "play it while it is recorded"
        return NextStep("record", f"press [b]2[/] and {who}; or [b]d[/] for a demo of everything.")
    if not models:
        seconds = sum(one.seconds for one in usable)
        return NextStep("train", f"press [b]4[/] to learn from {length(seconds)} of {escape(game)}.")
    newest = max((one.stamp for one in usable), default="")
    made = time.strftime("%Y%m%d-%H%M%S", time.localtime(models[0].created)) if models[0].created else ""
    if newest > made:
        return NextStep("train", "there are newer recordings than models: press [b]4[/] to train again.")
    return NextStep("play", f"press [b]5[/] to let [b]{escape(models[0].name)}[/] play.")


def _whole_models(catalog: "Catalog", game: str) -> "list[ModelItem]":
    """The models that can play, newest first."""
    return [one for one in catalog.models_of(game) if not one.problem]


def box_texts(catalog: "Catalog", game: str) -> dict[str, str]:
    """The text of each box."""
    if catalog.recordings is None or catalog.models is None:
        return dict.fromkeys(("recordings", "training", "models", "play"), "[dim]looking …[/]")
    recordings, models = catalog.recordings_of(game), _whole_models(catalog, game)
    trainings = [run for run in catalog.runs if run.job in ("train", "practice") and run.game == game]
    seconds, size = sum(one.seconds for one in recordings), sum(one.bytes for one in recordings)
    texts = {
        "recordings": f"[b]{len(recordings)}[/] of this game\n{length(seconds)}, {size / 1e6:.0f} MB",
        "training": "[dim]none yet[/]",
        "models": "[dim]none yet[/]",
        "play": "[dim]needs a model[/]",
    }
    if not recordings:
        texts["recordings"] = "[dim]none yet[/]"
    if trainings:
        texts["training"] = f"[b]{len(trainings)}[/] runs\nlast {state_text(trainings[0].state)}"
    if models:
        newest = models[0]
        f1 = f", F1 {newest.f1:.2f}" if newest.f1 is not None else ""
        texts["models"] = f"[b]{len(models)}[/]\n{escape(newest.name)}{f1}"
        texts["play"] = f"ready\n{newest.fps or '?'} decisions/s"
    return texts


def findings_text(found: "tuple[FindingItem, ...] | None") -> str:
    """What hinders, with its cure; one line where nothing does."""
    if found is None:
        return "[dim]looking …[/]"
    bad = [one for one in found if one.ok is False]
    if not bad:
        return "[$success]✓[/] nothing is in the way; key 7, then Doctor, shows everything"
    return "\n".join(
        f"[$error]✗ {escape(one.name)}[/]: {escape(one.found)}\n  [dim]{escape(one.cure)}[/]" for one in bad
    )
