"""Runs and settings: every long job, every setting, and what doctor finds."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError
from agp_tui.ui.client.process import run_command
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.screens.run_screen import RunScreen
from agp_tui.ui.screens.runs.doctor_pane import DoctorPane
from agp_tui.ui.screens.runs.runs_pane import RunsPane
from agp_tui.ui.screens.runs.settings_pane import SettingsPane

TABS = {"runs": "Runs [u]r[/]", "settings": "Settings [u]e[/]", "doctor": "Doctor [u]d[/]"}
"""Labels by id, with the shortcut underlined."""


class TabBar(Static, can_focus=True):
    """Tabs: selected by click or, if the bar has the focus, by the arrow keys; Enter focuses the content."""

    DEFAULT_CSS = "TabBar:focus { background: $primary 40%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "screen.next_tab(-1)", "Tab", key_display="← →"),
        Binding("right", "screen.next_tab(1)", "Next tab", show=False),
        Binding("enter,down", "screen.into_tab", "Into it"),
    ]

    def on_mount(self) -> None:
        self.show(next(iter(TABS)))

    def show(self, shown: str) -> None:
        """Mark the tab that is shown."""
        parts = [
            f"[@click=screen.tab('{name}')][{'b reverse' if name == shown else 'not bold'}] {label} [/][/]"
            for name, label in TABS.items()
        ]
        self.update(Content.from_markup(" ".join(parts)))


HELP = """
# Runs, settings, doctor

Trainings, practices and demos are detached **runs**: they continue when the terminal closes and are listed
here. A stopped run has a checkpoint to resume from.

| Key | What it does |
|---|---|
| `[` and `]`, or `r` `e` `d` | the tabs: runs, settings, doctor |
| `left`, `right` | tabs, if their line has the focus; sections and settings |
| `enter` on a run | show its stages, curves, live game and results |
| `s` | stop the run; a checkpoint is saved first |
| `x` | delete the folder of a run that has ended |
| `i`, `c` | after a training: the situations that are rare in its recordings; the learning curve |
| `escape` | back to the list |
| `enter` on a setting | change it; `escape` leaves it as it is |
| `u` | reset the setting to its default |
| `o` | open `config.toml` in your editor (`$EDITOR`) |
| `l` | doctor: check again |
| `y` | copy the folder of the run, the name of the setting or the remedy |

Settings are written to `config.toml`; comments are preserved, invalid values are rejected.
"""


class RunsScreen(RunScreen):
    """Three tabs; a run that is watched takes the whole screen."""

    MODE = "runs"
    VIEW = "runs-view"
    HELP = HELP
    CSS_PATH = ["screen.tcss", "../../components/run_view/view.tcss", "../../components/live_view.tcss"]
    AUTO_FOCUS = "RunsTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", id="runs.stop"),
        Binding("x", "delete", "Delete", id="runs.delete"),
        Binding("u", "unset", "Default", id="runs.unset"),
        Binding("o", "edit_file", "Editor", id="runs.editor"),
        Binding("l", "check_again", "Look again", id="runs.look"),
        Binding("r", "tab('runs')", "Runs", id="runs.runs", show=False),
        Binding("e", "tab('settings')", "Settings", id="runs.settings", show=False),
        Binding("d", "tab('doctor')", "Doctor", id="runs.doctor", show=False),
        Binding("left_square_bracket", "next_tab(-1)", "Tab", key_display="[", id="runs.before", show=False),
        Binding("right_square_bracket", "next_tab(1)", "Next tab", key_display="[ ]", id="runs.after"),
        Binding("i", "situations", "Rare situations", id="runs.situations"),
        Binding("c", "learning_curve", "Learning curve", id="runs.learning_curve"),
        Binding("escape", "back", "Back", id="runs.back"),
    ]

    def body(self) -> ComposeResult:
        with Vertical(id="runs-tabs"):
            yield TabBar(id="runs-bar")
            with ContentSwitcher(initial="runs"):
                yield RunsPane(id="runs")
                yield SettingsPane(id="settings")
                yield DoctorPane(id="doctor")
        yield RunView("", id="runs-view")

    def on_mount(self) -> None:
        if self.agp.config_problem is not None:
            self.action_tab("settings")

    def changed(self, what: str) -> None:
        """Give each tab what is known anew."""
        catalog = self.agp.catalog
        if what in ("", "runs"):
            self.query_one(RunsPane).update_data(catalog.runs)
            self.refresh_footer()
        if what in ("", "findings"):
            self.query_one(DoctorPane).update_data(catalog.findings)
        if what in ("", "settings"):
            self.query_one(SettingsPane).update_data(self.agp.loaded, self.agp.config_problem)

    # --- a run -----------------------------------------------------------------------------------

    async def on_runs_pane_opened(self, opened: RunsPane.Opened) -> None:
        """Enter, or a click, on a run."""
        self.follow(self.run_named(opened.run))

    def _chosen(self) -> Run | None:
        """The run that stop, delete and copy are about."""
        if self.followed_run is not None:
            return self.followed_run
        name = self.query_one(RunsPane).run if self.tab == "runs" else None
        return self.run_named(name) if name else None

    def action_stop(self) -> None:
        """Ask the run to end."""
        if (run := self._chosen()) is not None and run.alive():
            question = f"Stop {run.id}? It saves a checkpoint first."
            self.app.push_screen(Confirm(question, "Stop it"), lambda agreed: self._stop(run, agreed))

    def _stop(self, run: Run, agreed: bool | None) -> None:
        if agreed:
            self.run_on("stop", run.id)

    def action_delete(self) -> None:
        """Delete the run's folder."""
        if (run := self._chosen()) is not None and not run.alive():
            question = (
                f"Delete {run.path} with its curves and checkpoints? Models and recordings that it made stay."
            )
            self.app.push_screen(Confirm(question, "Delete it"), lambda agreed: self._delete(run, agreed))

    def _delete(self, run: Run, agreed: bool | None) -> None:
        if agreed:
            self._back_to_list()
            self.run_on("delete", run.id, "--yes")

    @work(group="tell run")
    async def run_on(self, *words: str) -> None:
        """Have a run stopped or deleted."""
        try:
            await run_command("runs", *words, *self.agp.global_flags)
        except AgpError as error:
            self.notify(str(error), severity="error", markup=False)
        self.agp.poll_runs()

    async def action_back(self) -> None:
        """From the rare situations to the log, from a run to the list."""
        if self.diagnosis_shown:
            await self.action_situations()
        else:
            self._back_to_list()

    def _back_to_list(self) -> None:
        if self.followed_run is not None:
            self.leave_run()
            self.query_one(RunsPane).focus_content()

    # --- tabs ------------------------------------------------------------------------------------

    @property
    def tab(self) -> str:
        """Which one is shown."""
        return self.query_one(ContentSwitcher).current or "runs"

    def action_tab(self, name: str) -> None:
        """Show a tab and go into it."""
        self._show_tab(name)
        self.call_after_refresh(self._focus_tab, name)

    def _show_tab(self, name: str) -> None:
        self._back_to_list()
        self.query_one(ContentSwitcher).current = name
        self.query_one(TabBar).show(name)
        self.refresh_bindings()

    def _focus_tab(self, name: str) -> None:
        """Show it when it is ready, unless the user has opened another one."""
        if self.tab == name:
            self._pane(name).focus_content()

    def _pane(self, name: str) -> RunsPane | SettingsPane | DoctorPane:
        if name == "settings":
            return self.query_one(SettingsPane)
        return self.query_one(DoctorPane) if name == "doctor" else self.query_one(RunsPane)

    def action_next_tab(self, by: int) -> None:
        """The tab beside this one."""
        names = list(TABS)
        name = names[(names.index(self.tab) + by) % len(names)]
        if self.query_one(TabBar).has_focus:
            self._show_tab(name)
        else:
            self.action_tab(name)

    def action_into_tab(self) -> None:
        """From the line of the tabs into the one that is shown."""
        self._pane(self.tab).focus_content()

    def action_unset(self) -> None:
        """The highlighted setting as it is by default."""
        self.query_one(SettingsPane).unset()

    def action_edit_file(self) -> None:
        """Open the settings file in `$EDITOR`."""
        self.query_one(SettingsPane).open_editor()

    def action_check_again(self) -> None:
        """Doctor looks again."""
        self.query_one(DoctorPane).update_data(None)
        self.agp.refresh_catalog("findings")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if not self.is_mounted:
            return True
        run = self._chosen()
        tab = self.tab if self.followed_run is None else ""
        possible = {
            "stop": run is not None and run.alive(),
            "delete": run is not None and not run.alive(),
            "unset": tab == "settings",
            "edit_file": tab == "settings",
            "check_again": tab == "doctor",
            "situations": self.has_diagnosis,
            "learning_curve": bool(self.diagnosable_model),
            "back": self.followed_run is not None,
        }
        return possible.get(action, True)

    def copy_text(self) -> str:
        """The run's folder, the setting's place and value, or the cure."""
        if (run := self._chosen()) is not None:
            return str(run.path)
        return self._pane(self.tab).copy_text()
