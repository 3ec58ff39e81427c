"""Form dialog: a few values to type or choose, validated by a callback."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Input, Static

from agp_tui.errors import AgpError

Values = dict[str, str]
Take = Callable[[Values], Awaitable[None]]
"""Accepts the values. An `AgpError` that it raises is shown, and the form stays open."""


@dataclass(frozen=True)
class Field:
    """A field with its `label`, an `example` as placeholder, and the allowed `choices`, if any."""

    name: str
    label: str
    value: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()


class Cycle(Static, can_focus=True):
    """A choice between a few values; left, right, space or a click changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "Previous", show=False),
        Binding("right,space", "turn(1)", "Next", show=False),
        Binding("enter", "screen.send", "Done", show=False),
    ]
    DEFAULT_CSS = """
    Cycle { width: 1fr; height: 1; background: $boost; }
    Cycle:focus { background: $primary; color: $text; }
    """

    value: reactive[str] = reactive("")

    def __init__(self, choices: Sequence[str], value: str, *, id: str) -> None:
        super().__init__(id=id)
        self._choices = list(choices)
        self.set_reactive(Cycle.value, value if value in choices else self._choices[0])

    def on_mount(self) -> None:
        self.watch_value(self.value)

    def watch_value(self, value: str) -> None:
        self.update(Content(f"‹ {value} ›"))

    def action_turn(self, by: int) -> None:
        """The next one, or the one before."""
        self.value = self._choices[(self._choices.index(self.value) + by) % len(self._choices)]

    def on_click(self) -> None:
        """A click takes the next one too."""
        self.action_turn(1)


class Form(ModalScreen[Values | None]):
    """Returns the accepted values by name, or None if cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="form.leave"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
    ]
    DEFAULT_CSS = """
    Form { align: center middle; }
    Form .form-row { height: 1; }
    Form .form-label { width: 24; height: 1; }
    Form #form-fields { height: auto; max-height: 12; }
    Form #form-problem { height: auto; color: $text-error; margin-top: 1; }
    Form Input { width: 1fr; }
    """

    def __init__(self, title: str, fields: Sequence[Field], done: str, take: Take) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._done = done
        self._take = take

    def compose(self) -> ComposeResult:
        with Vertical(id="form", classes="dialog"):
            yield Static(self._title, classes="title", markup=False)
            with VerticalScroll(id="form-fields", can_focus=False):
                for field in self._fields:
                    with Horizontal(classes="form-row"):
                        yield Static(field.label, classes="form-label", markup=False)
                        if field.choices:
                            yield Cycle(field.choices, field.value, id=field.name)
                        else:
                            yield Input(field.value, placeholder=field.example, compact=True, id=field.name)
            yield Static(id="form-problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Back (esc)", id="form-back", compact=True)
                yield Button(f"{self._done} (enter)", id="form-done", variant="primary", compact=True)
        yield Footer(show_command_palette=False)

    @property
    def values(self) -> Values:
        """What stands in the fields now, without spaces around it."""
        typed = {one.id: one.value.strip() for one in self.query(Input)}
        chosen = {one.id: one.value for one in self.query(Cycle)}
        return {field.name: {**typed, **chosen}[field.name] for field in self._fields}

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Enter in any field is done."""
        submitted.stop()
        self.action_send()

    def on_button_pressed(self, pressed: Button.Pressed) -> None:
        """Done, or back."""
        if pressed.button.id == "form-done":
            self.action_send()
        else:
            self.dismiss(None)

    def action_send(self) -> None:
        """Have the values taken."""
        self._send()

    def action_leave(self) -> None:
        """Nothing is taken."""
        self.dismiss(None)

    @work(exclusive=True, group="form")
    async def _send(self) -> None:
        problem = self.query_one("#form-problem", Static)
        problem.update("one moment …")
        values = self.values
        try:
            await self._take(values)
        except AgpError as error:
            problem.update(str(error))
            return
        self.dismiss(values)
