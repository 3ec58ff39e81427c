"""A line of the screen that is already the text for the terminal.

Textual makes a line of segments and turns them into escape sequences itself, which costs about 100 ms
for a picture of 80x40 cells. `Strip._render_cache`, where it keeps the result, is private: where it is
not there, lines are drawn from segments as ever.
"""

from collections.abc import Callable

from rich.segment import Segment
from textual.color import Color
from textual.filter import ANSIToTruecolor, DimFilter, LineFilter, Monochrome
from textual.strip import Strip

HARMLESS = (ANSIToTruecolor, DimFilter, Monochrome)
"""Filters that leave the colours of a picture as they are: it has no ANSI colours, nothing dim, and the
preview makes it grey itself where it has to be."""


def can_be_ready() -> bool:
    """Whether this textual keeps the text of a line where `ReadyStrip` puts it."""
    return all(hasattr(Strip, name) for name in ("_render_cache", "_segments"))


class ReadyStrip(Strip):
    """A line given as text for the terminal, or None, and as a function that makes its segments.

    The function is called where the segments are needed: where something covers a part of the line,
    where a filter changes it, in screenshots, and where the text is None.
    """

    __slots__ = ("_make", "_made")  # noqa: RUF023

    def __init__(self, text: str | None, make: Callable[[], list[Segment]], cells: int) -> None:
        self._make = make
        self._made: list[Segment] | None = None
        super().__init__((), cells)
        self._made = None
        if text is not None:
            self._render_cache = text

    @property
    def _segments(self) -> list[Segment]:
        if self._made is None:
            self._made = self._make()
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._made = segments

    def apply_filter(self, filter: LineFilter, background: Color) -> Strip:
        """The line itself where the filter would change nothing."""
        if isinstance(filter, HARMLESS):
            return self
        return super().apply_filter(filter, background)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)
