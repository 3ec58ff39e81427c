"""A widget of a few lines, each made of styled pieces; it repaints once an update, and only what changed."""

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static


class ChangeOnlyStatic(Static):
    """A `Static` whose text may be told again and again."""

    _content: Content | None = None

    def set_markup(self, markup: str) -> None:
        """Show this markup."""
        content = Content.from_markup(markup)
        if content != self._content:
            self._content = content
            self.update(content)


class ThrottledWidget(Widget):
    """Draws when it is told something, but not again before `SECONDS_BETWEEN` have passed."""

    SECONDS_BETWEEN: ClassVar[float] = 0.5

    _drawn_at = 0.0
    _later: Timer | None = None

    def redraw_soon(self) -> None:
        """Draw now, or as soon as the last time is long enough ago."""
        if not self.is_mounted or self._later is not None:
            return
        left = self._drawn_at + self.SECONDS_BETWEEN - time.monotonic()
        if left <= 0:
            self.redraw_now()
        else:
            self._later = self.set_timer(left, self.redraw_now)

    def redraw_now(self) -> None:
        """Draw, however short ago the last time is."""
        self._later = None
        self._drawn_at = time.monotonic()
        self.before_redraw()
        self.refresh()

    def before_redraw(self) -> None:
        """What was told since the last time is to be drawn."""


Piece = tuple[str, str]
"""Text, and the name of its component class after `--` ("" is the widget's own style)."""
Row = tuple[Piece, ...]


class RowWidget(Widget):
    """Lines that the subclass makes of its figures in `rows`; the height is their number."""

    DEFAULT_CSS = "RowWidget { width: 1fr; height: auto; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown_rows: list[Row] = []
        self._shown_width = -1

    def rows(self, width: int) -> list[Row]:
        """The lines at this width, in cells."""
        raise NotImplementedError

    def row_count(self) -> int:
        """How many lines there are, whatever the width."""
        raise NotImplementedError

    def rows_changed(self) -> None:
        """Repaint the lines that differ from what is shown; lay out again where their number does."""
        if not self.is_mounted:
            return
        old, width = self._shown_rows, self.size.width
        if self.row_count() != len(old) or width != self._shown_width:
            self._take(width)
            self.refresh(layout=True)
            return
        if not self.screen.is_active:
            self._shown_width = -1
            return
        self._take(width)
        changed = [y for y, (new, was) in enumerate(zip(self._shown_rows, old, strict=False)) if new != was]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.row_count()

    def render_line(self, y: int) -> Strip:
        """One line, cut or filled to the width."""
        width = self.size.width
        if width != self._shown_width:
            self._take(width)
        if y >= len(self._shown_rows):
            return Strip.blank(width, self.visual_style.rich_style)
        own = self.visual_style.rich_style
        pieces = [Segment(text, self._named(name, own)) for text, name in self._shown_rows[y] if text]
        return Strip(pieces).adjust_cell_length(width, own)

    def _take(self, width: int) -> None:
        self._shown_rows, self._shown_width = self.rows(width), width

    def _named(self, name: str, own: Style) -> Style:
        if not name:
            return own
        return self.get_visual_style(f"{self.component_prefix}--{name}").rich_style

    @property
    def component_prefix(self) -> str:
        """What the component classes of this widget begin with."""
        return "rows"


def pad(text: str, width: int) -> str:
    """The text in exactly so many cells, cut with an ellipsis."""
    if cell_len(text) > width:
        return text[: max(0, width - 1)] + "…" if width > 0 else ""
    return text + " " * (width - cell_len(text))


EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(part: float, width: int) -> tuple[str, str]:
    """A bar's full and empty text, `width` cells together, to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, part)) * width * 8)
    full = "█" * (eighths // 8) + EIGHTHS[eighths % 8]
    return full, "─" * (width - len(full))


def with_marks(pieces: Sequence[Piece], marks: dict[int, Piece]) -> Row:
    """The pieces with single cells replaced; `marks` by cell. Each character must be one cell wide."""
    result: list[Piece] = []
    at = 0
    for text, name in pieces:
        start = 0
        for index in range(len(text)):
            if at + index in marks:
                result += [(text[start:index], name), marks[at + index]]
                start = index + 1
        result.append((text[start:], name))
        at += len(text)
    return tuple(piece for piece in result if piece[0])
