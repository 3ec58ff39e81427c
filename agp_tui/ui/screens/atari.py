"""Atari: the console's games, each to watch, to choose, and to send through the whole imitation loop."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import Input, RichLog, Static

from agp_tui.engine.events import AnyEvent, Failed, Live, Stop, Table
from agp_tui.errors import AgpError
from agp_tui.ui.client.catalog import AtariItem
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.parts.live_view import LiveView
from agp_tui.ui.parts.told import told
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.widgets.tables import EventTable

CHANCE = "chance"

HELP = """
# Atari

Every Atari game is a game like any other here: it runs in real time, needs no screen, and has a score.
So it can be watched, recorded, learnt from and played by a model. Some games have a scripted
**expert** who can show how it is done.

| Key | What it does |
|---|---|
| `enter` | choose the game; every screen then works on it |
| `w` | watch the expert play, or chance where there is none |
| `b` | watch somebody else: choose who |
| `s` or `escape` | stop watching |
| `/` | find a game by a part of its name |
| `o` | sort by another column |
"""


class AtariScreen(AppScreen):
    """The list of games at the left, what is watched at the right."""

    MODE = "atari"
    HELP = HELP
    CSS_PATH = ["atari.tcss", "../parts/live_view.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "watch", "Watch", id="atari.watch"),
        Binding("b", "watch_by", "Watch whom", id="atari.watch_by"),
        Binding("s,escape", "stop", "Stop", id="atari.stop"),
        Binding("slash", "find", "Find", id="atari.find"),
        Binding("o", "sort", "Sort", id="atari.sort", show=False),
    ]

    watching: reactive[bool] = reactive(False, bindings=True)
    _shown = ""
    """Who plays what."""

    def body(self) -> ComposeResult:
        with Horizontal(id="atari"):
            with Vertical(id="atari-games"):
                yield Input(placeholder="a part of the name", id="atari-filter")
                yield EventTable(id="atari-table")
            with Vertical(id="atari-watch"):
                yield Static(id="atari-what", markup=False)
                yield LiveView("record", "Press w to watch somebody play the chosen game.")
                yield RichLog(id="atari-log", wrap=True, markup=False, min_width=30)

    def on_mount(self) -> None:
        self.query_one("#atari-filter").display = False
        self.query_one(EventTable).focus()

    def changed(self, what: str) -> None:
        """The list, once it is there; what there is of each game."""
        games = self.agp.catalog.games
        if games is None:
            self.query_one("#atari-what", Static).update("Looking for the games …")
        elif not games:
            text = "Atari games need the extra train: pip install 'agp-tui[train]'."
            self.query_one("#atari-what", Static).update(text)
        elif what in ("", "games", "recordings", "models"):
            self.query_one(EventTable).feed(self._table(games))
            self._describe()
        elif what == "game":
            self._describe()

    def _table(self, games: tuple[AtariItem, ...]) -> Table:
        catalog = self.agp.catalog
        rows: list[list[str | float | int | None]] = [
            [
                one.id,
                "yes" if one.expert else None,
                len(catalog.recordings_of(one.id)) or None,
                len(catalog.models_of(one.id)) or None,
            ]
            for one in sorted(games, key=lambda one: (not one.expert, one.id))
        ]
        return Table(title="Atari games", columns=["game", "expert", "recorded", "models"], rows=rows)

    def _describe(self) -> None:
        if not self.watching:
            text = f"{self.agp.game} is chosen. Enter takes the game under the cursor."
            self.query_one("#atari-what", Static).update(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action in ("watch", "watch_by"):
            return not self.watching
        return self.watching or self.query_one("#atari-filter").has_focus if action == "stop" else True

    def on_data_table_row_selected(self) -> None:
        """Choose the game."""
        if (game := self.query_one(EventTable).selected_key) is not None:
            self.agp.game = game
            self.notify("Press 2 to record it, 4 to train, 5 to play.", title=game)

    def action_watch(self) -> None:
        """The expert, or chance."""
        game = self._under_cursor()
        if game is not None:
            self.watch_game(game.id, "expert" if game.expert else CHANCE)

    def action_watch_by(self) -> None:
        """Choose who plays."""
        game = self._under_cursor()
        if game is None:
            return
        choices = [Choice("expert", "scripted")] if game.expert else []
        choices.append(Choice(CHANCE, "presses keys at random"))
        choices += [Choice(one.name, "model") for one in self.agp.catalog.models_of(game.id)]

        def chosen(by: str | None) -> None:
            if by is not None:
                self.watch_game(game.id, by)

        self.app.push_screen(Choose(f"Who plays {game.id}?", choices), chosen)

    def on_screen_suspend(self) -> None:
        """Nobody looks any more; another live job may begin."""
        if self.watching and self.app.current_mode != self.MODE:
            self.agp.tell_live(Stop())

    def _under_cursor(self) -> AtariItem | None:
        key = self.query_one(EventTable).selected_key
        return next((one for one in self.agp.catalog.games or () if one.id == key), None)

    def watch_game(self, game: str, by: str) -> None:
        """Let somebody play, to be watched."""
        if not self.watching:
            self.watching = True
            self._follow(game, by)

    @work(group="watch")
    async def _follow(self, game: str, by: str) -> None:
        self.query_one(RichLog).clear()
        self._shown = f"{by} plays {game}"
        self.query_one(LiveView).reset("Getting ready …")
        try:
            async for event in self.agp.run_live("WATCH", "atari", "watch", game, "--by", by):
                self._show(event)
        except AgpError as error:
            self.query_one(LiveView).reset("Nobody played.")
            self.notify(str(error), severity="error", markup=False)
        finally:
            self.watching = False
            self._describe()

    def _show(self, event: AnyEvent) -> None:
        log = self.query_one(RichLog)
        if isinstance(event, Live):
            self.query_one(LiveView).show(event)
            score = f", score {event.score:g}" if event.score is not None else ""
            self.query_one("#atari-what", Static).update(f"{self._shown}{score}; s stops.")
        elif (words := told(event)) is not None:
            log.write(words)
        if isinstance(event, Failed):
            self.query_one(LiveView).reset("Nobody played; the reason is below.")

    def action_stop(self) -> None:
        """Stop watching; or close the filter."""
        if self.query_one("#atari-filter").has_focus:
            self._close_filter("")
        else:
            self.agp.tell_live(Stop())

    def action_find(self) -> None:
        """Type a part of a name."""
        self.query_one("#atari-filter").display = True
        self.query_one("#atari-filter").focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Show what fits."""
        self.query_one(EventTable).find(changed.value)

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """To the list, with what was found."""
        self._close_filter(submitted.value)

    def _close_filter(self, text: str) -> None:
        box = self.query_one("#atari-filter", Input)
        box.value = text
        box.display = bool(text)
        self.query_one(EventTable).focus()

    def action_sort(self) -> None:
        """By the next column."""
        self.query_one(EventTable).action_sort_next()

    def worth_copying(self) -> str:
        """The id of the game under the cursor."""
        return self.query_one(EventTable).selected_key or ""
