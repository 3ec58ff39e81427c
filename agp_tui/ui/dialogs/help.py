"""Help dialog (F1): the purpose and the keys of a screen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer

EVERYWHERE = """
### Everywhere

| Key | What it does |
|---|---|
| `1` to `7` | the screens |
| `g` | choose the game |
| `ctrl+o` | jump mode: type the letter of a widget to focus it |
| `ctrl+p` | every command, by name |
| `tab`, `shift+tab` | next and previous widget |
| `y` | copy what is selected (a path, an error); works over SSH |
| `f12` | panic: release every key that the app holds in a game |
| `ctrl+q` | quit; a training continues, a recording is finished |
"""


class HelpScreen(ModalScreen[None]):
    """A screen's help, followed by the global keys."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss_help", "Close", id="help.close"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        from textual.widgets import Markdown

        with VerticalScroll(id="help", classes="dialog"):
            yield Markdown(self._text + EVERYWHERE)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#help").focus()

    def action_dismiss_help(self) -> None:
        """Close the dialog."""
        self.dismiss()
