"""Watch pane of the Atari screen: a player plays a game, live."""

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import var
from textual.widgets import RichLog, Static

from agp_tui.errors import AgpError
from agp_tui.protocol.events import AnyEvent, Failed, Live
from agp_tui.ui.app_base import app_of
from agp_tui.ui.client.catalog import Catalog
from agp_tui.ui.components.player_choices import agents, models, scripted
from agp_tui.ui.components.run_view.result import event_text
from agp_tui.ui.components.watch_pane import WatchPane
from agp_tui.ui.dialogs.choose import Choice

CHANCE = "chance"
INVITING = "Press w to watch somebody play the game under the cursor."


class AtariWatch(Vertical):
    """Player and game, the live picture, and a log of messages."""

    playing: var[bool] = var[bool](False, init=False)

    def __init__(self) -> None:
        super().__init__(id="atari-watch")
        self._player_title = ""

    def compose(self) -> ComposeResult:
        yield Static(id="atari-what", markup=False)
        yield WatchPane(INVITING)
        yield RichLog(id="atari-log", wrap=True, markup=False, min_width=30)

    def play(self, title: str, *words: str) -> None:
        """Run the command `words` and show its game; `title` names player and game. One at a time."""
        if not self.playing:
            self.playing = True
            self._show_started(title)
            self._follow(*words)

    @work(group="watch")
    async def _follow(self, *words: str) -> None:
        app = app_of(self)
        try:
            async for event in app.run_live("WATCH", *words):
                self.show(event)
        except AgpError as error:
            self.query_one(WatchPane).reset("Nobody played.")
            self.notify(str(error), severity="error", markup=False)
        finally:
            self.playing = False
            # The widget is gone if the app is exiting.
            for line in self.query("#atari-what").results(Static):
                line.update(f"{self._player_title}: over.")

    def on_watch_pane_command_sent(self, message: WatchPane.CommandSent) -> None:
        """Send pause, step or speed to the job."""
        if self.playing:
            app_of(self).send_live(message.command)

    async def on_watch_pane_closed(self) -> None:
        """Leave the pane as Escape does on the screen."""
        await self.run_action("screen.back")

    def _show_started(self, title: str) -> None:
        self._player_title = title
        # The pane has the playback keys; the footer then lists them.
        self.query_one(WatchPane).focus()
        self.query_one(RichLog).clear()
        self.query_one("#atari-what", Static).update(title)
        self.query_one(WatchPane).reset("Getting ready …")

    def show(self, event: AnyEvent) -> None:
        """Show an event of the job."""
        if isinstance(event, Live):
            self.query_one(WatchPane).show(event)
            score = f", score {event.score:g}" if event.score is not None else ""
            self.query_one("#atari-what", Static).update(f"{self._player_title}{score}; s stops.")
        elif (words := event_text(event)) is not None:
            self.query_one(RichLog).write(words)
        if isinstance(event, Failed):
            self.query_one(WatchPane).reset("Nobody played; the reason is below.")


def players(game: str, catalog: Catalog) -> list[Choice]:
    """The players of a game: the expert, chance, its models and agents."""
    chance = Choice(CHANCE, "presses keys at random")
    return [*scripted(game, catalog), chance, *models(game, catalog), *agents(game, catalog)]
