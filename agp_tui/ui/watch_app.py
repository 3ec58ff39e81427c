"""`agp atari watch` at a terminal: the game alone, live, steered by keys. Starts the command and shows it."""

from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from agp_tui.config.file import Loaded
from agp_tui.engine.events import Failed, Finished, Live, Stop
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.parts.watch_pane import WatchPane


class WatchApp(App[Finished | Failed]):
    """Shows one command's live events; ends with the command, and gives back how that ended."""

    TITLE = "agp-tui"
    CSS_PATH = ["parts/live_view.tcss"]
    CSS = "#watch-what { height: 1; padding: 0 1; background: $boost; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q,ctrl+c", "stop", "Quit", key_display="q", id="watch.quit", priority=True),
    ]

    def __init__(self, loaded: Loaded, what: str, *words: str) -> None:
        """`what` is said over the picture; `words` are the command, without `--json`."""
        super().__init__()
        self.loaded = loaded
        """The settings that hold."""
        self._what = what
        self._process = JobProcess(*words)

    def compose(self) -> ComposeResult:
        yield Static(self._what, id="watch-what", markup=False)
        yield WatchPane("Getting ready …")
        yield Footer()

    def on_mount(self) -> None:
        ui = self.loaded.config.ui
        if ui.theme in self.available_themes:
            self.theme = ui.theme
        self.query_one(WatchPane).focus()
        self.follow()

    @work
    async def follow(self) -> None:
        """Show what it tells to its end."""
        end: Finished | Failed | None = None
        async with self._process as process, aclosing(process.events()) as events:
            async for event in events:
                if isinstance(event, Live):
                    self.query_one(WatchPane).show(event)
                elif isinstance(event, Finished | Failed):
                    end = event
        self.exit(end)

    def on_watch_pane_told(self, message: WatchPane.Told) -> None:
        """Pass it on."""
        self._process.tell(message.command)

    def on_watch_pane_left(self) -> None:
        """Enough seen."""
        self.action_stop()

    def action_stop(self) -> None:
        """Have the game end; the app ends with it."""
        self._process.tell(Stop())


def watch_in_terminal(loaded: Loaded, what: str, *words: str) -> Finished | Failed:
    """Show the command until it ends; how it ended."""
    end = WatchApp(loaded, what, *words).run()
    return end or Failed(error="The view was closed before the game had begun.", hint="Start it again.")
