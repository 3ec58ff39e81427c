"""The latency of the last seconds as it moves, the budget as the top."""

from collections import deque
from typing import ClassVar

from agp_tui.protocol.events import Live
from agp_tui.ui.widgets.rows import Row, Rows

BLOCKS = " ▁▂▃▄▅▆▇█"


class LatencyHistory(Rows):
    """A column for each moment, the newest at the right; the top is the budget, ▲ is beyond it.

    A column shows the largest value of its part of the last `seconds`.
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
        """Add the p99 of the whole way at the job's own time."""
        total = live.latency_ms.get("total")
        if total is not None and live.fps_asked > 0:
            self.add(live.seconds, total.p99, 1000 / live.fps_asked)

    def add(self, seconds: float, ms: float, budget_ms: float) -> None:
        """One value at a time of the job; going back in time begins anew."""
        if self._values and seconds < self._values[-1][0]:
            self._values.clear()
        self._values.append((seconds, ms))
        while self._values[0][0] <= seconds - self._seconds:
            self._values.popleft()
        self._budget_ms = budget_ms
        self.figures_changed()

    def reset(self) -> None:
        """Forget everything: another job begins."""
        self._values.clear()
        self.figures_changed()

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
        """By column: the largest part of the budget, None where nothing was told."""
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
        """One line of cells, 0 the lowest; cells of one style become one piece."""
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
