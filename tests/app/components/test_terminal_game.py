"""The terminal game pane: which keys reach the game, in which hold mode, and when they are released.

The driver is Textual's headless one, so the terminal's answers are posted as the parser's messages; real
bytes on a real pty are in `endtoend/test_play_in_terminal.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.apps import wait_until
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from agp_tui.config import Config, TerminalSettings
from agp_tui.protocol.commands import Command, KeyInput, ReleaseAllKeys, SetHoldMode
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.keyboard.kitty_parser import KeyStroke, ReleaseSupport


class PaneApp(App[None]):
    """A pane, another focusable widget, and a binding that must not fire during a game."""

    BINDINGS = [("x", "bell", "Bell")]

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Command] = []
        self.bells = 0
        self.loaded: Any = type("Loaded", (), {"config": Config()})

    def compose(self) -> ComposeResult:
        yield TerminalGame("record", "Nothing yet.")
        yield Input()

    def action_bell(self) -> None:
        self.bells += 1


def session(test: Callable[[PaneApp, Pilot[None], TerminalGame], Awaitable[None]]) -> None:
    async def run() -> None:
        app = PaneApp()
        async with app.run_test() as pilot:
            pane = app.query_one(TerminalGame)
            pane.focus()
            await pilot.pause()
            await test(app, pilot, pane)

    asyncio.run(run())


def test_bindings_do_not_fire_while_the_game_takes_all_keys() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        await pilot.press("x")
        assert app.bells == 1, "no game runs yet"
        pane.begin(app.sent.append, TerminalSettings())
        await pilot.press("up", "x", "f2")
        assert app.bells == 1
        assert app.sent == [
            SetHoldMode(way="timeout"),
            KeyInput(key="up"),
            KeyInput(key="x"),
            SetHoldMode(way="latched"),
        ]
        pane.end()
        await pilot.press("x")
        assert app.bells == 2 and app.sent[-1] == ReleaseAllKeys()

    session(test)


def test_keys_outside_the_games_keys_fire_their_bindings() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.sent.append, TerminalSettings(holding="latched"), ("up", "left"))
        await pilot.press("up", "x", "down", "enter")
        assert app.bells == 1
        assert app.sent == [SetHoldMode(way="latched"), KeyInput(key="up"), KeyInput(key="enter")]

    session(test)


def test_losing_the_focus_releases_all_keys() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.sent.append, TerminalSettings())
        app.query_one(Input).focus()
        await wait_until(pilot, lambda: app.sent[-1] == ReleaseAllKeys())  # type: ignore[arg-type]
        pane.post_message(KeyStroke("up", "press", 1))
        await pilot.press("up")
        assert app.sent[-1] == ReleaseAllKeys()

    session(test)


def test_a_late_answer_sets_the_hold_mode_unless_the_user_chose_one() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.sent.append, TerminalSettings())
        # The state one second after the query to a real terminal.
        pane._mode_from_answer = True
        pane.post_message(ReleaseSupport(True))
        await wait_until(pilot, lambda: app.sent[-1] == SetHoldMode(way="releases"))  # type: ignore[arg-type]
        pane.post_message(KeyStroke("up", "press", 7))
        await wait_until(pilot, lambda: app.sent[-1] == KeyInput(key="up", time_ns=7))  # type: ignore[arg-type]
        before = len(app.sent)
        await pilot.press("up")
        assert len(app.sent) == before, "Textual reports the same key press again"
        await pilot.press("f2")
        assert app.sent[-1] == SetHoldMode(way="timeout")
        pane.post_message(ReleaseSupport(True))
        await pilot.pause(0.1)
        assert app.sent[-1] == SetHoldMode(way="timeout")

    session(test)
