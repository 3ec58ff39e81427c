"""Bars of key combinations: how often which keys are held together."""

from collections.abc import Sequence
from typing import ClassVar

from agp_tui.protocol.results import Combination
from agp_tui.ui.widgets.row_widget import Row, RowWidget, bar, pad

MAX_BARS = 12
"""Combinations with a bar of their own; the rest share one row."""


class CombinationBars(RowWidget):
    """One row per combination, the most frequent first: its keys, a bar, its share of the frames."""

    DEFAULT_CSS = """
    CombinationBars > .combinations--bar { color: $primary; }
    CombinationBars > .combinations--idle { color: $text-muted; }
    CombinationBars > .combinations--rest { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "combinations--bar",
        "combinations--idle",
        "combinations--rest",
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shares: list[tuple[str, float]] = []

    @property
    def component_prefix(self) -> str:
        return "combinations"

    def show(self, combinations: Sequence[Combination]) -> None:
        """Show these, the most frequent first."""
        named = [("+".join(one.keys) or "no key", one.share) for one in combinations]
        rest = sum(share for _, share in named[MAX_BARS:])
        self._shares = named[:MAX_BARS] + ([("others", rest)] if rest else [])
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._shares)

    def rows(self, width: int) -> list[Row]:
        if not self._shares:
            return []
        name_width = min(max(len(name) for name, _ in self._shares), max(6, width // 3))
        bar_width = max(1, width - name_width - 8)
        result: list[Row] = []
        for name, share in self._shares:
            full, empty = bar(share, bar_width)
            style = "idle" if name == "no key" else "bar"
            number = f" {share:6.1%}"
            result.append(((pad(name, name_width) + " ", ""), (full, style), (empty, "rest"), (number, "")))
        return result
