"""Jump: every widget that takes the focus gets a letter; the letter goes there."""

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
    """Letters over the screen below; the widget whose letter is typed, None where none is."""

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
        """A letter is a target; anything else leaves."""
        if event.key != "escape":
            event.stop()
            self.dismiss(self._targets.get(event.key))

    def on_click(self) -> None:
        """A click leaves."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Stay where you were."""
        self.dismiss(None)


def jump_targets(screen: Widget) -> list[Widget]:
    """What can be jumped to: what is seen and takes the focus, from the top left on."""
    found = [one for one in screen.query("*") if one.focusable and one.display and one.region.area]
    return sorted(found, key=lambda widget: (widget.region.y, widget.region.x))
