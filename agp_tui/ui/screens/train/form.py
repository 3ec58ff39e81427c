"""What a training is asked for: a small form made of the settings' own schema."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, Static

from agp_tui.config.file import LoadedConfig
from agp_tui.config.schema import list_settings
from agp_tui.ui.components.setting_field import Setting, shown
from agp_tui.ui.dialogs.form import Cycle

ASKED = ("model", "minutes", "epochs", "segment", "name")
"""Of the settings [train], in this order; all others hold as they are in config.toml."""
LOOKED_AT = ("segment",)
"""What decides how the recordings are split."""


class TrainChoice(Cycle):
    """One of a few; Enter starts, as everywhere in the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.start", "Train", show=False)]


class TrainForm(Vertical):
    """A line for each value; the help of the one that has the focus below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("escape", "leave", "Back to the list", show=False),
    ]

    class Left(Message):
        """A person goes back to the recordings."""

    class Changed(Message):
        """A value that the look at the data depends on is another one."""

    def __init__(self, loaded: LoadedConfig) -> None:
        super().__init__(id="train-form")
        self._settings = train_settings(loaded)

    def compose(self) -> ComposeResult:
        for one in self._settings:
            with Horizontal(classes="train-row"):
                yield Static(one.key, classes="train-label")
                if one.choices:
                    yield TrainChoice(one.choices, _typed(one), id=f"train-{one.key}")
                else:
                    yield Input(_typed(one), placeholder=_example(one), compact=True, id=f"train-{one.key}")
        yield Static(id="train-help")
        yield Static(id="train-problem", markup=False)

    def on_mount(self) -> None:
        self.border_title = "Training"
        self.query_one("#train-help", Static).update(Content.from_markup(START))

    def renew(self, loaded: LoadedConfig) -> None:
        """Take what the settings file says now, but for what a person has typed or chosen here."""
        before, self._settings = self._settings, train_settings(loaded)
        for was, one in zip(before, self._settings, strict=True):
            field = self._field(one.key)
            if field.value == _typed(was):
                field.value = _typed(one)

    def _field(self, key: str) -> Input | Cycle:
        field = self.query_one(f"#train-{key}")
        assert isinstance(field, Input | Cycle)
        return field

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The help of that value."""
        for one in self._settings:
            if event.widget.id == f"train-{one.key}":
                limits = f" [dim]({escape(one.limits)})[/]" if one.limits else ""
                text = f"{escape(one.help)}{limits}"
                self.query_one("#train-help", Static).update(Content.from_markup(text))

    def on_descendant_blur(self) -> None:
        """What to do now."""
        self.query_one("#train-help", Static).update(Content.from_markup(START))

    def on_input_changed(self, changed: Input.Changed) -> None:
        """A new look at the data, where the value matters to it; what was wrong is being put right."""
        changed.stop()
        self.refuse("")
        if (changed.input.id or "").removeprefix("train-") in LOOKED_AT:
            self.post_message(self.Changed())

    async def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Enter starts, wherever it is pressed."""
        submitted.stop()
        await self.screen.run_action("start")

    def action_leave(self) -> None:
        """Back to the recordings."""
        self.post_message(self.Left())

    def name_it(self) -> None:
        """To the name of the model."""
        self.query_one("#train-name").focus()

    def refuse(self, problem: str, setting: str | None = None) -> None:
        """Show what does not fit, and focus the field of the setting at fault."""
        self.query_one("#train-problem", Static).update(problem)
        self.set_class(bool(problem), "-refused")
        if setting is not None and setting in ASKED:
            self._field(setting).focus()

    def values(self, keys: Sequence[str] = ASKED) -> dict[str, str]:
        """What is typed and chosen, by setting; nothing of what is left empty."""
        found = {}
        for key in keys:
            if value := self._field(key).value.strip():
                found[key] = value
        return found

    def flags(self, keys: Sequence[str] = ASKED) -> list[str]:
        """The same as flags of `agp train`."""
        return [f"--{key}={value}" for key, value in self.values(keys).items()]


START = "[b]Enter[/] trains with these; [b]tab[/] goes from one to the next."


def train_settings(loaded: LoadedConfig) -> list[Setting]:
    """Those that are asked for, as they are set."""
    known = {one.key: one for one in map(Setting.of, list_settings(loaded)) if one.section == "train"}
    return [known[key] for key in ASKED]


def _typed(one: Setting) -> str:
    """Its value as it stands in the field; nothing where it is not set."""
    return "" if one.value is None else shown(one.value)


def _example(one: Setting) -> str:
    return "the game's name" if one.key == "name" else "no limit" if one.optional else ""
