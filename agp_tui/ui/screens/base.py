"""The base of all screens: navigation and status bars, help, breakpoints for small and large terminals."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer, Static

from agp_tui.ui.app_base import AppBase, app_of
from agp_tui.ui.components.nav_bar import NavBar
from agp_tui.ui.components.status_bar import StatusBar

SMALLEST = (80, 24)
"""Columns and lines of the smallest supported terminal."""


class AppScreen(Screen[None]):
    """A screen on one of the keys 1 to 7. Subclasses define `MODE`, `HELP` and `body`."""

    MODE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    """Markdown, shown under F1."""

    _footer_state: "dict[str, bool | None] | None" = None
    """Result of `check_action` by action when the footer was last drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (150, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-medium"), (48, "-tall")]

    def on_mount(self) -> None:
        # Textual calls on_mount of every class in the MRO, the subclass first: no super() needed.
        self.call_after_refresh(self._check_size)
        self.agp.catalog_changed.subscribe(self, self.changed)
        self.changed("")

    def changed(self, what: str) -> None:
        """A part of the catalog, `game` or `settings` has changed; an empty string means everything."""

    def refresh_footer(self) -> None:
        """Redraw the footer if the state of an action has changed."""
        if self._action_states() != self._footer_state:
            self.refresh_bindings()

    def refresh_bindings(self) -> None:
        """Redraw the footer."""
        self._footer_state = self._action_states()
        super().refresh_bindings()

    def _action_states(self) -> dict[str, bool | None]:
        actions = {one.action for ones in self._bindings.key_to_bindings.values() for one in ones}
        return {action: self.check_action(action, ()) for action in actions}

    def compose(self) -> ComposeResult:
        yield NavBar(self.MODE)
        yield Static(id="too-small")
        with Container(id="body"):
            yield from self.body()
        yield StatusBar()
        yield Footer(show_command_palette=False)

    def on_resize(self) -> None:
        """Show a notice instead of the screen if the terminal is too small."""
        self.call_after_refresh(self._check_size)

    def _check_size(self) -> None:
        (width, height), (least_width, least_height) = self.app.size, SMALLEST
        small = width < least_width or height < least_height
        self.set_class(small, "-too-small")
        for notice in self.query("#too-small").results(Static):
            text = f"agp needs {least_width}x{least_height}, this terminal is {width}x{height}: enlarge it."
            notice.update(text if small else "")

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        raise NotImplementedError

    def copy_text(self) -> str:
        """The text that `y` copies: a path, an error; empty for none."""
        return ""

    def followed_run_id(self) -> str:
        """The id of the run that this screen follows; empty for none."""
        return ""

    @property
    def agp(self) -> AppBase:
        """The app, typed."""
        return app_of(self)
