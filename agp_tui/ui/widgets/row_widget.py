"""Base widgets that repaint only what changed: ChangeOnlyStatic, ThrottledWidget, RowWidget; and bars."""

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
    """A `Static` that updates only if its text changed."""

    _content: Content | None = None

    def set_markup(self, markup: str) -> None:
        """Show this markup."""
        content = Content.from_markup(markup)
        if content != self._content:
            self._content = content
            self.update(content)


class ThrottledWidget(Widget):
    """A widget that redraws at most once per `SECONDS_BETWEEN` seconds."""

    SECONDS_BETWEEN: ClassVar[float] = 0.5

    _last_redraw = 0.0
    _redraw_timer: Timer | None = None

    def redraw_soon(self) -> None:
        """Redraw now, or as soon as `SECONDS_BETWEEN` have passed since the last redraw."""
        if not self.is_mounted or self._redraw_timer is not None:
            return
        left = self._last_redraw + self.SECONDS_BETWEEN - time.monotonic()
        if left <= 0:
            self.redraw_now()
        else:
            self._redraw_timer = self.set_timer(left, self.redraw_now)

    def redraw_now(self) -> None:
        """Redraw at once."""
        self._redraw_timer = None
        self._last_redraw = time.monotonic()
        self.before_redraw()
        self.refresh()

    def before_redraw(self) -> None:
        """Called before each redraw, to take over new data."""


Piece = tuple[str, str]
"""A text, and the name of its component class after `--` ("" for the widget's own style)."""
Row = tuple[Piece, ...]


class RowWidget(Widget):
    """A widget of lines of styled pieces, which the subclass gives in `rows`; its height is their number."""

    DEFAULT_CSS = "RowWidget { width: 1fr; height: auto; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown_rows: list[Row] = []
        self._shown_width = -1

    def rows(self, width: int) -> list[Row]:
        """The lines for a width in cells."""
        raise NotImplementedError

    def row_count(self) -> int:
        """Number of lines, whatever the width."""
        raise NotImplementedError

    def rows_changed(self) -> None:
        """Repaint the lines that changed; redo the layout if their number changed."""
        if not self.is_mounted:
            return
        old, width = self._shown_rows, self.size.width
        if self.row_count() != len(old) or width != self._shown_width:
            self._make_rows(width)
            self.refresh(layout=True)
            return
        if not self.screen.is_active:
            self._shown_width = -1
            return
        self._make_rows(width)
        changed = [y for y, (new, was) in enumerate(zip(self._shown_rows, old, strict=False)) if new != was]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.row_count()

    def render_line(self, y: int) -> Strip:
        """Render one line, cropped or padded to the width."""
        width = self.size.width
        if width != self._shown_width:
            self._make_rows(width)
        if y >= len(self._shown_rows):
            return Strip.blank(width, self.visual_style.rich_style)
        own = self.visual_style.rich_style
        pieces = [Segment(text, self._piece_style(name, own)) for text, name in self._shown_rows[y] if text]
        return Strip(pieces).adjust_cell_length(width, own)

    def _make_rows(self, width: int) -> None:
        self._shown_rows, self._shown_width = self.rows(width), width

    def _piece_style(self, name: str, own: Style) -> Style:
        if not name:
            return own
        return self.get_visual_style(f"{self.component_prefix}--{name}").rich_style

    @property
    def component_prefix(self) -> str:
        """Prefix of the widget's component classes."""
        return "rows"


def pad(text: str, width: int) -> str:
    """The text padded to `width` cells, or cut with an ellipsis."""
    if cell_len(text) > width:
        return text[: max(0, width - 1)] + "…" if width > 0 else ""
    return text + " " * (width - cell_len(text))


EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def bar(part: float, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar of `width` cells, to an eighth of a cell; `part` is 0 to 1."""
    eighths = round(min(1.0, max(0.0, part)) * width * 8)
    full = "█" * (eighths // 8) + EIGHTHS[eighths % 8]
    return full, "─" * (width - len(full))


def with_marks(pieces: Sequence[Piece], marks: dict[int, Piece]) -> Row:
    """The pieces with single cells replaced by `marks` (by cell). Each character must be one cell wide."""
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
