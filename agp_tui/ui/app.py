"""The app: for now one screen on which the demo runs live.

A client of the engine: it starts the run as a process of its own and follows its events. Closing
the app leaves the run going.
"""

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Footer, Header, ProgressBar, Static
from textual.worker import get_current_worker

from agp_tui.config import Output
from agp_tui.config_file import load_config
from agp_tui.engine.client import launch
from agp_tui.engine.events import AnyEvent, Failed, Finished, Live, Note, Progress, Stage, Table
from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError
from agp_tui.ui.tables import drawn

BAR = 24
"""Width of a key's bar, in cells."""


class DemoApp(App[None]):
    """Starts the demo on a key and shows its stages, tables and live play."""

    TITLE = "agp-tui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "demo", "Run the demo"),
        Binding("s", "stop", "Stop it"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._loaded = load_config(output.config)
        self._followed: Run | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        with Vertical():
            yield Static("Press [b]d[/b]: an expert plays Atari Pong, a model learns from it.", id="stage")
            yield ProgressBar(id="progress", show_eta=True)
            yield Static(id="live")
            yield VerticalScroll(id="log")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False
        running = [run for run in Run.all(self._loaded.folder("runs")) if run.job == "demo" and run.alive()]
        if running:
            self._followed = running[-1]
            self.follow(running[-1])

    def action_demo(self) -> None:
        """Start the demo, unless one runs."""
        if self._followed is None:
            self.start()

    def action_stop(self) -> None:
        """Ask the demo to end."""
        if self._followed is not None and self._followed.alive():
            self._followed.stop()
            self.notify("The demo is asked to stop.")

    @work(thread=True)
    def start(self) -> None:
        """Make a run, start its process, follow it."""
        from agp_tui.jobs.requests import DemoAsked, as_request

        loaded = self._loaded
        asked = DemoAsked(
            settings=loaded.config.demo,
            recordings=loaded.folder("recordings"),
            models=loaded.folder("models"),
        )
        try:
            run = Run.create(loaded.folder("runs"), "demo", as_request(asked))
            launch(run)
        except AgpError as error:
            self.call_from_thread(self.notify, str(error), severity="error")
            return
        self._followed = run
        self.call_from_thread(self.follow, run)

    @work(thread=True)
    def follow(self, run: Run) -> None:
        """Show what a run tells, until it ends or the app does."""
        worker = get_current_worker()
        for event in run.follow():
            if worker.is_cancelled:
                return
            if event is not None:
                self.call_from_thread(self.show, event)
        self._followed = None

    def show(self, event: AnyEvent) -> None:
        """One event on the screen."""
        stage, progress, live = (
            self.query_one("#stage", Static),
            self.query_one(ProgressBar),
            self.query_one("#live", Static),
        )
        match event:
            case Stage():
                stage.update(f"[b]{event.number} of {event.of}[/b]  {event.name}")
                progress.display = False
            case Progress():
                progress.display = True
                progress.update(total=event.total, progress=event.done)
            case Live():
                live.update(bars(event))
            case Table():
                self._write(drawn(event))
            case Note():
                self._write(Text(event.text, style="yellow" if event.level == "warning" else ""))
            case Failed():
                self._write(Text(f"{event.error} {event.hint}", style="bold red"))
                stage.update("Press [b]d[/b] to start again.")
            case Finished():
                progress.display = False
                stage.update("Done. Press [b]d[/b] to run it again, [b]q[/b] to leave.")
            case _:
                return

    def _write(self, content: object) -> None:
        log = self.query_one("#log", VerticalScroll)
        log.mount(Static(content))  # type: ignore[arg-type]
        log.scroll_end(animate=False)


def bars(event: Live) -> Text:
    """Score, latency against the budget, and a bar for each key's probability."""
    lines = []
    if event.score is not None:
        lines.append(f"score {event.score:g}   {event.fps:.1f} of {event.fps_asked:g} decisions a second")
    if (total := event.latency_ms.get("total")) is not None:
        budget = 1000 / event.fps_asked
        lines.append(f"latency p50 {total.p50:.1f}  p99 {total.p99:.1f} ms of {budget:.0f} ms")
    for key, probability in event.probabilities.items():
        full = round(probability * BAR)
        mark = "●" if key in event.held else " "
        lines.append(f"{mark} {key:<6} {'█' * full}{'░' * (BAR - full)} {probability:.2f}")
    return Text("\n".join(lines))


def run_app(output: Output) -> int:
    """Open the app; the exit code."""
    DemoApp(output).run()
    return 0
