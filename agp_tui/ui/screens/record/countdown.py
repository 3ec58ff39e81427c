"""The seconds before a recording begins, large enough to be seen from a chair."""

from math import ceil

from textual.app import ComposeResult
from textual.containers import Center, Middle
from textual.widgets import Digits, Static

from agp_tui.protocol.events import Progress


class Countdown(Middle):
    """A large number."""

    DEFAULT_CSS = """
    Countdown Digits { width: auto; color: $warning; text-style: bold; }
    Countdown Static { width: auto; color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        with Center():
            yield Digits("", id="countdown-seconds")
        with Center():
            yield Static("Put the focus on the game. Esc here or there keeps nothing.")

    def show(self, progress: Progress) -> None:
        """The seconds that are left."""
        self.query_one(Digits).update(str(ceil(progress.seconds_left or 0)))
