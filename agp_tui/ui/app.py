"""The app: seven screens over one state. It starts commands and follows them; it does no work itself."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.signal import Signal
from textual.widget import Widget

from agp_tui.errors import AgpError, SettingError
from agp_tui.games.names import is_atari
from agp_tui.ui.parts.nav_bar import SCREENS
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.status import Status

# What is not needed for the first screen is imported where it is used: the screen is there sooner.
if TYPE_CHECKING:
    from agp_tui.config.file import Loaded
    from agp_tui.engine.events import AnyEvent
    from agp_tui.ui.client.catalog import Catalog, Part, RunItem
    from agp_tui.ui.client.process import JobProcess
    from agp_tui.ui.dialogs.choose import Choice

FIRST_GAME = "ALE/Pong-v5"
"""The game of somebody who has none yet: it runs everywhere."""

LOOK_AGAIN_SECONDS = 5.0
"""Runs and the disk are looked at so often."""


def _maker(mode: str) -> Callable[[], Screen[None]]:
    def make() -> Screen[None]:
        module = import_module(f"agp_tui.ui.screens.{mode}")
        screen: Screen[None] = getattr(module, f"{mode.capitalize()}Screen")()
        return screen

    return make


SCREENS_BY_MODE = {mode: _maker(mode) for mode in SCREENS}
"""Each screen is imported when it is gone to for the first time."""


class AgpApp(App[int]):
    """Holds what all screens share: the settings, the chosen game, the live job, what there is."""

    TITLE = "agp-tui"
    # The first screen's styles are read with those of all: another reading costs the first screen its time.
    CSS_PATH = ["app.tcss", "screens/home.tcss"]
    DEFAULT_MODE = "home"
    MODES: ClassVar[dict[str, Callable[[], Screen[None]]]] = dict(SCREENS_BY_MODE)  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{mode}')", name, id=f"go.{mode}", show=False)
            for number, (mode, name) in enumerate(SCREENS.items(), start=1)
        ),
        Binding("f1", "show_help", "Help", id="app.help"),
        Binding("g", "choose_game", "Game", id="app.game"),
        Binding("ctrl+o", "jump", "Jump", id="app.jump", show=False),
        Binding("y", "copy", "Copy", id="app.copy", show=False),
        Binding("f12", "panic", "Panic", id="app.panic", show=False, priority=True),
        Binding("ctrl+q", "leave", "Quit", id="app.quit", priority=True),
    ]

    game: reactive[str] = reactive("")
    """The chosen game, a profile or an Atari id."""
    status: reactive[Status] = reactive(Status())

    def __init__(self, config: Path | None = None, demo: tuple[str, ...] | None = None) -> None:
        """`config`: the settings file that was named. `demo`: flags of a demo to begin with."""
        super().__init__()
        self.words = ("--config", str(config)) if config else ()
        """Flags that every command of ours is given."""
        self.config_problem: SettingError | None = None
        """What is wrong with the settings file, where something is."""
        self.catalog_changed: Signal[str] = Signal(self, "catalog changed")
        self.live: JobProcess | None = None
        """The live job that runs now; there is at most one."""
        self._config = config
        self._demo = demo

    @cached_property
    def loaded(self) -> "Loaded":
        """The settings that hold; the defaults where the file is wrong."""
        return self._load(self._config)

    @cached_property
    def catalog(self) -> "Catalog":
        """What there is."""
        from agp_tui.ui.client.catalog import Catalog

        return Catalog(*self.words)

    # --- the beginning and the end -------------------------------------------------------------

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Everything behind the first screen, once it is there."""
        self._apply_settings()
        self.game = self._first_game()
        self.look_around()
        self.set_interval(LOOK_AGAIN_SECONDS, self.look_around)
        self.look("recordings", "models", "findings", "games")
        if self.config_problem is not None:
            self.notify(str(self.config_problem), title="config.toml", severity="error", timeout=20)
            self.switch_mode("runs")
        if self._demo is not None:
            self.start_run("demo", *self._demo)

    def reload(self) -> None:
        """Read the settings file again, after it was written."""
        self.loaded = self._load(self.loaded.path)
        self._apply_settings()
        self.status = replace(self.status, display=self._display_of(self.game))
        self.catalog_changed.publish("settings")

    def _load(self, path: Path | None) -> "Loaded":
        from agp_tui.config import Config
        from agp_tui.config.file import Loaded, find_config, load_config

        self.config_problem = None
        try:
            return load_config(path)
        except SettingError as problem:
            self.config_problem = problem
            return Loaded(Config(), path or find_config())

    def _apply_settings(self) -> None:
        ui = self.loaded.config.ui
        if ui.theme not in self.available_themes:
            self.notify(f"There is no theme {ui.theme}; see ctrl+p, theme.", severity="warning")
        elif ui.theme != self.theme:
            self.theme = ui.theme
        self.set_keymap(dict(part.split("=", 1) for part in ui.keymap if "=" in part))

    async def action_leave(self) -> None:
        """Quit. A live job is finished properly first; long jobs go on."""
        from agp_tui.ui.dialogs.confirm import Confirm

        if self.live is not None:
            question = f"{self.status.job} runs. Finish it and leave?"
            self.push_screen(Confirm(question, "Finish and leave"), self._leave_if)
        else:
            self.exit(0)

    async def _leave_if(self, agreed: bool | None) -> None:
        if agreed:
            await self.end_live()
            self.exit(0)

    # --- the game ----------------------------------------------------------------------------

    def watch_game(self, game: str) -> None:
        """Every screen shows the game that is chosen."""
        self.status = replace(self.status, game=game, display=self._display_of(game))
        self.catalog_changed.publish("game")

    def _display_of(self, game: str) -> str:
        """Its own display, else that of the settings or of this terminal; none for Atari."""
        if not game or is_atari(game):
            return ""
        config = self.loaded.config
        return config.games.get(game, config.game).display or os.environ.get("DISPLAY", "")

    def _first_game(self) -> str:
        return next(iter(self.loaded.config.games), FIRST_GAME)

    def known_games(self) -> "list[Choice]":
        """Profiles, games with recordings or models, then every Atari game."""
        from agp_tui.ui.dialogs.choose import Choice

        notes: dict[str, str] = dict.fromkeys(self.loaded.config.games, "your profile")
        for recording in self.catalog.recordings or ():
            notes.setdefault(recording.game, "recorded")
        for model in self.catalog.models or ():
            if model.game:
                notes.setdefault(model.game, "has a model")
        for atari in sorted(self.catalog.games or (), key=lambda one: not one.expert):
            notes.setdefault(atari.id, "Atari, with an expert to watch" if atari.expert else "Atari")
        return [Choice(name, note) for name, note in notes.items()]

    def action_choose_game(self) -> None:
        """Another game, or a new one."""
        from agp_tui.ui.dialogs.choose import Choose

        title = "Which game? A new name makes a profile of a game on your screen."
        self.push_screen(Choose(title, self.known_games(), new="type to filter, or a new name"), self._chosen)

    def _chosen(self, game: str | None) -> None:
        if game:
            self.game = game

    # --- what there is -------------------------------------------------------------------------

    @work(group="look")
    async def look(self, *parts: "Part") -> None:
        """Look again at what there is, and tell the screens."""
        await self.catalog.refresh(*parts)
        if self.catalog.problem and self.config_problem is None:
            self.notify(self.catalog.problem, severity="warning")
        if self.game == FIRST_GAME and not self.loaded.config.games and self.catalog.recordings:
            self.game = self.catalog.recordings[-1].game
        for part in parts:
            self.catalog_changed.publish(part)

    def look_around(self) -> None:
        """Look at the runs and at the disk, as happens every few seconds."""
        before = {run.id for run in self.catalog.runs if run.state == "running"}
        self.catalog.look_at_runs(self.loaded.folder("runs"))
        for run in self.catalog.runs:
            if run.id in before and run.state != "running":
                self._run_ended(run)
        folder = self.loaded.folder("recordings")
        there = folder if folder.exists() else self.loaded.home
        try:
            self.status = replace(self.status, free_bytes=shutil.disk_usage(there).free)
        except OSError:
            self.status = replace(self.status, free_bytes=None)
        self.catalog_changed.publish("runs")

    def _run_ended(self, run: "RunItem") -> None:
        """Say so to who looks elsewhere; what it made is looked at."""
        if not (isinstance(self.screen, AppScreen) and self.screen.shows_run() == run.id):
            good = run.state == "finished"
            self.notify(
                f"{run.game} {run.id}: key 7 shows it.".strip(),
                title=f"{'✓' if good else '✗'} {run.job} {run.state}",
                severity="information" if good else "warning",
                timeout=10,
                markup=False,
            )
        self.look("models", "recordings")

    # --- jobs --------------------------------------------------------------------------------------

    async def run_live(self, name: str, *words: str) -> "AsyncIterator[AnyEvent]":
        """Start a live job and give its events to its end; `name` is what the status bar calls it.

        Raises `AgpError` where another one runs.
        """
        from agp_tui.engine.events import Live
        from agp_tui.ui.client.process import JobProcess

        if self.live is not None:
            raise AgpError(
                f"Expected nothing to run live, found {self.status.job}.", "Stop it first; one at a time."
            )
        self.live = job = await JobProcess.start(*words, *self.words)
        self.status = replace(self.status, job=name, fps=None, fps_asked=None)
        try:
            async for event in job.events():
                if isinstance(event, Live):
                    self.status = replace(self.status, fps=event.fps, fps_asked=event.fps_asked)
                yield event
        finally:
            await job.end()
            self.live = None
            self.status = replace(self.status, job="", fps=None, fps_asked=None)

    async def end_live(self) -> None:
        """Have the live job finish, if there is one."""
        if self.live is not None:
            await self.live.end()

    def action_panic(self) -> None:
        """Release every key and stop what plays, at once."""
        from agp_tui.engine.events import Panic

        if self.live is not None:
            self.live.tell(Panic())
            self.notify("Every key is released.", title="Panic", severity="warning")

    @work(group="start run")
    async def start_run(self, *words: str) -> None:
        """Start a long job that belongs to nobody, and show it."""
        from agp_tui.ui.client.process import ask

        try:
            run = (await ask(*words, "--detach", *self.words)).finished.run
        except AgpError as error:
            self.notify(str(error), title=f"agp {words[0]}", severity="error", timeout=15)
            return
        self.look_around()
        if run is not None:
            await self.show_run(run)

    async def show_run(self, run: str) -> None:
        """Follow a run on the screen of runs."""
        from agp_tui.engine.runs import Run
        from agp_tui.ui.screens.runs import RunsScreen

        await self.switch_mode("runs")
        screen = self.screen
        if isinstance(screen, RunsScreen):
            screen.follow(Run(self.loaded.folder("runs") / run))

    # --- keys that work everywhere -----------------------------------------------------------------

    async def action_go(self, mode: str) -> None:
        """To another screen."""
        if not self.screen.is_modal:
            await self.switch_mode(mode)

    def action_show_help(self) -> None:
        """What this screen is for."""
        from agp_tui.ui.dialogs.help import HelpScreen

        if isinstance(self.screen, AppScreen):
            self.push_screen(HelpScreen(self.screen.HELP))

    def action_jump(self) -> None:
        """A letter for every widget."""
        from agp_tui.ui.dialogs.jump import Jump, jump_targets

        if isinstance(self.screen, AppScreen):
            self.push_screen(Jump(jump_targets(self.screen)), self._jumped)

    def _jumped(self, target: Widget | None) -> None:
        if target is not None:
            target.focus()

    def action_copy(self) -> None:
        """Copy what the screen says is worth copying, through the terminal: works over SSH (OSC 52)."""
        text = self.screen.worth_copying() if isinstance(self.screen, AppScreen) else ""
        if text:
            self.copy_to_clipboard(text)
            self.notify(text, title="Copied", timeout=3)
        else:
            self.notify("There is nothing to copy here.", timeout=3)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything that can be done, for the command palette."""
        for number, (mode, name) in enumerate(SCREENS.items(), start=1):
            yield SystemCommand(
                f"Go to {name}", f"The screen on key {number}", lambda to=mode: self.switch_mode(to)
            )
        yield SystemCommand("Choose the game", "What to record, train and play", self.action_choose_game)
        yield SystemCommand("Run the demo", "The whole loop on Atari Pong", lambda: self.start_run("demo"))
        yield SystemCommand("Panic", "Release every key and stop what plays", self.action_panic)
        yield from super().get_system_commands(screen)
        for _, binding, enabled, _ in screen.active_bindings.values():
            if enabled and binding.description and isinstance(screen, AppScreen):
                yield SystemCommand(
                    binding.description,
                    f"Key {binding.key} on this screen",
                    lambda action=binding.action: asyncio.ensure_future(screen.run_action(action)),
                )


def run_app(config: Path | None = None, demo: tuple[str, ...] | None = None) -> int:
    """Open the app; the exit code."""
    return AgpApp(config, demo).run() or 0
