"""What all screens have: the bars around them, their help, breakpoints for small and large terminals."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer, Static

from agp_tui.ui.components.nav_bar import NavBar
from agp_tui.ui.components.status_bar import StatusBar

if TYPE_CHECKING:
    from agp_tui.ui.app import AgpApp


SMALLEST = (80, 24)
"""Columns and lines of the smallest terminal that everything fits into."""


class AppScreen(Screen[None]):
    """A screen on one of the keys 1 to 7. Subclasses give `MODE`, `HELP` and `body`."""

    MODE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    """Markdown, shown under F1."""

    _offered: "dict[str, bool | None] | None" = None
    """What the footer shows as possible, by action."""

    def __init__(self) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (150, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-medium"), (48, "-tall")]

    def on_mount(self) -> None:
        # The library calls this for each class: a screen's own on_mount comes before, without super().
        self.call_after_refresh(self._look_at_size)
        self.agp.catalog_changed.subscribe(self, self.changed)
        self.changed("")

    def changed(self, what: str) -> None:
        """Something is known anew: a part of the catalog, `game`, `settings`; empty for everything."""

    def offer(self) -> None:
        """Show in the footer what can be done now; it is drawn only where that has changed."""
        if self._possible() != self._offered:
            self.refresh_bindings()

    def refresh_bindings(self) -> None:
        """Draw the footer anew."""
        self._offered = self._possible()
        super().refresh_bindings()

    def _possible(self) -> dict[str, bool | None]:
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
        """A terminal that is too small says so instead of showing halves of things."""
        self.call_after_refresh(self._look_at_size)

    def _look_at_size(self) -> None:
        (width, height), (least_width, least_height) = self.app.size, SMALLEST
        small = width < least_width or height < least_height
        self.set_class(small, "-too-small")
        for notice in self.query("#too-small").results(Static):
            text = f"agp needs {least_width}x{least_height}, this terminal is {width}x{height}: enlarge it."
            notice.update(text if small else "")

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        raise NotImplementedError

    def worth_copying(self) -> str:
        """What `y` copies: a path, an error; empty for nothing."""
        return ""

    def shows_run(self) -> str:
        """The id of the run that is watched here; empty for none."""
        return ""

    @property
    def agp(self) -> "AgpApp":
        """The app, with what it knows."""
        return cast("AgpApp", self.app)
