"""Line chart of training curves (loss, F1, scores over steps) in braille dots."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from agp_tui.ui.widgets.row_widget import ThrottledWidget

Point = tuple[float, float]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell by row and column, in Unicode's order."""


@dataclass(frozen=True)
class Axis:
    """A range of values mapped to `dots` dots, linear or logarithmic."""

    low: float
    high: float
    dots: int
    log: bool = False

    def dot(self, value: float) -> int:
        """The dot of a value."""
        low, high, value = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        return round((value - low) / (high - low) * (self.dots - 1))

    def at(self, fraction: float) -> float:
        """The value at a fraction (0 to 1) of the axis."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + (high - low) * fraction
        return 10.0**value if self.log else value

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def fit_axis(values: Iterable[float], dots: int, *, log: bool = False) -> Axis:
    """The axis over these values; a single value is in the middle."""
    known = list(values) or [0.1 if log else 0.0, 1.0]
    low, high = min(known), max(known)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    return Axis(low, high, max(2, dots), log)


def finite_points(points: Iterable[Point], *, log: bool) -> list[Point]:
    """The finite points, on a log axis only those above zero."""
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)]


def downsample(points: Sequence[Point], max_points: int) -> list[Point]:
    """About `max_points` points: the lowest and the highest of each part of the curve."""
    size = math.ceil(2 * len(points) / max(2, max_points))
    if size <= 2:
        return list(points)
    result: list[Point] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        ends = {min(part, key=_y), max(part, key=_y)}
        result += sorted(ends)
    if result[-1] != points[-1]:
        result.append(points[-1])
    return result


class Canvas:
    """Braille dots in cells; a cell has the color of the last line drawn in it (its owner)."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._bits = [[0] * columns for _ in range(rows)]
        self._owners = [[0] * columns for _ in range(rows)]
        self._letters: dict[tuple[int, int], str] = {}

    def line(self, points: Sequence[Point], x_axis: Axis, y_axis: Axis, owner: int) -> None:
        """Join the points by straight lines."""
        before: tuple[int, int] | None = None
        for x, y in points:
            dot = x_axis.dot(x), y_axis.dot(y)
            if dot != before:
                self._segment(before or dot, dot, owner)
                before = dot

    def letter(self, letter: str, point: Point, x_axis: Axis, y_axis: Axis, owner: int) -> None:
        """Put a letter in the cell of a point, or further left if the cell has one already."""
        row, column = self.rows - 1 - y_axis.dot(point[1]) // 4, x_axis.dot(point[0]) // 2
        while (row, column) in self._letters and column > 0:
            column -= 1
        self._letters[row, column] = letter
        self._owners[row][column] = owner

    def row(self, row: int) -> list[tuple[str, int]]:
        """Texts and their owners of a row, from left to right."""
        result: list[tuple[str, int]] = []
        for column, (bits, owner) in enumerate(zip(self._bits[row], self._owners[row], strict=True)):
            text = self._letters.get((row, column)) or (chr(0x2800 + bits) if bits else " ")
            if result and result[-1][1] == owner:
                result[-1] = (result[-1][0] + text, owner)
            else:
                result.append((text, owner))
        return result

    def _segment(self, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            x = start[0] + round((end[0] - start[0]) * step / steps)
            y = start[1] + round((end[1] - start[1]) * step / steps)
            row, column = self.rows - 1 - y // 4, x // 2
            if 0 <= row < self.rows and 0 <= column < self.columns:
                self._bits[row][column] |= DOTS[3 - y % 4][x % 2]
                self._owners[row][column] = owner


def _y(point: Point) -> float:
    return point[1]


COLORS = 6
"""Number of colors; a seventh curve reuses the first, with a letter of its own."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class CurveChart(ThrottledWidget):
    """Named curves over one x axis, each marked by a letter at its newest point and in the legend."""

    DEFAULT_CSS = """
    CurveChart { width: 1fr; height: 1fr; min-height: 5; }
    CurveChart > .curve--axis { color: $text-muted; }
    CurveChart > .curve--1 { color: $primary; }
    CurveChart > .curve--2 { color: $warning; }
    CurveChart > .curve--3 { color: $success; }
    CurveChart > .curve--4 { color: $error; }
    CurveChart > .curve--5 { color: $accent; }
    CurveChart > .curve--6 { color: $secondary; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "curve--axis",
        *(f"curve--{number}" for number in range(1, COLORS + 1)),
    }
    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        x_label: str = "",
        log: bool = False,
        message: str = "No curve yet.",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._x_label = x_label
        self._log = log
        self._message = message
        self._series: dict[str, list[Point]] = {}
        self._intervals: list[tuple[float, float, float]] = []
        self._lines: list[list[tuple[str, int]]] = []
        self._drawn_size: tuple[int, int] | None = None
        self.redraws = 0
        """Number of redraws, for tests."""

    def set_series(self, series: Mapping[str, Iterable[Point]]) -> None:
        """Replace the curves; points (x, y) are in the order of x."""
        self._series = {name: list(points) for name, points in series.items()}
        self._intervals = []
        self.redraw_soon()

    def add(self, name: str, x: float, y: float) -> None:
        """Add a point to a curve, which is created if needed."""
        self._series.setdefault(name, []).append((x, y))
        self.redraw_soon()

    def add_interval(self, x: float, low: float, high: float) -> None:
        """Add a vertical line behind the curves, for a confidence interval at x."""
        self._intervals.append((x, low, high))
        self.redraw_soon()

    def drop_from(self, x: float) -> None:
        """Drop points at x and beyond: a run was resumed from an earlier checkpoint."""
        for points in self._series.values():
            while points and points[-1][0] >= x:
                points.pop()
        self._intervals = [one for one in self._intervals if one[0] < x]

    def reset(self) -> None:
        """Remove all curves."""
        self.set_series({})

    @property
    def log_scale(self) -> bool:
        """Whether the y axis is logarithmic."""
        return self._log

    @log_scale.setter
    def log_scale(self, log: bool) -> None:
        self._log = log
        self.redraw_now()

    def render_line(self, y: int) -> Strip:
        """Render a line of the legend, the curves or the x labels."""
        width, height = self.size
        if self._drawn_size != (width, height):
            self._draw()
        own = self.visual_style.rich_style
        line = self._lines[y] if y < len(self._lines) else []
        return Strip([Segment(text, self._style(owner)) for text, owner in line]).adjust_cell_length(
            width, own
        )

    def _style(self, owner: int) -> Style:
        name = "axis" if owner < 0 else str(owner % COLORS + 1)
        return self.get_visual_style(f"curve--{name}").rich_style

    def before_redraw(self) -> None:
        """Make all lines again at the next render."""
        self._drawn_size = None

    def _draw(self) -> None:
        """Make all lines for the current size."""
        self.redraws += 1
        self._drawn_size = (self.size.width, self.size.height)
        width, height = self._drawn_size
        series = {name: finite_points(points, log=self._log) for name, points in self._series.items()}
        shown = [(number, name, points) for number, (name, points) in enumerate(series.items()) if points]
        if not shown:
            middle = max(0, (height - 1) // 2)
            self._lines = [[] for _ in range(middle)] + [[(self._message.center(width)[:width], -1)]]
            return
        rows = max(1, height - 2)
        intervals = [one for one in self._intervals if len(finite_points(_ends(one), log=self._log)) == 2]
        heights = [y for _, _, points in shown for _, y in points]
        heights += [y for one in intervals for _, y in _ends(one)]
        y_axis = fit_axis(heights, rows * 4, log=self._log)
        labels = _y_labels(y_axis, rows)
        left = max(map(len, labels)) + 1
        columns = max(1, width - left)
        places = [x for _, _, points in shown for x, _ in points] + [x for x, _, _ in intervals]
        x_axis = fit_axis(places, columns * 2)
        canvas = Canvas(columns, rows)
        for one in intervals:
            canvas.line(_ends(one), x_axis, y_axis, -1)
        for number, _, points in shown:
            canvas.line(downsample(points, columns * 4), x_axis, y_axis, number)
        for number, _, points in shown:
            canvas.letter(LETTERS[number % 26], points[-1], x_axis, y_axis, number)
        body = [
            [(label.rjust(left - 1) + ("┤" if label else "│"), -1), *canvas.row(row)]
            for row, label in enumerate(labels)
        ]
        legend = [
            (f"{LETTERS[number % 26]} {name} {_number(points[-1][1])}  ", number)
            for number, name, points in shown
        ]
        self._lines = [legend, *body, [(" " * left + _x_labels(x_axis, columns, self._x_label), -1)]]


def _ends(interval: tuple[float, float, float]) -> list[Point]:
    x, low, high = interval
    return [(x, low), (x, high)]


def _y_labels(axis: Axis, rows: int) -> list[str]:
    """Labels by row: at both ends and, with enough room, in the middle; empty elsewhere."""
    labels = [""] * rows
    labels[0] = _number(axis.high)
    if rows > 1:
        labels[-1] = _number(axis.low)
    if rows >= 7:
        labels[rows // 2] = _number(axis.at(1 - (rows // 2) / (rows - 1)))
    return labels


def _x_labels(axis: Axis, columns: int, unit: str) -> str:
    low, high = _number(axis.low), _number(axis.high)
    right = f"{high} {unit}".strip()
    if len(low) + len(right) + 1 > columns:
        return right[-columns:].rjust(columns)
    middle = _number(axis.at(0.5))
    room = columns - len(low) - len(right)
    return low + (middle.center(room) if room > len(middle) + 4 else " " * room) + right


def _number(value: float) -> str:
    """Three significant digits, with k and M for large numbers."""
    for limit, letter in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e6 if letter == 'M' else 1e3):.3g}{letter}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
