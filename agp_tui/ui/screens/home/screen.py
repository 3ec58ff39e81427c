"""Home screen: the pipeline of the chosen game, the next step, runs and findings about the machine."""

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.markup import escape
from textual.widgets import DataTable

from agp_tui.formatting.text import age_text, duration_text, state_text
from agp_tui.games.ids import is_atari
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.widgets.row_widget import ChangeOnlyStatic

if TYPE_CHECKING:
    from agp_tui.protocol.summaries import Finding, ModelSummary
    from agp_tui.ui.client.catalog import Catalog, RunItem

RECENT_RUNS = 8

HELP = """
# Home

The four boxes are the steps of imitation learning: **recordings** of your (or an expert's) play, **training**
on them, the resulting **models**, and **play**, which lets a model press the keys. Below them is the next
step for the chosen game.

| Key | What it does |
|---|---|
| `enter` | do the next step |
| `d` | the demo: all steps on Atari Pong in about eight minutes |
| `g` | choose another game, or name a new one |
| arrows, `enter` in the table | open a run |
"""


class HomeScreen(AppScreen):
    """The pipeline of the chosen game, its runs, and problems of this machine."""

    MODE = "home"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "suggested", "Do it", id="home.suggested"),
        Binding("d", "demo", "Demo", id="home.demo"),
    ]

    _complete = False
    """Whether all widgets are mounted."""

    def body(self) -> ComposeResult:
        with Grid(id="pipeline"):
            for name, key in (("recordings", "2"), ("training", "4"), ("models", "5"), ("play", "5")):
                yield PipelineBox(name, key)
        yield ChangeOnlyStatic(id="next")
        yield Horizontal(id="below")

    def on_mount(self) -> None:
        # The boxes appear at once; widgets that take longer to draw follow.
        self.call_after_refresh(self._mount_rest)

    async def _mount_rest(self) -> None:
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
        self._complete = True
        self.changed("")
        if self.focused is None:
            table.focus()

    def changed(self, what: str) -> None:
        """Show what the catalog knows."""
        if not self._complete:
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
        rows = [(run.job, run.game or "-", state_text(run.state), age_text(run.created)) for run in runs]
        if rows != [tuple(table.get_row_at(index)) for index in range(table.row_count)]:
            cursor = table.cursor_row
            table.clear()
            for run, row in zip(runs, rows, strict=True):
                table.add_row(*row, key=run.id)
            table.move_cursor(row=min(cursor, max(0, len(rows) - 1)))

    async def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Open the run."""
        if selected.row_key.value:
            await self.agp.show_run(selected.row_key.value)

    def action_demo(self) -> None:
        """Start the demo."""
        self.agp.start_run("demo")
        self.notify("The demo has started; it takes about eight minutes.")

    async def action_suggested(self) -> None:
        """Open the screen of the next step."""
        await self.agp.action_go(next_step(self.agp.catalog, self.agp.game).mode)


class PipelineBox(ChangeOnlyStatic):
    """One step of the pipeline: recordings, training, models or play."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__("[dim]loading …[/]", name=name, classes="box")
        self._key = key

    def on_mount(self) -> None:
        self.border_title = f"{(self.name or '').capitalize()}"
        self.border_subtitle = f"key {self._key}"

    async def on_click(self) -> None:
        """Open the step's screen."""
        mode = {"recordings": "library", "training": "train", "models": "play", "play": "play"}
        await self.app.run_action(f"app.go('{mode[self.name or '']}')")


class NextStep:
    """What to do next: a sentence, and the mode (screen) for it."""

    def __init__(self, mode: str, text: str) -> None:
        self.mode = mode
        self.text = f"[b $accent]▶ Next:[/] {text}"


def next_step(catalog: "Catalog", game: str) -> NextStep:
    """The next step for a game."""
    if catalog.recordings is None or catalog.models is None:
        return NextStep("home", "loading …")
    running = [run for run in catalog.runs if run.state == "running" and run.game in ("", game)]
    if running:
        return NextStep("runs", f"{running[0].job} is running; press [b]7[/] to watch it.")
    usable = [one for one in catalog.recordings_of(game) if one.frames]
    models = _usable_models(catalog, game)
    if not usable and not models:
        how = "record an expert" if is_atari(game) else "record yourself playing"
        return NextStep("record", f"press [b]2[/] and {how}; or [b]d[/] for the demo.")
    if not models:
        seconds = sum(one.seconds for one in usable)
        return NextStep("train", f"press [b]4[/] to train on {duration_text(seconds)} of {escape(game)}.")
    newest = max((one.stamp for one in usable), default="")
    made = time.strftime("%Y%m%d-%H%M%S", time.localtime(models[0].created)) if models[0].created else ""
    if newest > made:
        return NextStep("train", "there are recordings newer than the models: press [b]4[/] to train again.")
    return NextStep("play", f"press [b]5[/] to let [b]{escape(models[0].name)}[/] play.")


def _usable_models(catalog: "Catalog", game: str) -> "list[ModelSummary]":
    """The models without problems, newest first."""
    return [one for one in catalog.models_of(game) if not one.problem]


def box_texts(catalog: "Catalog", game: str) -> dict[str, str]:
    """The text of each box."""
    if catalog.recordings is None or catalog.models is None:
        return dict.fromkeys(("recordings", "training", "models", "play"), "[dim]loading …[/]")
    recordings, models = catalog.recordings_of(game), _usable_models(catalog, game)
    trainings = [run for run in catalog.runs if run.job in ("train", "practice") and run.game == game]
    seconds, size = sum(one.seconds for one in recordings), sum(one.bytes for one in recordings)
    texts = {
        "recordings": f"[b]{len(recordings)}[/] of this game\n{duration_text(seconds)}, {size / 1e6:.0f} MB",
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


def findings_text(found: "tuple[Finding, ...] | None") -> str:
    """The problems of this machine with their hints, or one line if there are none."""
    if found is None:
        return "[dim]loading …[/]"
    bad = [one for one in found if one.ok is False]
    if not bad:
        return "[$success]✓[/] no problems found; key 7, then Doctor, shows all checks"
    return "\n".join(
        f"[$error]✗ {escape(one.name)}[/]: {escape(one.found)}\n  [dim]{escape(one.cure)}[/]" for one in bad
    )
