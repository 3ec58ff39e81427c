"""Choose dialog: pick one item from a list, filtered by typing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option


@dataclass(frozen=True)
class Choice:
    """A list item: `value` is returned, `name` (or else the value) is shown, `note` beside it."""

    value: str
    note: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        """The text that is shown and filtered by."""
        return self.name or self.value


class Choose(ModalScreen[str | None]):
    """Returns the chosen value, or None if cancelled. `new` is the placeholder if new names are accepted."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="choose.leave"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], new: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._new = new
        self._shown: list[Choice] = []
        """The choices that match the filter."""

    def compose(self) -> ComposeResult:
        with Vertical(id="choose", classes="dialog"):
            yield Static(self._title, classes="title", markup=False)
            yield Input(placeholder=self._new or "type to filter")
            yield OptionList()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._fill("")

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Apply the filter."""
        self._fill(changed.value)

    def on_input_submitted(self) -> None:
        """Accept the highlighted choice."""
        if (at := self.query_one(OptionList).highlighted) is not None:
            self.dismiss(self._shown[at].value)

    def on_option_list_option_selected(self, selected: OptionList.OptionSelected) -> None:
        """Accept a choice by click, or Enter in the list."""
        self.dismiss(self._shown[selected.option_index].value)

    def action_move(self, by: int) -> None:
        """Move the highlight while typing."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)

    def _fill(self, text: str) -> None:
        self._shown = [one for one in self._choices if text.lower() in one.shown.lower()]
        typed = text.strip()
        if self._new and typed and all(typed != one.value for one in self._choices):
            # Offered beside choices that contain the text: `rally` may be new although `rally2` exists.
            self._shown.append(Choice(typed, "a new name"))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            [Option(Content.assemble(one.shown, (f"  {one.note}", "dim"))) for one in self._shown]
        )
        if self._shown:
            options.highlighted = 0
