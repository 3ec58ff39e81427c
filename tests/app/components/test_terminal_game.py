"""The pane in which a person plays: which keys reach the game, in which way, and when they are let go of.

The terminal is textual's own for tests, so its answers are put in as the messages that the parser makes
of them; real bytes on a real pty are in `endtoend/test_play_in_terminal.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.apps import until
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from agp_tui.config import Config, TerminalSettings
from agp_tui.protocol.commands import Command, KeyInput, ReleaseAllKeys, SetHoldMode
from agp_tui.ui.components.terminal_game import TerminalGame
from agp_tui.ui.keyboard.kitty_parser import KeyStroke, ReleaseSupport


class PaneApp(App[None]):
    """A pane, something else that can have the focus, and a binding that must not fire while one plays."""

    BINDINGS = [("x", "bell", "Bell")]

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Command] = []
        self.rung = 0
        self.loaded: Any = type("Loaded", (), {"config": Config()})

    def compose(self) -> ComposeResult:
        yield TerminalGame("record", "Nothing yet.")
        yield Input()

    def action_bell(self) -> None:
        self.rung += 1


def session(test: Callable[[PaneApp, Pilot[None], TerminalGame], Awaitable[None]]) -> None:
    async def run() -> None:
        app = PaneApp()
        async with app.run_test() as pilot:
            pane = app.query_one(TerminalGame)
            pane.focus()
            await pilot.pause()
            await test(app, pilot, pane)

    asyncio.run(run())


def test_where_every_key_plays_none_does_anything_else() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        await pilot.press("x")
        assert app.rung == 1, "nothing runs yet"
        pane.begin(app.told.append, TerminalSettings())
        await pilot.press("up", "x", "f2")
        assert app.rung == 1
        assert app.told == [
            SetHoldMode(way="timeout"),
            KeyInput(key="up"),
            KeyInput(key="x"),
            SetHoldMode(way="latched"),
        ]
        pane.end()
        await pilot.press("x")
        assert app.rung == 2 and app.told[-1] == ReleaseAllKeys()

    session(test)


def test_where_only_some_keys_play_the_others_do_what_they_did() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.told.append, TerminalSettings(holding="latched"), ("up", "left"))
        await pilot.press("up", "x", "down", "enter")
        assert app.rung == 1
        assert app.told == [SetHoldMode(way="latched"), KeyInput(key="up"), KeyInput(key="enter")]

    session(test)


def test_keys_are_let_go_of_with_the_focus() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.told.append, TerminalSettings())
        app.query_one(Input).focus()
        await until(pilot, lambda: app.told[-1] == ReleaseAllKeys())  # type: ignore[arg-type]
        pane.post_message(KeyStroke("up", "press", 1))
        await pilot.press("up")
        assert app.told[-1] == ReleaseAllKeys()

    session(test)


def test_an_answer_that_comes_late_still_counts_but_not_against_the_person() -> None:
    async def test(app: PaneApp, pilot: Pilot[None], pane: TerminalGame) -> None:
        pane.begin(app.told.append, TerminalSettings())
        # As it stands a second after a real terminal was asked.
        pane._asked = True
        pane.post_message(ReleaseSupport(True))
        await until(pilot, lambda: app.told[-1] == SetHoldMode(way="releases"))  # type: ignore[arg-type]
        pane.post_message(KeyStroke("up", "press", 7))
        await until(pilot, lambda: app.told[-1] == KeyInput(key="up", time_ns=7))  # type: ignore[arg-type]
        before = len(app.told)
        await pilot.press("up")
        assert len(app.told) == before, "the same stroke once more, as textual has it"
        await pilot.press("f2")
        assert app.told[-1] == SetHoldMode(way="timeout")
        pane.post_message(ReleaseSupport(True))
        await pilot.pause(0.1)
        assert app.told[-1] == SetHoldMode(way="timeout")

    session(test)
