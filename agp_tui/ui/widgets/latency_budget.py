"""Latency against the budget of a frame: bars by stage, and a history of the last seconds."""

from collections import deque
from typing import ClassVar

from agp_tui.protocol.events import Latency, Live
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.widgets.row_widget import Row, RowWidget, bar, pad, with_marks

ORDER = ("grab", "keys", "encode", "decide", "press")
"""Stages in order; others follow, `total` is last."""
BUDGET_FRACTION = 0.75
"""Place of the budget on the bar, so that values above it are visible."""


class LatencyBudget(RowWidget):
    """One bar per stage: filled to p50, ╎ at p95, ┊ at p99, ┃ at the budget; red if p99 exceeds it.

    A frame's budget is 1000 / fps milliseconds. Needs 40 cells, and 48 to show p95 as a number.
    """

    DEFAULT_CSS = """
    LatencyBudget > .budget--bar { color: $primary; }
    LatencyBudget > .budget--total { color: $success; }
    LatencyBudget > .budget--over { color: $error; text-style: bold; }
    LatencyBudget > .budget--rest { color: $text-muted; }
    LatencyBudget > .budget--mark { color: $warning; text-style: bold; }
    LatencyBudget > .budget--limit { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "budget--bar",
        "budget--total",
        "budget--over",
        "budget--rest",
        "budget--mark",
        "budget--limit",
    }

    def __init__(
        self, *, message: str = "No latency yet.", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._message = message
        self._stages: Latency = {}
        self._budget_ms = 0.0

    @property
    def component_prefix(self) -> str:
        return "budget"

    def update_live(self, live: Live) -> None:
        """Show a job's newest state."""
        if live.fps_asked > 0:
            self.set_figures(live.latency_ms, 1000 / live.fps_asked)

    def set_figures(self, stages: Latency, budget_ms: float) -> None:
        """Set percentiles (ms) by stage, and the budget of a frame (ms)."""
        first = [name for name in ORDER if name in stages]
        rest = [name for name in stages if name not in ORDER and name != "total"]
        last = ["total"] if "total" in stages else []
        self._stages = {name: stages[name] for name in (*first, *rest, *last)}
        self._budget_ms = budget_ms
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._stages) + 1

    def rows(self, width: int) -> list[Row]:
        if not self._stages:
            return [((pad(self._message, width), "rest"),)]
        name_width = min(max(map(len, self._stages)), 8)
        numbers = _numbers_width(width)
        bar_width = max(4, width - name_width - 1 - numbers)
        budget_cell = int(BUDGET_FRACTION * bar_width)
        label = f"{self._budget_ms:.1f} ms ┃"
        head = label.rjust(budget_cell + 1)[-(budget_cell + 1) :].ljust(bar_width)
        titles = ("p50", "p95", "p99") if numbers > 14 else ("p50", "p99")
        header: Row = (
            (" " * (name_width + 1), ""),
            (head, "rest"),
            ("".join(f"{title:>7}" for title in titles), "rest"),
        )
        return [header, *(self._row(name, name_width, bar_width, numbers) for name in self._stages)]

    def _row(self, name: str, name_width: int, bar_width: int, numbers: int) -> Row:
        figures = self._stages[name]
        over = figures.p99 > self._budget_ms
        full, empty = bar(self._part(figures.p50), bar_width)
        style = "over" if over else "total" if name == "total" else "bar"
        marks = {
            int(BUDGET_FRACTION * bar_width): ("┃", "limit"),
            self._cell(figures.p95, bar_width): ("╎", "mark"),
            self._cell(figures.p99, bar_width): ("»" if self._part(figures.p99) >= 1 else "┊", "mark"),
        }
        return (
            (pad(name, name_width) + " ", "over" if over else ""),
            *with_marks([(full, style), (empty, "rest")], marks),
            (_numbers(figures, numbers), "over" if over else ""),
        )

    def _part(self, ms: float) -> float:
        return ms / self._budget_ms * BUDGET_FRACTION if self._budget_ms else 0.0

    def _cell(self, ms: float, bar_width: int) -> int:
        return min(bar_width - 1, int(self._part(ms) * bar_width))


def _numbers_width(width: int) -> int:
    return 21 if width >= 48 else 14


def _numbers(figures: Percentiles, width: int) -> str:
    chosen = (figures.p50, figures.p95, figures.p99) if width > 14 else (figures.p50, figures.p99)
    return "".join(f"{ms:7.1f}" if ms < 10_000 else f"{ms:7.0f}" for ms in chosen)


BLOCKS = " ▁▂▃▄▅▆▇█"


class LatencyHistory(RowWidget):
    """Column chart of p99 over the last `seconds`, the newest on the right; the top is the budget.

    A column shows the largest value of its time; ▲ marks values above the budget.
    """

    DEFAULT_CSS = """
    LatencyHistory > .history--column { color: $primary; }
    LatencyHistory > .history--over { color: $error; text-style: bold; }
    LatencyHistory > .history--rest { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"history--column", "history--over", "history--rest"}

    def __init__(
        self,
        *,
        seconds: float = 30.0,
        lines: int = 3,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._seconds = seconds
        self._lines = lines
        self._values: deque[tuple[float, float]] = deque()
        self._budget_ms = 0.0

    @property
    def component_prefix(self) -> str:
        return "history"

    def update_live(self, live: Live) -> None:
        """Add the p99 of the total latency."""
        total = live.latency_ms.get("total")
        if total is not None and live.fps_asked > 0:
            self.add(live.seconds, total.p99, 1000 / live.fps_asked)

    def add(self, seconds: float, ms: float, budget_ms: float) -> None:
        """Add a value at a job's time; an earlier time than the last clears the history."""
        if self._values and seconds < self._values[-1][0]:
            self._values.clear()
        self._values.append((seconds, ms))
        while self._values[0][0] <= seconds - self._seconds:
            self._values.popleft()
        self._budget_ms = budget_ms
        self.rows_changed()

    def reset(self) -> None:
        """Clear the history."""
        self._values.clear()
        self.rows_changed()

    def row_count(self) -> int:
        return self._lines + 1

    def rows(self, width: int) -> list[Row]:
        columns = self._columns(width)
        lines = [self._line(columns, line) for line in reversed(range(self._lines))]
        left = f"-{self._seconds:g} s"
        right = f"p99, top = {self._budget_ms:.1f} ms" if self._budget_ms else "no latency yet"
        caption = f"{left}{right:>{max(0, width - len(left))}}"
        return [*lines, ((caption[:width], "rest"),)]

    def _columns(self, width: int) -> list[float | None]:
        """By column: the largest fraction of the budget, or None without a value."""
        columns: list[float | None] = [None] * width
        if not self._values or not self._budget_ms or not width:
            return columns
        now = self._values[-1][0]
        for seconds, ms in self._values:
            column = width - 1 - int((now - seconds) / self._seconds * width)
            if column >= 0:
                columns[column] = max(columns[column] or 0.0, ms / self._budget_ms)
        return columns

    def _line(self, columns: list[float | None], line: int) -> Row:
        """One line of cells, 0 is the lowest; adjacent cells of one style become one piece."""
        pieces: list[tuple[str, str]] = []
        for part in columns:
            text, style = self._cell(part, line)
            if pieces and pieces[-1][1] == style:
                pieces[-1] = (pieces[-1][0] + text, style)
            else:
                pieces.append((text, style))
        return tuple(pieces)

    def _cell(self, part: float | None, line: int) -> tuple[str, str]:
        if part is None:
            return " ", "column"
        over = part > 1.0
        if over and line == self._lines - 1:
            return "▲", "over"
        eighths = round(part * self._lines * 8) - line * 8
        lowest = 1 if line == 0 else 0
        return BLOCKS[min(8, max(lowest, eighths))], "over" if over else "column"
