"""One command at a terminal with a view of its own: starts the command, shows what it tells, ends with it."""

from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.widgets import Footer, Static

from agp_tui.config import TerminalSettings
from agp_tui.config.file import LoadedConfig
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import Failed, Finished, Live, Note
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.components.watch_pane import WatchPane
from agp_tui.ui.keyboard.driver import keyboard_driver_class


class CommandApp(App[Finished | Failed]):
    """Shows one command's live events; ends with the command, and gives back how that ended."""

    TITLE = "agp-tui"
    CSS_PATH = ["components/live_view.tcss"]
    CSS = "#command-what, #command-note { height: 1; padding: 0 1; background: $boost; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "stop", "Quit", id="command.quit", priority=True),
    ]

    def __init__(self, loaded: LoadedConfig, what: str, pane: TerminalGame | WatchPane, *words: str) -> None:
        """`what` is said over the `pane` that shows it; `words` are the command, without `--json`."""
        super().__init__()
        self.loaded = loaded
        """The settings that hold."""
        self.process = JobProcess(*words)
        self._what, self._pane = what, pane

    def get_driver_class(self) -> type[Driver]:
        """A terminal that can be asked for releases."""
        return keyboard_driver_class(super().get_driver_class())

    def compose(self) -> ComposeResult:
        yield Static(self._what, id="command-what", markup=False)
        yield self._pane
        yield Static(id="command-note", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        ui = self.loaded.config.ui
        if ui.theme in self.available_themes:
            self.theme = ui.theme
        self._pane.focus()
        self.follow()

    @work
    async def follow(self) -> None:
        """Show what it tells to its end."""
        end: Finished | Failed | None = None
        async with self.process as process, aclosing(process.events()) as events:
            async for event in events:
                if isinstance(event, Live):
                    self._pane.show(event)
                elif isinstance(event, Note):
                    self.query_one("#command-note", Static).update(event.text)
                elif isinstance(event, Finished | Failed):
                    end = event
        self.exit(end)

    def action_stop(self) -> None:
        """Have the command end; the app ends with it."""
        self.process.tell(Stop())


class WatchApp(CommandApp):
    """`agp atari watch`: a game that somebody plays, steered by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "stop", "Quit", id="watch.quit", priority=True),
    ]

    def __init__(self, loaded: LoadedConfig, what: str, *words: str) -> None:
        super().__init__(loaded, what, WatchPane("Getting ready …"), *words)

    def on_watch_pane_command_sent(self, message: WatchPane.CommandSent) -> None:
        """Pass it on."""
        self.process.tell(message.command)

    def on_watch_pane_closed(self) -> None:
        """Enough seen."""
        self.action_stop()


class TerminalGameApp(CommandApp):
    """`agp record --by terminal`: a game that a person plays here."""

    def __init__(self, loaded: LoadedConfig, what: str, terminal: TerminalSettings, *words: str) -> None:
        super().__init__(loaded, what, TerminalGame("record", "Getting ready …"), *words)
        self._terminal = terminal

    def on_mount(self) -> None:
        self.query_one(TerminalGame).begin(self.process.tell, self._terminal)

    def on_terminal_game_closed(self) -> None:
        """Enough played."""
        self.action_stop()


def watch_in_terminal(loaded: LoadedConfig, what: str, *words: str) -> Finished | Failed:
    """Show the command until it ends; how it ended."""
    return _run(WatchApp(loaded, what, *words))


def play_in_terminal(
    loaded: LoadedConfig, what: str, terminal: TerminalSettings, *words: str
) -> Finished | Failed:
    """Play the game of the command until it ends; how it ended."""
    return _run(TerminalGameApp(loaded, what, terminal, *words))


def _run(app: CommandApp) -> Finished | Failed:
    end = app.run()
    return end or Failed(error="The view was closed before the game had begun.", hint="Start it again.")
