"""Countdown before a recording, in digits large enough to be read from a distance."""

from math import ceil

from textual.app import ComposeResult
from textual.containers import Center, Middle
from textual.widgets import Digits, Static

from agp_tui.protocol.events import Progress


class Countdown(Middle):
    """Shows the seconds left in large digits."""

    DEFAULT_CSS = """
    Countdown Digits { width: auto; color: $warning; text-style: bold; }
    Countdown Static { width: auto; color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        with Center():
            yield Digits("", id="countdown-seconds")
        with Center():
            yield Static("Put the focus on the game. Esc here or in the game cancels.")

    def show(self, progress: Progress) -> None:
        """Show the seconds left."""
        self.query_one(Digits).update(str(ceil(progress.seconds_left or 0)))
