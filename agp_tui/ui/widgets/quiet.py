"""Text that is drawn only where it is new: over SSH a redraw costs, and most looks find what was there."""

from textual.content import Content
from textual.widgets import Static


class Quiet(Static):
    """A `Static` whose text may be told again and again."""

    _told: Content | None = None

    def say(self, markup: str) -> None:
        """Show this markup."""
        content = Content.from_markup(markup)
        if content != self._told:
            self._told = content
            self.update(content)
