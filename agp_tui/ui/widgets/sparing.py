"""Widgets that are told more often than a person can look: they draw at intervals."""

import time
from typing import ClassVar

from textual.timer import Timer
from textual.widget import Widget


class Sparing(Widget):
    """Draws when it is told something, but not again before `SECONDS_BETWEEN` have passed."""

    SECONDS_BETWEEN: ClassVar[float] = 0.5

    _drawn_at = 0.0
    _later: Timer | None = None

    def draw_soon(self) -> None:
        """Draw now, or as soon as the last time is long enough ago."""
        if not self.is_mounted or self._later is not None:
            return
        left = self._drawn_at + self.SECONDS_BETWEEN - time.monotonic()
        if left <= 0:
            self.draw_now()
        else:
            self._later = self.set_timer(left, self.draw_now)

    def draw_now(self) -> None:
        """Draw, however short ago the last time is."""
        self._later = None
        self._drawn_at = time.monotonic()
        self.take_in()
        self.refresh()

    def take_in(self) -> None:
        """What was told since the last time is to be drawn."""
