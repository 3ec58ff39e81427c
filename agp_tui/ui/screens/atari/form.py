"""The form of a training of an agent: every setting of [atari] but the game."""

from typing import Any, ClassVar

from textual.markup import escape
from textual.widgets import Input

from agp_tui.atari.hyperparameters import UNUSED_BY, default_settings
from agp_tui.games.ids import is_atari
from agp_tui.ui.components.settings_form import START_HELP, UNSET, Setting, SettingsForm, shown

MONTE_CARLO = "monte_carlo"
PLACEHOLDERS = {
    "minutes": "60, if no other",
    "steps": "no limit",
    "tries": "no limit",
    "save_best_as": "a name",
    "load_model": "a name or a run",
    "resume": "a run",
    "from_model": "a name or a run",
    "workers": "all cores",
}
"""The text in an empty field of a setting that no algorithm has a value for."""
NO_GAME = "Choose a game: [b]enter[/] in the list takes it."


class AtariForm(SettingsForm):
    """The settings of a training; defaults, placeholders and help follow the chosen algorithm."""

    SECTION = "atari"
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"game"})
    SUBMIT = "train"
    _game = ""

    def on_mount(self) -> None:
        self.watch(self.field("algorithm"), "value", self._algorithm_changed)
        self.set_game("")

    def set_game(self, game: str) -> None:
        """Set the game to train on."""
        self._game = game if is_atari(game) else ""
        self.border_title = f"Train an agent: {self._game or 'no game yet'}"
        self.update_help()

    @property
    def algorithm(self) -> str:
        """The chosen algorithm."""
        return self.field("algorithm").value

    def toggle_monte_carlo(self) -> None:
        """Choose Monte Carlo, or return to the algorithm of the settings."""
        setting = self.settings["algorithm"]
        other = shown(setting.default) if setting.form_value == MONTE_CARLO else setting.form_value
        self.field("algorithm").value = MONTE_CARLO if self.algorithm != MONTE_CARLO else other

    @property
    def agent_to_watch(self) -> str:
        """The agent to watch instead of training one; empty for none."""
        return self.field("load_model").value.strip()

    def flags(self) -> list[str]:
        """Flags of `agp atari train` for the game and every value that differs from the settings."""
        values = {key: self.field(key).value.strip() for key in self.settings}
        changed = [
            flag(one, values[key]) for key, one in self.settings.items() if values[key] != one.form_value
        ]
        return [*(["--game", self._game] if self._game else []), *changed]

    def focus_first(self) -> None:
        """Focus the first field."""
        self.field("algorithm").focus()

    def start_help(self) -> str:
        """The help while no field has the focus, as markup."""
        return START_HELP if self._game else NO_GAME

    def placeholder(self, setting: Setting) -> str:
        """The text in an empty field; set when the algorithm is known."""
        return ""

    def help_text(self, setting: Setting) -> str:
        """The help, bounds and default of a setting with the chosen algorithm, as markup."""
        facts = [setting.limits] if setting.limits and not setting.choices else []
        default = algorithm_default(setting.key, self.algorithm)
        if setting.optional and default is not None:
            facts.append(f"{self.algorithm}: {shown(default)}")
        elif not setting.optional:
            facts.append(f"default {shown(setting.default)}")
        text = f"{escape(setting.help)} [dim]{escape('; '.join(facts))}[/]"
        if setting.key in UNUSED_BY.get(self.algorithm, ()):
            text = f"[$warning]{self.algorithm} has no use for it.[/] {text}"
        return text

    def _algorithm_changed(self) -> None:
        self.show_error("")
        for key, one in self.settings.items():
            if isinstance(field := self.field(key), Input):
                field.placeholder = placeholder(one, self.algorithm)
        self.update_help()


def flag(setting: Setting, value: str) -> str:
    """The value of a field as a flag."""
    name = setting.key.replace("_", "-")
    if setting.kind == "bool" and value != UNSET:
        return f"--{name}" if value == "yes" else f"--no-{name}"
    return f"--{name}={'none' if value in ('', UNSET) else value}"


def algorithm_default(key: str, algorithm: str) -> Any:
    """The algorithm's own default of a setting; None if it has none."""
    return default_settings(algorithm).get(key)


def placeholder(setting: Setting, algorithm: str) -> str:
    """The text in an empty field: the algorithm's default, if it has one."""
    if setting.key in UNUSED_BY.get(algorithm, ()):
        return "has no use here"
    default = algorithm_default(setting.key, algorithm)
    return PLACEHOLDERS.get(setting.key, "") if default is None else f"{shown(default)}, its own"
