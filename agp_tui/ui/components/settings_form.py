"""A form built from the schema of the settings, and how settings are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, Static

from agp_tui.config.file import FileError, LoadedConfig, read_sections
from agp_tui.config.form_fields import list_settings
from agp_tui.errors import SettingError
from agp_tui.ui.dialogs.form import Cycle

UNSET = "its own"
"""The choice of an optional setting that is not set: the algorithm's own value."""
START_HELP = "[b]Enter[/] trains with these; [b]tab[/] goes from one to the next."


class Setting(msgspec.Struct, frozen=True):
    """A row of `agp config show`."""

    section: str
    key: str
    kind: str
    value: Any = None
    default: Any = None
    source: str = "default"
    help: str = ""
    limits: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Setting":
        """The setting of a row of `list_settings`."""
        return msgspec.convert(row, cls)

    @property
    def name(self) -> str:
        """Such as `game.fps`."""
        return f"{self.section}.{self.key}"

    @property
    def form_choices(self) -> tuple[str, ...]:
        """The choices in a form, `UNSET` first if it is optional; empty for a setting that is typed."""
        choices = ("yes", "no") if self.kind == "bool" else self.choices
        return (UNSET, *choices) if choices and self.optional else choices

    @property
    def form_value(self) -> str:
        """The value as the text of a form field; empty or `UNSET` if it is not set."""
        if self.value is None:
            return UNSET if self.form_choices else ""
        return shown(self.value)


def shown(value: Any) -> str:
    """A value in the form in which it is typed; `-` for None."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def source(place: str) -> str:
    """The source of a value, with the file's name instead of its path."""
    file, space, section = place.partition(" ")
    return f"{Path(file).name}{space}{section}" if space else place


def value_in_file(problem: FileError) -> str:
    """The invalid value as it is in the file; empty if it cannot be read."""
    try:
        sections = read_sections(problem.file) if problem.file else {}
    except SettingError:
        sections = {}
    value = sections.get(problem.section, {}).get(problem.key)
    return "" if value is None else shown(value)


def setting_text(one: Setting, file: str) -> str:
    """Help, default, bounds and source of a setting, as markup."""
    bounds = [
        part for part in (one.limits, "or ".join([", ".join(one.choices)]) if one.choices else "") if part
    ]
    facts = [f"default {shown(one.default)}", *bounds]
    facts.append(f"set by {one.source}" if one.source != "default" else f"not set in {file}")
    return f"[b]{escape(one.name)}[/]  {escape(one.help)}\n[dim]{escape('; '.join(facts))}[/]"


class ChoiceField(Cycle):
    """A field with a few choices; Enter submits the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Submit", show=False)]

    class Submitted(Message):
        """Enter was pressed."""

    def action_submit(self) -> None:
        self.post_message(self.Submitted())


class SettingsForm(Vertical):
    """A row for each setting of a section, below them the help of the focused one or an error.

    Subclasses define `SECTION` and `SUBMIT`. Widget ids begin with the section: `#train-form`,
    `#train-help`, `#train-epochs`.
    """

    SECTION: ClassVar[str] = ""
    KEYS: ClassVar[tuple[str, ...] | None] = None
    """The settings in the form, in this order; None for all of the section."""
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()
    SUBMIT: ClassVar[str] = ""
    """The screen's action for Enter."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("escape", "leave", "Back to the list", show=False),
    ]

    class Left(Message):
        """The user goes back to the list."""

    def __init__(self, loaded: LoadedConfig) -> None:
        super().__init__(id=f"{self.SECTION}-form")
        self.settings = self._read(loaded)
        """By key."""
        self._focused = ""

    def _read(self, loaded: LoadedConfig) -> dict[str, Setting]:
        found = (Setting.of(row) for row in list_settings(loaded) if row["section"] == self.SECTION)
        by_key = {one.key: one for one in found if one.key not in self.LEFT_OUT}
        return by_key if self.KEYS is None else {key: by_key[key] for key in self.KEYS}

    def compose(self) -> ComposeResult:
        section = self.SECTION
        with VerticalScroll(id=f"{section}-fields", can_focus=False):
            for key, one in self.settings.items():
                with Horizontal(classes=f"{section}-row"):
                    yield Static(key, classes=f"{section}-label")
                    if choices := one.form_choices:
                        yield ChoiceField(choices, one.form_value, id=f"{section}-{key}")
                    else:
                        placeholder = self.placeholder(one)
                        yield Input(
                            one.form_value, placeholder=placeholder, compact=True, id=f"{section}-{key}"
                        )
        yield Static(id=f"{section}-help")
        yield Static(id=f"{section}-problem", markup=False)

    def on_mount(self) -> None:
        self.update_help()

    def placeholder(self, setting: Setting) -> str:
        """The text in an empty field."""
        return "no limit" if setting.optional else ""

    def help_text(self, setting: Setting) -> str:
        """The help of a setting, as markup."""
        limits = f" [dim]({escape(setting.limits)})[/]" if setting.limits else ""
        return f"{escape(setting.help)}{limits}"

    def start_help(self) -> str:
        """The help while no field has the focus, as markup."""
        return START_HELP

    def update_help(self) -> None:
        """Show the help of the focused setting."""
        setting = self.settings.get(self._focused)
        text = self.start_help() if setting is None else self.help_text(setting)
        self.query_one(f"#{self.SECTION}-help", Static).update(Content.from_markup(text))

    def field(self, key: str) -> Input | Cycle:
        """The field of a setting."""
        field = self.query_one(f"#{self.SECTION}-{key}")
        assert isinstance(field, Input | Cycle)
        return field

    def reload(self, loaded: LoadedConfig) -> None:
        """Take the settings from the file, except those that the user has changed in the form."""
        before, self.settings = self.settings, self._read(loaded)
        for key, setting in self.settings.items():
            field = self.field(key)
            if field.value == before[key].form_value:
                field.value = setting.form_value

    def values(self, keys: Sequence[str] | None = None) -> dict[str, str]:
        """The values of the fields that are not empty, by key."""
        values = {key: self.field(key).value.strip() for key in keys or self.settings}
        return {key: value for key, value in values.items() if value}

    def show_error(self, message: str, setting: str | None = None) -> None:
        """Show an error, empty for none, and focus the field of the setting at fault."""
        self.query_one(f"#{self.SECTION}-problem", Static).update(message)
        self.set_class(bool(message), "-refused")
        if setting is not None and setting in self.settings:
            self.field(setting).focus()

    def action_leave(self) -> None:
        """Go back to the list."""
        self.post_message(self.Left())

    async def on_input_submitted(self, submitted: Input.Submitted) -> None:
        submitted.stop()
        await self.screen.run_action(self.SUBMIT)

    async def on_choice_field_submitted(self, submitted: ChoiceField.Submitted) -> None:
        submitted.stop()
        await self.screen.run_action(self.SUBMIT)

    def on_input_changed(self, changed: Input.Changed) -> None:
        changed.stop()
        self.show_error("")

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._focused = (event.widget.id or "").removeprefix(f"{self.SECTION}-")
        self.update_help()

    def on_descendant_blur(self) -> None:
        self._focused = ""
        self.update_help()
