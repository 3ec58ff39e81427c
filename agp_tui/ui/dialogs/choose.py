"""Choosing one of many by typing a part of its name."""

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
    """One of many: `value` is given back, `note` stands beside its name."""

    value: str
    note: str = ""


class Choose(ModalScreen[str | None]):
    """A list with a filter; None where the person leaves it. `new` says that other names are taken too."""

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

    def compose(self) -> ComposeResult:
        with Vertical(id="choose", classes="dialog"):
            yield Static(self._title, classes="title", markup=False)
            yield Input(placeholder=self._new or "type to filter")
            yield OptionList()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._fill("")

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Show what fits."""
        self._fill(changed.value)

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Take the highlighted one; a new name where none fits and new ones are taken."""
        options = self.query_one(OptionList)
        if options.highlighted is not None and options.option_count:
            self.dismiss(options.get_option_at_index(options.highlighted).id)
        elif self._new and submitted.value.strip():
            self.dismiss(submitted.value.strip())

    def on_option_list_option_selected(self, selected: OptionList.OptionSelected) -> None:
        """A click, or Enter in the list."""
        self.dismiss(selected.option.id)

    def action_move(self, by: int) -> None:
        """Up and down work while typing."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def action_leave(self) -> None:
        """Nothing is chosen."""
        self.dismiss(None)

    def _fill(self, text: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        for choice in self._choices:
            if text.lower() in choice.value.lower():
                note = f"  {choice.note}" if choice.note else ""
                options.add_option(Option(Content.assemble(choice.value, (note, "dim")), id=choice.value))
        if options.option_count:
            options.highlighted = 0
