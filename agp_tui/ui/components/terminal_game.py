"""Atari game played in the terminal: a live view that passes the terminal's keys to the game."""

import os
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from agp_tui.config import TerminalSettings
from agp_tui.config.types import HoldMode
from agp_tui.keys.terminal_keys import RELEASE_ALL_KEY
from agp_tui.protocol.commands import Command, KeyInput, ReleaseAllKeys, SetHoldMode
from agp_tui.protocol.events import Live
from agp_tui.ui.components.live_view import Kind, LiveView
from agp_tui.ui.keyboard.driver import KeyboardDriver
from agp_tui.ui.keyboard.kitty_parser import KeyStroke, ReleaseSupport, to_key_name

ANSWER_SECONDS = 1.0
"""Time for the terminal to answer what it supports; over SSH the question and the answer travel."""

APP_KEYS = ("escape", "f1", "f2", "f12", "ctrl+q", "ctrl+c")
"""Keys that never reach the game: end, help, hold mode, panic, quit."""

HOLD_MODE_TEXT: dict[HoldMode, str] = {
    "releases": "Keys are held until you release them",
    "timeout": "Keys are held for {seconds:g} s after each press",
    "latched": "The last direction is held; enter releases it",
}


class TerminalGame(Vertical, can_focus=True):
    """A live view that sends typed keys to the game between `begin` and `end`, while it has the focus.

    All keys are released when it or the terminal loses the focus, and when it is removed.
    """

    DEFAULT_CSS = """
    TerminalGame > .hold-mode { height: 1; padding: 0 1; color: $text-muted; display: none; }
    TerminalGame.-playing > .hold-mode { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "next_hold_mode", "How keys are held", id="hands.way"),
        Binding("escape", "leave", "End", id="hands.leave"),
    ]

    class Closed(Message):
        """The user wants to end the game."""

    def __init__(self, kind: Kind, message: str, *, id: str | None = None) -> None:
        """`message` is shown while no game runs."""
        super().__init__(id=id)
        self._kind, self._message = kind, message
        self._send: Callable[[Command], None] | None = None
        self._keys: frozenset[str] | None = None
        self._settings = TerminalSettings()
        self._hold_mode: HoldMode | None = None
        self._reports_releases = False
        """Whether the terminal reports key releases."""
        self._mode_from_answer = False
        """Whether the terminal's answer still decides the hold mode, however late it comes."""

    def compose(self) -> ComposeResult:
        yield LiveView(self._kind, self._message)
        yield Static(classes="hold-mode", markup=False)

    def show(self, live: Live) -> None:
        """Show the game's newest state."""
        self.query_one(LiveView).show(live)

    def reset(self, message: str) -> None:
        """Show a message instead of a game."""
        self.query_one(LiveView).reset(message)

    def begin(
        self,
        send: Callable[[Command], None],
        settings: TerminalSettings,
        keys: tuple[str, ...] | None = None,
    ) -> None:
        """Start sending keys to `send`: only `keys`, or all except `APP_KEYS` if None."""
        self._send, self._settings = send, settings
        self._keys = None if keys is None else frozenset(keys)
        self._reports_releases = self._mode_from_answer = False
        self.add_class("-playing")
        self.refresh_bindings()
        driver = self.app._driver
        if settings.holding in ("auto", "releases") and isinstance(driver, KeyboardDriver):
            self._hold_mode, self._mode_from_answer = None, True
            self._show_hold_mode("Asking the terminal whether it reports key releases …")
            driver.report_key_strokes(self.post_message)
            self.set_timer(ANSWER_SECONDS, self._answer_timed_out)
        else:
            self._set_hold_mode("latched" if settings.holding == "latched" else "timeout")

    def end(self) -> None:
        """Stop sending keys, and release those that are held."""
        if self._send is None:
            return
        self._release_all()
        self._send = self._hold_mode = None
        self.remove_class("-playing")
        self.refresh_bindings()
        driver = self.app._driver
        if isinstance(driver, KeyboardDriver):
            driver.stop_key_strokes()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the pane's own keys only during a game."""
        return self._send is not None if action in ("next_hold_mode", "leave") else True

    def on_release_support(self, answer: ReleaseSupport) -> None:
        """Choose the hold mode by what the terminal supports."""
        self._reports_releases = answer.supported
        if self._send is not None and self._mode_from_answer:
            self._mode_from_answer = False
            self._set_hold_mode("releases" if answer.supported else "timeout")

    def on_key_stroke(self, stroke: KeyStroke) -> None:
        """Send a key stroke of a terminal that reports releases."""
        if self._send is None or self._hold_mode != "releases" or not self.has_focus:
            return
        if self._is_game_key(stroke.key):
            self._send(KeyInput(key=stroke.key, stroke=stroke.stroke, time_ns=stroke.time_ns))

    def on_key(self, event: events.Key) -> None:
        """Send a key of a terminal without releases; a key of the game triggers no binding."""
        if self._send is None or event.key in APP_KEYS:
            return
        name = None if event.key.startswith(("ctrl+", "alt+")) else to_key_name(event.key)
        is_game_key = name is not None and self._is_game_key(name)
        if is_game_key or self._keys is None:
            event.stop()
            event.prevent_default()
        if is_game_key and self._hold_mode in ("timeout", "latched"):
            self._send(KeyInput(key=name or "", time_ns=None))

    def on_blur(self) -> None:
        """Release all keys: what is typed now is not meant for the game."""
        self._release_all()

    def on_unmount(self) -> None:
        self.end()

    def action_next_hold_mode(self) -> None:
        """Switch to the next hold mode that the terminal supports."""
        modes: list[HoldMode] = ["timeout", "latched"]
        if self._reports_releases:
            modes.insert(0, "releases")
        if self._hold_mode is not None:
            self._mode_from_answer = False
            self._set_hold_mode(modes[(modes.index(self._hold_mode) + 1) % len(modes)])

    def action_leave(self) -> None:
        """Ask for the game to end."""
        self.post_message(self.Closed())

    def _is_game_key(self, name: str) -> bool:
        releases = self._hold_mode == "latched" and name == RELEASE_ALL_KEY
        return name != "esc" and (self._keys is None or name in self._keys or releases)

    def _answer_timed_out(self) -> None:
        if self._send is not None and self._hold_mode is None:
            self._set_hold_mode("timeout")

    def _set_hold_mode(self, mode: HoldMode) -> None:
        self._hold_mode = mode
        text = HOLD_MODE_TEXT[mode].format(seconds=self._settings.hold_seconds)
        if self._settings.holding in ("auto", "releases") and not self._reports_releases:
            terminal = "tmux" if os.environ.get("TMUX") else "this terminal"
            text += f"; {terminal} reports no releases"
        self._show_hold_mode(f"{text}.")
        if self._send is not None:
            self._send(SetHoldMode(way=mode))

    def _release_all(self) -> None:
        if self._send is not None:
            self._send(ReleaseAllKeys())

    def _show_hold_mode(self, text: str) -> None:
        self.query_one(".hold-mode", Static).update(text)
