"""Where the time of a frame goes, against the time that there is."""

from typing import ClassVar

from agp_tui.protocol.events import Latency, Live
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.ui.widgets.rows import Row, Rows, bar, marked, padded

ORDER = ("grab", "keys", "encode", "decide", "press")
"""Stages in the order in which they happen; others follow, `total` is last."""
BUDGET_AT = 0.75
"""Where on the bar the budget is, so that what is beyond it can be seen as well."""


class LatencyBudget(Rows):
    """A bar a stage: filled to p50, ╎ at p95, ┊ at p99, ┃ the budget; red where p99 is beyond it.

    A frame's budget is 1000 / fps milliseconds. Fits 40 cells and more; below that without numbers
    of p95.
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
        """Percentiles by stage, and the milliseconds that a frame has."""
        first = [name for name in ORDER if name in stages]
        rest = [name for name in stages if name not in ORDER and name != "total"]
        last = ["total"] if "total" in stages else []
        self._stages = {name: stages[name] for name in (*first, *rest, *last)}
        self._budget_ms = budget_ms
        self.figures_changed()

    def row_count(self) -> int:
        return len(self._stages) + 1

    def rows(self, width: int) -> list[Row]:
        if not self._stages:
            return [((padded(self._message, width), "rest"),)]
        name_width = min(max(map(len, self._stages)), 8)
        numbers = _numbers_width(width)
        bar_width = max(4, width - name_width - 1 - numbers)
        budget_cell = int(BUDGET_AT * bar_width)
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
            int(BUDGET_AT * bar_width): ("┃", "limit"),
            self._cell(figures.p95, bar_width): ("╎", "mark"),
            self._cell(figures.p99, bar_width): ("»" if self._part(figures.p99) >= 1 else "┊", "mark"),
        }
        return (
            (padded(name, name_width) + " ", "over" if over else ""),
            *marked([(full, style), (empty, "rest")], marks),
            (_numbers(figures, numbers), "over" if over else ""),
        )

    def _part(self, ms: float) -> float:
        return ms / self._budget_ms * BUDGET_AT if self._budget_ms else 0.0

    def _cell(self, ms: float, bar_width: int) -> int:
        return min(bar_width - 1, int(self._part(ms) * bar_width))


def _numbers_width(width: int) -> int:
    return 21 if width >= 48 else 14


def _numbers(figures: Percentiles, width: int) -> str:
    chosen = (figures.p50, figures.p95, figures.p99) if width > 14 else (figures.p50, figures.p99)
    return "".join(f"{ms:7.1f}" if ms < 10_000 else f"{ms:7.0f}" for ms in chosen)
