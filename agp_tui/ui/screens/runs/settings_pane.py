"""The tab of settings: a form made of their own schema, written back by `agp config set`."""

import asyncio
import os
import shlex
import subprocess
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.markup import escape
from textual.widgets import DataTable, Input, OptionList, Static
from textual.widgets.option_list import Option

from agp_tui.config.file import FileError, LoadedConfig
from agp_tui.config.form_fields import list_settings
from agp_tui.errors import AgpError, SettingError
from agp_tui.ui.app_base import AppBase, app_of
from agp_tui.ui.client.process import run_command
from agp_tui.ui.components.settings_form import Setting, setting_text, shown, source, value_in_file
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.screens.runs.keymap import KeyAsk, bindings_of, with_key


class SettingsTable(DataTable[Text]):
    """The settings of one section."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Change", id="settings.change"),
    ]

    def action_cursor_left(self) -> None:
        """To the sections, where there is nothing more at the left."""
        if self.scroll_x > 0:
            super().action_cursor_left()
        else:
            self.screen.query_one(Sections).focus()


class Sections(OptionList):
    """The names of the sections."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "select", "Into it", show=False),
    ]


KEYMAP, THEME = "ui.keymap", "ui.theme"
NO_FILE = "config.toml is not there yet; the first change makes it."


class SettingsPane(Vertical):
    """Sections at the left, their settings at the right, the highlighted one below, where it is changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_field", "Leave as it is", id="settings.leave"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._settings: dict[str, list[Setting]] = {}
        self._section = ""
        self._file = NO_FILE
        self._editing: Setting | None = None
        self._refused = ""
        """The value in the field that does not fit."""
        self._writing = asyncio.Lock()
        """Two changes one after the other, each of the whole file, are both wanted."""
        self._problem: SettingError | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="settings-problem")
        with Horizontal(id="settings-columns"):
            yield Sections(id="sections")
            yield SettingsTable(id="settings-table", cursor_type="row", zebra_stripes=True)
        with Vertical(id="setting"):
            yield Static(id="setting-text")
            yield Input(id="setting-input", compact=True)
            yield Static(id="setting-error", markup=False)

    @property
    def _agp(self) -> AppBase:
        return app_of(self)

    # --- what is shown --------------------------------------------------------------------------

    def update_data(self, loaded: LoadedConfig, problem: SettingError | None) -> None:
        """Show the settings that hold, and what is wrong with the file."""
        self._settings = {}
        for row in list_settings(loaded):
            setting = Setting.of(row)
            self._settings.setdefault(setting.section, []).append(setting)
        self._file = str(loaded.path) if loaded.path else NO_FILE
        news = problem is not None and str(problem) != str(self._problem)
        self._problem = problem
        self.set_class(problem is not None, "-broken")
        sections = self.query_one(OptionList)
        names = list(self._settings)
        if [sections.get_option_at_index(i).id for i in range(sections.option_count)] != names:
            sections.clear_options()
            sections.add_options([Option(name, id=name) for name in names])
            sections.highlighted = names.index(self._section) if self._section in names else 0
        self._fill()
        if problem is not None:
            self._show_problem(problem, news)

    def _show_problem(self, problem: SettingError, news: bool) -> None:
        text = f"[b]config.toml:[/] {escape(problem.message)} {escape(problem.hint)}"
        text += (
            "\n[b]The defaults hold until it is right.[/] Change the value below, or [b]o[/] opens the file."
        )
        self.query_one("#settings-problem", Static).update(Content.from_markup(text))
        if isinstance(problem, FileError) and problem.section in self._settings and news:
            self.show_setting(problem.section, problem.key)
            if (setting := self._highlighted()) is not None and setting.key == problem.key:
                self._edit(setting, value_in_file(problem))
                self._show_error(str(problem))

    def show_setting(self, section: str, key: str) -> None:
        """Put the cursor there."""
        self.query_one(OptionList).highlighted = list(self._settings).index(section)
        self._section = section
        self._fill()
        keys = [one.key for one in self._settings[section]]
        if key in keys:
            self.query_one(SettingsTable).move_cursor(row=keys.index(key), animate=False)

    def _fill(self) -> None:
        table = self.query_one(SettingsTable)
        rows = self._settings.get(self._section, [])
        at = table.cursor_row
        same = table.row_count == len(rows) and all(
            str(table.get_row_at(i)[0]) == one.key for i, one in enumerate(rows)
        )
        table.clear(columns=True)
        cells = [(one.key, shown(one.value), source(one.source)) for one in rows]
        for number, title in enumerate(("setting", "value", "from")):
            table.add_column(title, width=max(map(len, (title, *(row[number] for row in cells)))))
        for one, (key, value, place) in zip(rows, cells, strict=True):
            style = "" if one.source == "default" else "bold"
            table.add_row(Text(key), Text(value, style=style), Text(place, style="dim"))
        table.move_cursor(row=at if same else 0, animate=False)
        self._show_details()

    def _highlighted(self) -> Setting | None:
        rows, at = self._settings.get(self._section, []), self.query_one(SettingsTable).cursor_row
        return rows[at] if 0 <= at < len(rows) else None

    def _show_details(self) -> None:
        if self._editing is None and (one := self._highlighted()) is not None:
            self.query_one("#setting-text", Static).update(Content.from_markup(setting_text(one, self._file)))

    def on_option_list_option_highlighted(self, highlighted: OptionList.OptionHighlighted) -> None:
        """Another section."""
        highlighted.stop()
        if highlighted.option_index != highlighted.option_list.highlighted:
            # It has gone on since.
            return
        if highlighted.option.id and highlighted.option.id != self._section:
            self._section = highlighted.option.id
            self._fill()

    def on_option_list_option_selected(self, selected: OptionList.OptionSelected) -> None:
        """Into the section."""
        selected.stop()
        self.focus_content()

    def on_data_table_row_highlighted(self) -> None:
        """Its help."""
        self._show_details()

    def focus_content(self) -> None:
        """Keys go to the field that is changed, else to the table."""
        self.query_one(Input if self._editing else SettingsTable).focus()

    def copy_text(self) -> str:
        """The setting as it stands in the file."""
        one = self._highlighted()
        return f"{one.section}.{one.key} = {shown(one.value)}" if one else self._file

    # --- changing -------------------------------------------------------------------------------

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Change the setting: a choice is chosen, yes becomes no, all else is typed."""
        selected.stop()
        one = self._highlighted()
        if one is None:
            return
        if one.name == THEME:
            themes = [Choice(name) for name in sorted(self.app.available_themes)]
            self.app.push_screen(Choose("Which theme?", themes), lambda value: self._write_choice(one, value))
        elif one.name == KEYMAP:
            found = bindings_of(self._agp)
            choices = [Choice(item.id, f"{item.key}  {item.what}") for item in found]
            self.app.push_screen(Choose("The key of what?", choices), lambda value: self._ask_key(one, value))
        elif one.kind == "choice":
            choices = [Choice(value) for value in one.choices]
            self.app.push_screen(
                Choose(f"{one.name}?", choices), lambda value: self._write_choice(one, value)
            )
        elif one.kind == "bool":
            self.write(one, "false" if one.value else "true")
        else:
            self._edit(one, shown(one.value) if one.value is not None else "")

    def _edit(self, one: Setting, value: str) -> None:
        self._editing = one
        self.add_class("-editing")
        field = self.query_one(Input)
        field.placeholder = one.limits or ("nothing: not set" if one.optional else "")
        field.value = value
        field.focus()

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Write it, if it fits."""
        submitted.stop()
        if (one := self._editing) is not None:
            self.write(one, submitted.value.strip())

    def on_input_changed(self, changed: Input.Changed) -> None:
        """What was wrong is being put right."""
        changed.stop()
        if changed.value != self._refused:
            self.remove_class("-refused")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A field can be left only while there is one."""
        return action != "leave_field" or self._editing is not None

    def action_leave_field(self) -> None:
        """Leave it as it is."""
        self._editing = None
        self.remove_class("-editing", "-refused")
        self._show_details()
        self.focus_content()

    def _show_error(self, why: str) -> None:
        self._refused = self.query_one(Input).value
        self.query_one("#setting-error", Static).update(why)
        self.add_class("-refused")

    def _write_choice(self, one: Setting, value: str | None) -> None:
        if value is not None:
            self.write(one, value)

    def _ask_key(self, one: Setting, name: str | None) -> None:
        if name is None:
            return

        def take(key: str | None) -> None:
            if key is not None:
                self.write(one, ",".join(with_key(tuple(one.value or ()), name, key)))

        self.app.push_screen(KeyAsk(name, bindings_of(self._agp)), take)

    def unset(self) -> None:
        """The highlighted setting, back to its default."""
        if (one := self._highlighted()) is not None:
            self.write(one, "")

    @work(group="write setting")
    async def write(self, one: Setting, value: str) -> None:
        """Write the value into the file, nothing for the default; what does not fit is said at the field."""
        words = ("unset", one.name) if not value else ("set", one.name, value)
        try:
            async with self._writing:
                await run_command("config", *words, *self._agp.global_flags)
        except AgpError as error:
            if not self._edits(one):
                self._edit(one, value)
            self._show_error(str(error))
            return
        if self._edits(one):
            self.action_leave_field()
        self._agp.reload()

    def _edits(self, one: Setting) -> bool:
        return self._editing is not None and self._editing.name == one.name

    def open_editor(self) -> None:
        """Open the file in `$EDITOR` and reload it afterwards."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        if self._agp.loaded.path is None:
            self.notify(NO_FILE, severity="warning")
            return
        try:
            with self.app.suspend():
                subprocess.run([*shlex.split(editor), str(self._agp.loaded.path)], check=False)
        except (SuspendNotSupported, OSError, ValueError) as error:
            self.notify(
                f"Expected to open {self._agp.loaded.path} with {editor}: {error}. Set $EDITOR.",
                severity="error",
                markup=False,
            )
            return
        if self._editing is not None:
            self.action_leave_field()
        self._agp.reload()
