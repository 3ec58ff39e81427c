"""Lines of braille dots: two columns and four rows of dots in a cell. Knows nothing of textual."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell by row and column, as Unicode orders them."""


@dataclass(frozen=True)
class Axis:
    """A range of values on `dots` dots; `log` in equal factors instead of equal steps."""

    low: float
    high: float
    dots: int
    log: bool = False

    def dot(self, value: float) -> int:
        """The dot of a value in the range."""
        low, high, value = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        return round((value - low) / (high - low) * (self.dots - 1))

    def at(self, part: float) -> float:
        """The value at this part of the axis (0 to 1)."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + (high - low) * part
        return 10.0**value if self.log else value

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def spanning(values: Iterable[float], dots: int, *, log: bool = False) -> Axis:
    """The axis over these values; a single one stands in the middle."""
    known = list(values) or [0.1 if log else 0.0, 1.0]
    low, high = min(known), max(known)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    return Axis(low, high, max(2, dots), log)


def drawable(points: Iterable[Point], *, log: bool) -> list[Point]:
    """The points that can be drawn: finite, and above zero on a log axis."""
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most about so many points; the lowest and highest of each part stay."""
    size = math.ceil(2 * len(points) / max(2, most))
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
    """Dots in cells, each cell in the colour of the line that was last in it."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._bits = [[0] * columns for _ in range(rows)]
        self._owners = [[0] * columns for _ in range(rows)]
        self._letters: dict[tuple[int, int], str] = {}

    def line(self, points: Sequence[Point], x_axis: Axis, y_axis: Axis, owner: int) -> None:
        """The points joined by straight lines."""
        before: tuple[int, int] | None = None
        for x, y in points:
            dot = x_axis.dot(x), y_axis.dot(y)
            if dot != before:
                self._joined(before or dot, dot, owner)
                before = dot

    def letter(self, letter: str, point: Point, x_axis: Axis, y_axis: Axis, owner: int) -> None:
        """A letter in the cell of a point; the cell beside it where that one has a letter already."""
        row, column = self.rows - 1 - y_axis.dot(point[1]) // 4, x_axis.dot(point[0]) // 2
        while (row, column) in self._letters and column > 0:
            column -= 1
        self._letters[row, column] = letter
        self._owners[row][column] = owner

    def row(self, row: int) -> list[tuple[str, int]]:
        """Texts and their owners, from left to right."""
        result: list[tuple[str, int]] = []
        for column, (bits, owner) in enumerate(zip(self._bits[row], self._owners[row], strict=True)):
            text = self._letters.get((row, column)) or (chr(0x2800 + bits) if bits else " ")
            if result and result[-1][1] == owner:
                result[-1] = (result[-1][0] + text, owner)
            else:
                result.append((text, owner))
        return result

    def _joined(self, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
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
