"""How an agent is trained: every setting of [atari], made of the settings' own schema."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, Static

from agp_tui.atari.hyperparameters import KNOBS, WITHOUT_MEANING
from agp_tui.config.file import LoadedConfig
from agp_tui.config.schema import list_settings
from agp_tui.games.ids import is_atari
from agp_tui.ui.components.setting_field import Setting, shown
from agp_tui.ui.dialogs.form import Cycle

MONTE_CARLO = "monte_carlo"
FROM_THE_LIST = "game"
"""The one setting that is chosen elsewhere."""
OWN = "its own"
"""Where nothing is chosen the algorithm has a value of its own."""
EXAMPLES = {
    "minutes": "60, if no other",
    "steps": "no limit",
    "tries": "no limit",
    "save_best_as": "a name",
    "load_model": "a name or a run",
    "resume": "a run",
    "from_model": "a name or a run",
    "workers": "all cores",
}
"""What stands in an empty field that no algorithm has a value for."""
START = "[b]Enter[/] trains with these; [b]tab[/] goes from one to the next."
NO_GAME = "Choose a game: [b]enter[/] in the list takes it."


class AtariChoice(Cycle):
    """One of a few; Enter starts, as everywhere in the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.train", "Train", show=False)]


class AtariForm(Vertical):
    """A line for each setting; the help of the one that has the focus below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("escape", "leave", "Back to the list", show=False),
    ]

    class Left(Message):
        """A person goes back to the games."""

    def __init__(self, loaded: LoadedConfig) -> None:
        super().__init__(id="atari-form")
        self._settings = atari_settings(loaded)
        self._game = ""
        self._focused = ""
        """The key of the setting whose help is shown."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="atari-fields", can_focus=False):
            for one in self._settings.values():
                with Horizontal(classes="atari-row"):
                    yield Static(one.key, classes="atari-label")
                    if choices := choices_of(one):
                        yield AtariChoice(choices, typed(one), id=f"atari-{one.key}")
                    else:
                        yield Input(typed(one), compact=True, id=f"atari-{one.key}")
        yield Static(id="atari-help")
        yield Static(id="atari-problem", markup=False)

    def on_mount(self) -> None:
        self.watch(self._field("algorithm"), "value", self._algorithm_changed)
        self.choose("")

    def choose(self, game: str) -> None:
        """The game that is trained."""
        self._game = game if is_atari(game) else ""
        self.border_title = f"Train an agent: {self._game or 'no game yet'}"
        self._say()

    def renew(self, loaded: LoadedConfig) -> None:
        """Take what the settings file says now, but for what a person has typed or chosen here."""
        before, self._settings = self._settings, atari_settings(loaded)
        for key, one in self._settings.items():
            field = self._field(key)
            if field.value == typed(before[key]):
                field.value = typed(one)

    # --- what is asked for -----------------------------------------------------------------------

    @property
    def algorithm(self) -> str:
        """The one that is chosen."""
        return self._field("algorithm").value

    def toggle_monte_carlo(self) -> None:
        """To Monte Carlo, or back to the algorithm that is usual here."""
        usual = typed(self._settings["algorithm"])
        if usual == MONTE_CARLO:
            usual = shown(self._settings["algorithm"].default)
        self._field("algorithm").value = MONTE_CARLO if self.algorithm != MONTE_CARLO else usual

    @property
    def agent_to_watch(self) -> str:
        """The agent that is to play instead of one being trained; empty for none."""
        return self._field("load_model").value.strip()

    def words(self) -> list[str]:
        """The flags of `agp atari train` that ask for what stands here; what the file says is left out."""
        found = []
        for key, one in self._settings.items():
            value = self._field(key).value.strip()
            if value != typed(one):
                found.append(flag(one, value))
        return [*(["--game", self._game] if self._game else []), *found]

    def refuse(self, problem: str, setting: str | None = None) -> None:
        """Show what does not fit, and focus the field of the setting at fault."""
        self.query_one("#atari-problem", Static).update(problem)
        self.set_class(bool(problem), "-refused")
        if setting is not None and setting in self._settings:
            self._field(setting).focus()

    def enter(self) -> None:
        """The keys go to the first field."""
        self._field("algorithm").focus()

    def action_leave(self) -> None:
        """Back to the games."""
        self.post_message(self.Left())

    async def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Enter starts, wherever it is pressed."""
        submitted.stop()
        await self.screen.run_action("train")

    def on_input_changed(self, changed: Input.Changed) -> None:
        """What was wrong is being put right."""
        changed.stop()
        self.refuse("")

    def _field(self, key: str) -> Input | Cycle:
        field = self.query_one(f"#atari-{key}")
        assert isinstance(field, Input | Cycle)
        return field

    # --- help ------------------------------------------------------------------------------------

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The help of that setting."""
        self._focused = (event.widget.id or "").removeprefix("atari-")
        self._say()

    def on_descendant_blur(self) -> None:
        """What to do now."""
        self._focused = ""
        self._say()

    def _algorithm_changed(self) -> None:
        """Other values hold where nothing is typed."""
        self.refuse("")
        for key, one in self._settings.items():
            if isinstance(field := self._field(key), Input):
                field.placeholder = example(one, self.algorithm)
        self._say()

    def _say(self) -> None:
        text = START if self._game else NO_GAME
        if (one := self._settings.get(self._focused)) is not None:
            text = help_of(one, self.algorithm)
        self.query_one("#atari-help", Static).update(Content.from_markup(text))


def atari_settings(loaded: LoadedConfig) -> dict[str, Setting]:
    """Those of [atari] by their keys, as they are set, but for the game."""
    found = (Setting.of(row) for row in list_settings(loaded) if row["section"] == "atari")
    return {one.key: one for one in found if one.key != FROM_THE_LIST}


def choices_of(one: Setting) -> tuple[str, ...]:
    """All that it can be, where that is little; the algorithm's own value first, where it has one."""
    choices = ("yes", "no") if one.kind == "bool" else one.choices
    return (OWN, *choices) if choices and one.optional else choices


def typed(one: Setting) -> str:
    """Its value as it stands in the field; nothing, or `OWN`, where it is not set."""
    if one.value is None:
        return OWN if choices_of(one) else ""
    return shown(one.value)


def flag(one: Setting, value: str) -> str:
    """A value of a field as a flag."""
    if one.kind == "bool" and value != OWN:
        return f"--{dashed(one.key)}" if value == "yes" else f"--no-{dashed(one.key)}"
    return f"--{dashed(one.key)}={'none' if value in ('', OWN) else value}"


def dashed(key: str) -> str:
    """A key as its flag has it."""
    return key.replace("_", "-")


def own_value(key: str, algorithm: str) -> Any:
    """What an algorithm learns with where nothing is asked for; None where it has no say."""
    return getattr(KNOBS[algorithm], key, None)


def example(one: Setting, algorithm: str) -> str:
    """What stands in an empty field."""
    if one.key in WITHOUT_MEANING.get(algorithm, ()):
        return "has no use here"
    own = own_value(one.key, algorithm)
    return EXAMPLES.get(one.key, "") if own is None else f"{shown(own)}, its own"


def help_of(one: Setting, algorithm: str) -> str:
    """What a setting is, what it may be and what holds where it is left open, as markup."""
    facts = [one.limits] if one.limits and not one.choices else []
    own = own_value(one.key, algorithm)
    if one.optional and own is not None:
        facts.append(f"{algorithm}: {shown(own)}")
    elif not one.optional:
        facts.append(f"default {shown(one.default)}")
    text = f"{escape(one.help)} [dim]{escape('; '.join(facts))}[/]"
    if one.key in WITHOUT_MEANING.get(algorithm, ()):
        text = f"[$warning]{algorithm} has no use for it.[/] {text}"
    return text
