"""Key bars: for each key the share of time it was held, or the model's probability."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from agp_tui.protocol.events import Live
from agp_tui.ui.widgets.row_widget import Row, RowWidget, bar, pad, with_marks

Kind = Literal["record", "play"]
HELD, FREE = "●", "○"


class KeyBars(RowWidget):
    """One row per key: a mark (● held, ○ not), its name, a bar, a number. Needs at least 28 cells.

    Kind `record`: the bar is the share of time that the key was held. Kind `play`: the bar is the
    probability, with │ at the threshold above which the key is pressed.
    """

    DEFAULT_CSS = """
    KeyBars > .key-bars--held { color: $success; text-style: bold; }
    KeyBars > .key-bars--bar { color: $primary; }
    KeyBars > .key-bars--pressed { color: $success; }
    KeyBars > .key-bars--rest { color: $text-muted; }
    KeyBars > .key-bars--threshold { color: $warning; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-bars--held",
        "key-bars--bar",
        "key-bars--pressed",
        "key-bars--rest",
        "key-bars--threshold",
    }

    def __init__(
        self,
        kind: Kind,
        keys: Sequence[str] = (),
        *,
        message: str = "No keys yet.",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`keys` are shown from the start, in this order; others are added as they occur."""
        super().__init__(id=id, classes=classes)
        self._kind = kind
        self._message = message
        self._parts: dict[str, float] = dict.fromkeys(keys, 0.0)
        self._thresholds: dict[str, float] = {}
        self._held: frozenset[str] = frozenset()

    @property
    def component_prefix(self) -> str:
        return "key-bars"

    def update_live(self, live: Live) -> None:
        """Show a job's newest state."""
        parts = live.shares if self._kind == "record" else live.probabilities
        self.set_figures(parts, live.held, live.thresholds)

    def set_figures(
        self, parts: dict[str, float], held: Sequence[str], thresholds: dict[str, float] | None = None
    ) -> None:
        """Set bars (0 to 1) by key, and the keys held now. Rows keep their order."""
        new = [key for key in (*parts, *held) if key not in self._parts]
        self._parts = {key: parts.get(key, 0.0) for key in (*self._parts, *dict.fromkeys(new))}
        self._held = frozenset(held)
        self._thresholds = {**self._thresholds, **(thresholds or {})}
        self.rows_changed()

    def reset(self, keys: Sequence[str] = ()) -> None:
        """Remove the keys seen so far."""
        self._parts = dict.fromkeys(keys, 0.0)
        self._thresholds, self._held = {}, frozenset()
        self.rows_changed()

    def row_count(self) -> int:
        return max(1, len(self._parts))

    def rows(self, width: int) -> list[Row]:
        if not self._parts:
            return [((pad(self._message, width), "rest"),)]
        name_width = min(max(map(len, self._parts)), max(5, width // 4))
        return [self._row(key, name_width, width) for key in self._parts]

    def _row(self, key: str, name_width: int, width: int) -> Row:
        held, part = key in self._held, self._parts[key]
        number = f" {part:4.0%}" if self._kind == "record" else f" {part:4.2f}"
        bar_width = max(1, width - name_width - len(number) - 3)
        full, empty = bar(part, bar_width)
        pieces = [(full, "pressed" if held else "bar"), (empty, "rest")]
        threshold = self._thresholds.get(key) if self._kind == "play" else None
        marks = {}
        if threshold is not None:
            marks[min(bar_width - 1, max(0, int(threshold * bar_width)))] = ("│", "threshold")
        style = "held" if held else "rest"
        return (
            (f"{HELD if held else FREE} ", style),
            (pad(key, name_width) + " ", "held" if held else ""),
            *with_marks(pieces, marks),
            (number, "held" if held else ""),
        )
