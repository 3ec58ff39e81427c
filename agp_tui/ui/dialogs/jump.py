"""Jump mode: a letter on every focusable widget; typing the letter focuses it."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Jump(ModalScreen[Widget | None]):
    """Shows letters over the screen below. Returns the widget of the typed letter, or None."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", id="jump.leave")]

    def __init__(self, targets: list[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        for letter, target in self._targets.items():
            label = Static(f" {letter} ", classes="jump-letter")
            label.absolute_offset = Offset(target.region.x, target.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """Return the widget of this letter; any other key cancels."""
        if event.key != "escape":
            event.stop()
            self.dismiss(self._targets.get(event.key))

    def on_click(self) -> None:
        """Cancel on a click."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)


def jump_targets(screen: Widget) -> list[Widget]:
    """The visible focusable widgets of a screen, from top left to bottom right."""
    found = [one for one in screen.query("*") if one.focusable and one.display and one.region.area]
    return sorted(found, key=lambda widget: (widget.region.y, widget.region.x))
