"""The app: seven screens over shared state. It runs commands as processes and follows their events."""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from agp_tui.errors import SettingError
from agp_tui.games.ids import is_atari
from agp_tui.ui.app_base import AppBase
from agp_tui.ui.components.nav_bar import SCREENS
from agp_tui.ui.screens.base import AppScreen

if TYPE_CHECKING:
    from agp_tui.config import Config
    from agp_tui.config.file import LoadedConfig
    from agp_tui.ui.client.catalog import Catalog, Part, RunItem
    from agp_tui.ui.dialogs.choose import Choice


DEFAULT_GAME = "ALE/Pong-v5"
"""The game of a new user: it needs no display."""


def first_game(config: "Config") -> str:
    """The game at start, before the catalog is known."""
    return next(iter(config.games), DEFAULT_GAME)


def default_game(config: "Config", catalog: "Catalog") -> str:
    """The game if the user has chosen none: the first profile, else the one recorded last."""
    if config.games or not catalog.recordings:
        return first_game(config)
    return max(catalog.recordings, key=lambda one: one.stamp).game


def game_display(config: "Config", game: str) -> str:
    """The display of the game's profile, of the settings or of this terminal; empty for Atari."""
    if not game or is_atari(game):
        return ""
    return config.games.get(game, config.game).display or os.environ.get("DISPLAY", "")


def known_games(config: "Config", catalog: "Catalog") -> "list[Choice]":
    """Profiles, games with recordings or models, then every Atari game."""
    from agp_tui.ui.dialogs.choose import Choice

    notes: dict[str, str] = dict.fromkeys(config.games, "your profile")
    for recording in catalog.recordings or ():
        notes.setdefault(recording.game, "recorded")
    for model in catalog.models or ():
        if model.game:
            notes.setdefault(model.game, "has a model")
    for atari in sorted(catalog.games or (), key=lambda one: not one.expert):
        notes.setdefault(atari.id, "Atari, with an expert to watch" if atari.expert else "Atari")
    return [Choice(name, note) for name, note in notes.items()]


# Imports that the first screen does not need are made where they are used.

POLL_SECONDS = 5.0
"""Interval of reading the runs and the free disk space."""

COMMAND_PARTS: "tuple[Part, ...]" = ("recordings", "models", "findings", "games")
"""Parts of the catalog that a command reads."""


def _screen_factory(mode: str) -> Callable[[], Screen[None]]:
    def create() -> Screen[None]:
        module = import_module(f"agp_tui.ui.screens.{mode}.screen")
        screen: Screen[None] = getattr(module, f"{mode.capitalize()}Screen")()
        return screen

    return create


SCREENS_BY_MODE = {mode: _screen_factory(mode) for mode in SCREENS}
"""Each screen is imported when it is first shown."""


class AgpApp(AppBase):
    """Loads the settings, refreshes the catalog, switches between the screens."""

    TITLE = "agp-tui"
    # The first screen's stylesheet is parsed with the app's: a second parse would delay the first screen.
    CSS_PATH = ["app.tcss", "screens/home/screen.tcss"]
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

    def __init__(self, config: Path | None = None, demo: tuple[str, ...] | None = None) -> None:
        """`config` is the settings file, if one was given; `demo` are the flags of a demo to start with."""
        super().__init__(*(("--config", str(config)) if config else ()))
        self._config = config
        self._demo = demo
        self._game_is_provisional = True
        """Until the recordings are known."""

    @cached_property
    def loaded(self) -> "LoadedConfig":
        """The settings in effect; the defaults if the file is invalid."""
        return self._load(self._config)

    @cached_property
    def catalog(self) -> "Catalog":
        """Recordings, models, runs, findings and Atari games."""
        from agp_tui.ui.client.catalog import Catalog

        return Catalog(*self.global_flags)

    # --- start and settings --------------------------------------------------------------------

    def on_mount(self) -> None:
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        """Everything that waits until the first screen is drawn."""
        self._apply_settings()
        self.game = first_game(self.loaded.config)
        self.poll_runs()
        self.set_interval(POLL_SECONDS, self.poll_runs)
        self.refresh_catalog(*COMMAND_PARTS)
        if self.config_problem is not None:
            text = str(self.config_problem)
            self.notify(text, title="config.toml", severity="error", timeout=20, markup=False)
            self.switch_mode("runs")
        if self._demo is not None:
            self.start_run("demo", *self._demo)

    def reload(self) -> None:
        """Read the settings file again after it was written."""
        folders, problem = self.loaded.config.folders, self.config_problem
        self.loaded = self._load(self.loaded.path)
        self._apply_settings()
        self.status = replace(self.status, display=game_display(self.loaded.config, self.game))
        self.catalog_changed.publish("settings")
        if self.config_problem is None and (problem is not None or self.loaded.config.folders != folders):
            # With an invalid file every command fails, and other folders have other contents.
            self.poll_runs()
            self.refresh_catalog(*COMMAND_PARTS)

    def _load(self, path: Path | None) -> "LoadedConfig":
        from agp_tui.config import Config
        from agp_tui.config.file import LoadedConfig, find_config, load_config

        self.config_problem = None
        try:
            return load_config(path)
        except SettingError as problem:
            self.config_problem = problem
            return LoadedConfig(Config(), path or find_config())

    def _apply_settings(self) -> None:
        ui = self.loaded.config.ui
        if ui.theme not in self.available_themes:
            self.notify(f"There is no theme {ui.theme}; see ctrl+p, theme.", severity="warning")
        elif ui.theme != self.theme:
            self.theme = ui.theme
        self.set_keymap(self.own_keys)

    @property
    def own_keys(self) -> dict[str, str]:
        """The user's keys by binding id."""
        return dict(part.split("=", 1) for part in self.loaded.config.ui.keymap if "=" in part)

    # --- the game ----------------------------------------------------------------------------

    def watch_game(self, game: str) -> None:
        """Show the chosen game on every screen."""
        self.status = replace(self.status, game=game, display=game_display(self.loaded.config, game))
        self.catalog_changed.publish("game")

    def action_choose_game(self) -> None:
        """Choose another game, or name a new one."""
        from agp_tui.ui.dialogs.choose import Choose

        title = "Which game? A new name makes a profile of a game on your screen."
        known = known_games(self.loaded.config, self.catalog)
        self.push_screen(Choose(title, known, new="type to filter, or a new name"), self._chosen)

    def _chosen(self, game: str | None) -> None:
        if game:
            self.game = game

    # --- catalog and runs ----------------------------------------------------------------------

    @work(group="catalog")
    async def refresh_catalog(self, *parts: "Part") -> None:
        """Refresh parts of the catalog, then notify the screens."""
        await self.catalog.refresh(*parts)
        if self.catalog.problem and self.config_problem is None:
            self.notify(self.catalog.problem, severity="warning", markup=False)
        if self._game_is_provisional and self.catalog.recordings is not None:
            self._game_is_provisional = False
            if self.game == first_game(self.loaded.config):
                self.game = default_game(self.loaded.config, self.catalog)
        for part in parts:
            self.catalog_changed.publish(part)

    def poll_runs(self) -> None:
        """Read the run folders and the free disk space; called every `POLL_SECONDS`."""
        before = {run.id for run in self.catalog.runs if run.state == "running"}
        self.catalog.poll_runs(self.loaded.folder("runs"))
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
        """Notify the user unless the screen follows this run; refresh what the run may have written."""
        if not (isinstance(self.screen, AppScreen) and self.screen.followed_run_id() == run.id):
            succeeded = run.state == "finished"
            self.notify(
                f"{run.game} {run.id}: key 7 shows it.".strip(),
                title=f"{'✓' if succeeded else '✗'} {run.job} {run.state}",
                severity="information" if succeeded else "warning",
                timeout=10,
                markup=False,
            )
        self.refresh_catalog("models", "recordings")

    async def show_run(self, run: str) -> None:
        """Follow a run on the runs screen."""
        from agp_tui.engine.runs import Run
        from agp_tui.ui.screens.runs.screen import RunsScreen

        await self.switch_mode("runs")
        screen = self.screen
        if isinstance(screen, RunsScreen):
            screen.follow(Run(self.loaded.folder("runs") / run))

    async def show_replay(self, recording: str, frame: int) -> None:
        """Replay a recording from a frame on, paused, on the library screen."""
        from agp_tui.ui.screens.library.screen import LibraryScreen

        await self.switch_mode("library")
        screen = self.screen
        if isinstance(screen, LibraryScreen):
            screen.replay_at(recording, frame)

    # --- actions of every screen ---------------------------------------------------------------

    async def action_go(self, mode: str) -> None:
        """Switch to another screen."""
        if not self.screen.is_modal:
            await self.switch_mode(mode)

    def action_show_help(self) -> None:
        """Show the help of the screen."""
        from agp_tui.ui.dialogs.help import HelpScreen

        if isinstance(self.screen, AppScreen):
            self.push_screen(HelpScreen(self.screen.HELP))

    def action_jump(self) -> None:
        """Show a letter for every widget; the letter focuses it."""
        from agp_tui.ui.dialogs.jump import Jump, jump_targets

        if isinstance(self.screen, AppScreen):
            self.push_screen(Jump(jump_targets(self.screen)), self._jumped)

    def _jumped(self, target: Widget | None) -> None:
        if target is not None:
            target.focus()

    def action_copy(self) -> None:
        """Copy the screen's `copy_text` through the terminal, which works over SSH (OSC 52)."""
        text = self.screen.copy_text() if isinstance(self.screen, AppScreen) else ""
        if text:
            self.copy_to_clipboard(text)
            self.notify(text, title="Copied", timeout=3, markup=False)
        else:
            self.notify("There is nothing to copy here.", timeout=3)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The entries of the command palette."""
        for number, (mode, name) in enumerate(SCREENS.items(), start=1):
            yield SystemCommand(
                f"Go to {name}", f"The screen on key {number}", partial(self.switch_mode, mode)
            )
        yield SystemCommand("Choose the game", "The game to record, train and play", self.action_choose_game)
        yield SystemCommand(
            "Run the demo", "Record, train and play Atari Pong", lambda: self.start_run("demo")
        )
        yield SystemCommand("Panic", "Release every key and stop the player", self.action_panic)
        yield from super().get_system_commands(screen)
        for node, binding, enabled, _ in screen.active_bindings.values():
            if enabled and binding.description and isinstance(screen, AppScreen):
                yield SystemCommand(
                    binding.description,
                    f"Key {binding.key} on this screen",
                    partial(self.run_action, binding.action, node),
                )


def run_app(config: Path | None = None, demo: tuple[str, ...] | None = None) -> int:
    """Run the app; returns its exit code."""
    app = AgpApp(config, demo)
    return app.run() or app.return_code or 0
