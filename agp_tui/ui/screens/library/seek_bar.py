"""Seek bar of a replay: position, speed and time, with a line to click on."""

from typing import ClassVar

from textual import events
from textual.message import Message

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Live
from agp_tui.ui.widgets.row_widget import Row, RowWidget


class SeekBar(RowWidget):
    """Shows state, speed, time, a line and the frame number. A click on the line seeks."""

    DEFAULT_CSS = """
    SeekBar { height: 1; margin: 0 1; }
    SeekBar > .seek-bar--past { color: $primary; }
    SeekBar > .seek-bar--head { color: $warning; text-style: bold; }
    SeekBar > .seek-bar--rest { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "seek-bar--past",
        "seek-bar--head",
        "seek-bar--rest",
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

    @property
    def component_prefix(self) -> str:
        return "seek-bar"

    def show(self, live: Live | None) -> None:
        """Show a replay's newest state, or None before the first."""
        self._live = live
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
        at = round(frame / max(1, total - 1) * (length - 1))
        return [
            (
                (left, ""),
                ("━" * at, "past"),
                ("●", "head"),
                ("─" * (length - at - 1), "rest"),
                (right, ""),
            )
        ]

    def on_click(self, event: events.Click) -> None:
        """Request the frame at the clicked place."""
        if self._live is not None and self._live.total:
            begin, length = self._line
            part = min(max((event.x - begin) / max(1, length - 1), 0.0), 1.0)
            self.post_message(self.SeekRequested(round(part * (self._live.total - 1))))
