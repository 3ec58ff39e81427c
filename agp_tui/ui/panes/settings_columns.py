"""Sections at the left, the settings of one at the right; left and right go from one to the other."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, OptionList


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
