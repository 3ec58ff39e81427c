"""Seek bar of a replay: position, speed and time, with a line to click on."""

from itertools import groupby
from typing import ClassVar

from textual import events
from textual.message import Message

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Live
from agp_tui.ui.widgets.row_widget import Row, RowWidget

CELLS = {"past": "━", "head": "●", "rest": "─", "excluded": "╳"}


class SeekBar(RowWidget):
    """Shows state, speed, time, a line and the frame number. A click on the line seeks.

    What is excluded from training is crossed on the line, also while it is being marked.
    """

    DEFAULT_CSS = """
    SeekBar { height: 1; margin: 0 1; }
    SeekBar > .seek-bar--past { color: $primary; }
    SeekBar > .seek-bar--head { color: $warning; text-style: bold; }
    SeekBar > .seek-bar--rest { color: $text-muted; }
    SeekBar > .seek-bar--excluded { color: $error; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "seek-bar--past",
        "seek-bar--head",
        "seek-bar--rest",
        "seek-bar--excluded",
    }

    class SeekRequested(Message):
        """The user wants to go to this frame."""

        def __init__(self, frame: int) -> None:
            super().__init__()
            self.frame = frame

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._live: Live | None = None
        self._line = (0, 1)
        """Start and length of the line, in cells."""
        self._marked_from: int | None = None

    @property
    def component_prefix(self) -> str:
        return "seek-bar"

    def show(self, live: Live | None, marked_from: int | None = None) -> None:
        """Show a replay's newest state, or None before the first.

        `marked_from` is the frame at which a stretch that is being marked begins.
        """
        self._live, self._marked_from = live, marked_from
        self.rows_changed()

    def row_count(self) -> int:
        return 1

    def rows(self, width: int) -> list[Row]:
        if self._live is None:
            return [((" " * width, ""),)]
        frame, total = self._live.frame or 0, max(1, self._live.total or 1)
        mark = "▮▮" if self._live.paused else "▶ "
        speed = f"{self._live.speed or 1:g}x".ljust(5)
        left = f"{mark} {speed} {clock_text(self._live.seconds)} "
        right = f" {frame + 1}/{total}"
        length = max(1, width - len(left) - len(right))
        self._line = len(left), length

        def cell(number: int) -> int:
            return min(round(number / max(1, total - 1) * (length - 1)), length - 1)

        at = cell(frame)
        line = ["past"] * at + ["head"] + ["rest"] * (length - at - 1)
        stretches = list(self._live.excluded_frames)
        if self._marked_from is not None:
            stretches.append((min(self._marked_from, frame), max(self._marked_from, frame) + 1))
        for start, stop in stretches:
            for place in range(cell(start), cell(stop - 1) + 1):
                line[place] = "excluded" if place != at else "head"
        parts = [(len(list(group)), kind) for kind, group in groupby(line)]
        return [((left, ""), *((CELLS[kind] * count, kind) for count, kind in parts), (right, ""))]

    def on_click(self, event: events.Click) -> None:
        """Request the frame at the clicked place."""
        if self._live is not None and self._live.total:
            begin, length = self._line
            part = min(max((event.x - begin) / max(1, length - 1), 0.0), 1.0)
            self.post_message(self.SeekRequested(round(part * (self._live.total - 1))))
