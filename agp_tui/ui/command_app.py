"""A small app around one command at a terminal (`agp atari watch`, `agp record --by terminal`)."""

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
    """Starts a command, shows its live events in a pane, and returns its last event."""

    TITLE = "agp-tui"
    CSS_PATH = ["components/live_view.tcss"]
    CSS = "#command-title, #command-note { height: 1; padding: 0 1; background: $boost; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "stop", "Quit", id="command.quit", priority=True),
    ]

    def __init__(self, loaded: LoadedConfig, title: str, pane: TerminalGame | WatchPane, *words: str) -> None:
        """`title` is shown above the `pane`; `words` are the command, without `--json`."""
        super().__init__()
        self.loaded = loaded
        """The settings in effect."""
        self.process = JobProcess(*words)
        self._title, self._pane = title, pane

    def get_driver_class(self) -> type[Driver]:
        """A driver that can report key releases."""
        return keyboard_driver_class(super().get_driver_class())

    def compose(self) -> ComposeResult:
        yield Static(self._title, id="command-title", markup=False)
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
        """Show the command's events to its end."""
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
        """Stop the command; the app exits when it has ended."""
        self.process.send(Stop())


class WatchApp(CommandApp):
    """`agp atari watch`: a game that is played, with playback controls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "stop", "Quit", id="watch.quit", priority=True),
    ]

    def __init__(self, loaded: LoadedConfig, title: str, *words: str) -> None:
        super().__init__(loaded, title, WatchPane("Getting ready …"), *words)

    def on_watch_pane_command_sent(self, message: WatchPane.CommandSent) -> None:
        self.process.send(message.command)

    def on_watch_pane_closed(self) -> None:
        self.action_stop()


class TerminalGameApp(CommandApp):
    """`agp record --by terminal`: a game that the user plays in the terminal."""

    def __init__(self, loaded: LoadedConfig, title: str, terminal: TerminalSettings, *words: str) -> None:
        super().__init__(loaded, title, TerminalGame("record", "Getting ready …"), *words)
        self._terminal = terminal

    def on_mount(self) -> None:
        self.query_one(TerminalGame).begin(self.process.send, self._terminal)

    def on_terminal_game_closed(self) -> None:
        self.action_stop()


def watch_in_terminal(loaded: LoadedConfig, title: str, *words: str) -> Finished | Failed:
    """Run a command that plays a game to be watched; returns its last event."""
    return _run(WatchApp(loaded, title, *words))


def play_in_terminal(
    loaded: LoadedConfig, title: str, terminal: TerminalSettings, *words: str
) -> Finished | Failed:
    """Run a command whose game is played in the terminal; returns its last event."""
    return _run(TerminalGameApp(loaded, title, terminal, *words))


def _run(app: CommandApp) -> Finished | Failed:
    end = app.run()
    return end or Failed(error="The view was closed before the game started.", hint="Start it again.")
