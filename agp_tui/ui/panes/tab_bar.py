"""The tabs of a screen in one line."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

TABS = {"runs": "Runs [u]r[/]", "settings": "Settings [u]e[/]", "doctor": "Doctor [u]d[/]"}
"""By id, with the key of each."""


class TabBar(Static, can_focus=True):
    """A click goes to a tab; where the bar has the focus, the arrows do, and Enter goes into it."""

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
