"""Training speed of an agent, and the split of its time into stages."""

from collections.abc import Mapping
from typing import ClassVar

from agp_tui.ui.widgets.row_widget import Piece, Row, RowWidget

STAGES = ("environment", "inference", "learning")
SHORT = {"environment": "env", "inference": "infer", "learning": "learn"}
MAX_BAR_CELLS = 60


class TimeSplit(RowWidget):
    """One line: steps per second, and a stacked bar of the stages' shares, each in its color."""

    DEFAULT_CSS = """
    TimeSplit { height: 1; }
    TimeSplit > .time-split--environment { color: $primary; }
    TimeSplit > .time-split--inference { color: $warning; }
    TimeSplit > .time-split--learning { color: $success; }
    TimeSplit > .time-split--rate { text-style: bold; }
    TimeSplit > .time-split--rest { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "time-split--rate",
        "time-split--rest",
        *(f"time-split--{stage}" for stage in STAGES),
    }

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._rate: float | None = None
        self._shares: dict[str, float] = {}

    @property
    def component_prefix(self) -> str:
        return "time-split"

    def set_figures(self, rate: float | None, shares: Mapping[str, float]) -> None:
        """Set steps per second, and each stage's share of the time, 0 to 1."""
        self._rate = rate
        self._shares = {stage: shares[stage] for stage in STAGES if stage in shares}
        self.rows_changed()

    def row_count(self) -> int:
        return 1

    def rows(self, width: int) -> list[Row]:
        if self._rate is None:
            return [(("The training speed appears here.", "rest"),)]
        rate: Row = ((f"{self._rate:,.0f}", "rate"), (" steps/s  ", "rest"))
        legend = self._legend(short=width < 76)
        room = width - sum(len(text) for text, _ in (*rate, *legend)) - 2
        return [(*rate, *_stacked(self._shares, max(0, min(room, MAX_BAR_CELLS))), ("  ", ""), *legend)]

    def _legend(self, *, short: bool) -> list[Piece]:
        names = SHORT if short else {stage: stage for stage in STAGES}
        return [(f"■ {names[stage]} {100 * share:.0f} %  ", stage) for stage, share in self._shares.items()]


def _stacked(shares: Mapping[str, float], width: int) -> list[Piece]:
    """A stacked bar of `width` cells; rounding errors carry over to the next share."""
    total = sum(shares.values()) or 1.0
    pieces: list[Piece] = []
    before, at = 0.0, 0
    for stage, share in shares.items():
        before += share
        end = round(width * before / total)
        pieces.append(("█" * (end - at), stage))
        at = end
    return pieces
