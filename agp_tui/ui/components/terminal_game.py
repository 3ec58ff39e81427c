"""A game under a person's hands: its picture in the terminal, and the terminal's keys as the game's."""

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
"""How long a terminal may take to say what it can; over SSH the question and the answer travel."""

APP_KEYS = ("escape", "f1", "f2", "f12", "ctrl+q", "ctrl+c")
"""Keys that never play: out of here, help, the way of holding, panic, quit."""

HOLDING_TEXT: dict[HoldMode, str] = {
    "releases": "Keys are held until you let go of them",
    "timeout": "Keys are held for {seconds:g} s after each stroke",
    "latched": "The last direction is held; enter lets go",
}
ASKING_TEXT = "Asking the terminal what it tells of keys …"


class TerminalGame(Vertical, can_focus=True):
    """A live view that plays, between `begin` and `end`, with the keys that are typed while it has the focus.

    When it loses the focus, when the terminal does, and when it goes away, every key is let go of.
    """

    DEFAULT_CSS = """
    TerminalGame > .terminal-game-keys { height: 1; padding: 0 1; color: $text-muted; display: none; }
    TerminalGame.-playing > .terminal-game-keys { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "way", "How keys are held", id="hands.way"),
        Binding("escape", "leave", "End", id="hands.leave"),
    ]

    class Closed(Message):
        """The person wants to end it."""

    def __init__(self, kind: Kind, message: str, *, id: str | None = None) -> None:
        """`message` stands there while nothing runs."""
        super().__init__(id=id)
        self._kind, self._message = kind, message
        self._tell: Callable[[Command], None] | None = None
        self._keys: frozenset[str] | None = None
        self._settings = TerminalSettings()
        self._way: HoldMode | None = None
        self._told = False
        """Whether the terminal tells of releases."""
        self._asked = False
        """Whether its answer decides about the way, however late it comes."""

    def compose(self) -> ComposeResult:
        yield LiveView(self._kind, self._message)
        yield Static(classes="terminal-game-keys", markup=False)

    def show(self, live: Live) -> None:
        """The game's newest state."""
        self.query_one(LiveView).show(live)

    def reset(self, message: str) -> None:
        """Nothing runs; say why, or what to press."""
        self.query_one(LiveView).reset(message)

    def begin(
        self,
        tell: Callable[[Command], None],
        settings: TerminalSettings,
        keys: tuple[str, ...] | None = None,
    ) -> None:
        """Keys go to `tell` from now on: all but a few or, where the pane has other uses for keys, `keys`."""
        self._tell, self._settings = tell, settings
        self._keys = None if keys is None else frozenset(keys)
        self._told = self._asked = False
        self.add_class("-playing")
        self.refresh_bindings()
        driver = self.app._driver
        if settings.holding in ("auto", "releases") and isinstance(driver, KeyboardDriver):
            self._way, self._asked = None, True
            self._say(ASKING_TEXT)
            driver.report_key_strokes(self.post_message)
            self.set_timer(ANSWER_SECONDS, self._unanswered)
        else:
            self._choose("latched" if settings.holding == "latched" else "timeout")

    def end(self) -> None:
        """The game is over, or the person is: keys are the app's again."""
        if self._tell is None:
            return
        self._let_go()
        self._tell = self._way = None
        self.remove_class("-playing")
        self.refresh_bindings()
        driver = self.app._driver
        if isinstance(driver, KeyboardDriver):
            driver.stop_key_strokes()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Its own keys are there while it plays."""
        return self._tell is not None if action in ("way", "leave") else True

    def on_release_support(self, answer: ReleaseSupport) -> None:
        """The terminal can, or cannot, tell when a key is let go of."""
        self._told = answer.told
        if self._tell is not None and self._asked:
            self._asked = False
            self._choose("releases" if answer.told else "timeout")

    def on_key_stroke(self, typed: KeyStroke) -> None:
        """A stroke, where the terminal tells of releases."""
        if self._tell is not None and self._way == "releases" and self.has_focus and self._plays(typed.key):
            self._tell(KeyInput(key=typed.key, stroke=typed.stroke, time_ns=typed.time_ns))

    def on_key(self, event: events.Key) -> None:
        """A key as any terminal gives it; what plays goes no further."""
        if self._tell is None or event.key in APP_KEYS:
            return
        name = None if event.key.startswith(("ctrl+", "alt+")) else to_key_name(event.key)
        plays = name is not None and self._plays(name)
        if plays or self._keys is None:
            event.stop()
            event.prevent_default()
        if plays and self._way in ("timeout", "latched"):
            self._tell(KeyInput(key=name or "", time_ns=None))

    def on_blur(self) -> None:
        """Whatever the person does now is not meant for the game."""
        self._let_go()

    def on_unmount(self) -> None:
        self.end()

    def action_way(self) -> None:
        """The next way of holding keys."""
        ways: list[HoldMode] = ["releases", "timeout", "latched"] if self._told else ["timeout", "latched"]
        if self._way is not None:
            self._asked = False
            self._choose(ways[(ways.index(self._way) + 1) % len(ways)])

    def action_leave(self) -> None:
        """Enough played."""
        self.post_message(self.Closed())

    def _plays(self, name: str) -> bool:
        lets_go = self._way == "latched" and name == RELEASE_ALL_KEY
        return name != "esc" and (self._keys is None or name in self._keys or lets_go)

    def _unanswered(self) -> None:
        if self._tell is not None and self._way is None:
            self._choose("timeout")

    def _choose(self, way: HoldMode) -> None:
        self._way = way
        words = HOLDING_TEXT[way].format(seconds=self._settings.hold_seconds)
        if self._settings.holding in ("auto", "releases") and not self._told:
            who = "tmux" if os.environ.get("TMUX") else "this terminal"
            words += f"; {who} tells of no releases"
        self._say(f"{words}.")
        if self._tell is not None:
            self._tell(SetHoldMode(way=way))

    def _let_go(self) -> None:
        if self._tell is not None:
            self._tell(ReleaseAllKeys())

    def _say(self, text: str) -> None:
        self.query_one(".terminal-game-keys", Static).update(text)
