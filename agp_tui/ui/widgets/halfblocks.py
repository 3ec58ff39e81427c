"""Half blocks: pictures as terminal cells of two pixels each, colour palettes, and escape sequences.

Independent of Textual. A row is split into runs of equal cells; both the escape sequences and the
segments are made from these runs, so that they cannot differ.
"""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]
"""Colour codes, shape (height, width)."""
Colors = Literal["truecolor", "256"]

CUBE = (0, 95, 135, 175, 215, 255)
"""Channel levels of the 6x6x6 cube in the 256 colours (codes 16 to 231)."""


class Palette(NamedTuple):
    """Escape parameters of each colour code."""

    colors: Colors
    foreground: list[str]
    """By code: the parameters that set the foreground, such as `38;5;16`."""
    background: list[str]

    def codes(self, pixels: NDArray[np.uint8]) -> Codes:
        """Colour codes of RGB pixels, shape (height, width, 3)."""
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        if self.colors == "truecolor":
            four = _to_four_bits()
            codes: Codes = (four[red] << np.uint16(8)) | (four[green] << np.uint16(4)) | four[blue]
            return codes
        bits = (pixels >> 3).astype(np.uint16)
        index = (bits[..., 0] << np.uint16(10)) | (bits[..., 1] << np.uint16(5)) | bits[..., 2]
        return np.asarray(_nearest_of_256()[index], np.uint16)

    def rgb(self, code: int) -> tuple[int, int, int]:
        """The RGB colour of a code."""
        if self.colors == "truecolor":
            return (code >> 8) * 17, (code >> 4 & 15) * 17, (code & 15) * 17
        return _rgb_of_256(code)


@cache
def palette(colors: Colors) -> Palette:
    """12-bit colour (`truecolor`: 4 bits per channel, sent as 24) or the fixed part of the 256 colours."""
    if colors == "truecolor":
        texts = [f"2;{(c >> 8) * 17};{(c >> 4 & 15) * 17};{(c & 15) * 17}" for c in range(4096)]
    else:
        texts = [f"5;{code}" for code in range(256)]
    return Palette(colors, [f"38;{text}" for text in texts], [f"48;{text}" for text in texts])


@cache
def _to_four_bits() -> NDArray[np.uint16]:
    return ((np.arange(256) + 8) // 17).astype(np.uint16)


@cache
def _nearest_of_256() -> Codes:
    """By 15-bit colour: the nearest colour of the cube and the greys."""
    steps = np.arange(32) * 255 / 31
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    levels = np.array(CUBE, np.float64)
    channel = np.abs(rgb[:, :, None] - levels).argmin(axis=2)
    cube_distance = ((rgb - levels[channel]) ** 2).sum(axis=1)
    step = np.clip(np.rint((rgb.mean(axis=1) - 8) / 10), 0, 23)
    grey_distance = ((rgb - (8 + 10 * step)[:, None]) ** 2).sum(axis=1)
    cube = 16 + channel @ np.array([36, 6, 1])
    nearest: Codes = np.where(grey_distance < cube_distance, 232 + step, cube).astype(np.uint16)
    return nearest


def _rgb_of_256(code: int) -> tuple[int, int, int]:
    if code >= 232:
        grey = 8 + 10 * (code - 232)
        return grey, grey, grey
    red, rest = divmod(code - 16, 36)
    green, blue = divmod(rest, 6)
    return CUBE[red], CUBE[green], CUBE[blue]


Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""
UNSET = -1
SHADES = " ░▒▓█"


Run = tuple[str, int, int]
"""Adjacent equal cells: their text, foreground code and background code.

`UNSET` is the terminal's own colour. Plain tuples, since a picture has thousands.
"""


def fit(picture: Picture, columns: int, rows: int) -> Picture:
    """The picture resized to fit `columns` x `rows` cells, keeping its proportions.

    A cell is one pixel wide and two high, so the height is even. Shrinks by area averaging, grows by
    the nearest pixel.
    """
    height, width = picture.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    new_width = min(columns, max(1, round(width * scale)))
    new_height = 2 * min(rows, max(1, round(height * scale / 2)))
    return _resize(_resize(picture, new_height, 0), new_width, 1)


def _resize(picture: Picture, size: int, axis: int) -> Picture:
    old = picture.shape[axis]
    if size == old:
        return picture
    if size > old:
        return np.asarray(picture.take((np.arange(size) * 2 + 1) * old // (2 * size), axis=axis), np.uint8)
    edges = np.arange(size + 1) * old // size
    shape = [1, 1, 1]
    shape[axis] = size
    counts = np.diff(edges).reshape(shape).astype(np.uint32)
    sums = np.add.reduceat(picture, edges[:-1], axis=axis, dtype=np.uint32)
    return np.asarray((sums + counts // 2) // counts, np.uint8)


def draw_frame(
    picture: Picture, frame: tuple[float, float, float, float], color: tuple[int, int, int]
) -> Picture:
    """A copy with a rectangle, darker outside; `frame` is x0, y0, x1, y1 as fractions of the picture."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (min(1.0, max(0.0, edge)) for edge in frame)
    left, top = min(width - 1, int(x0 * width)), min(height - 1, int(y0 * height))
    right, bottom = max(left + 1, round(x1 * width)), max(top + 1, round(y1 * height))
    result = picture // 2
    result[top:bottom, left:right] = color
    result[top + 1 : bottom - 1, left + 1 : right - 1] = picture[top + 1 : bottom - 1, left + 1 : right - 1]
    return result


def pair_rows(codes: Codes) -> NDArray[np.uint32]:
    """Both codes of each cell in one number, shape (height / 2, width), for comparison."""
    return codes[0::2].astype(np.uint32) << np.uint32(16) | codes[1::2].astype(np.uint32)


def to_shades(picture: Picture) -> list[str]:
    """Rows of shade characters by brightness, for a terminal without colours."""
    luma = _luma(picture)
    cells = (luma[0::2] + luma[1::2]) / 2
    levels = np.minimum(cells * len(SHADES) / 256, len(SHADES) - 1).astype(int)
    return ["".join(SHADES[level] for level in row) for row in levels.tolist()]


def to_grey(picture: Picture) -> Picture:
    """The picture in grey, of the same brightness."""
    return np.repeat(np.rint(_luma(picture)).astype(np.uint8)[..., None], 3, axis=2)


def _luma(picture: Picture) -> NDArray[np.float64]:
    """Brightness, 0 to 255 (luma of ITU-R BT.601), shape (height, width)."""
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114]), np.float64)


def runs(cells: NDArray[np.uint32]) -> list[Run]:
    """The runs of one row of cells (see `pair_rows`).

    A cell can be drawn as an upper or lower half block or, if both pixels are equal, as a full block or a
    space. Each run uses the form that changes the fewest colours after the run before it.
    """
    ends = (np.flatnonzero(cells[1:] != cells[:-1]) + 1).tolist()
    values = cells.tolist()
    foreground = background = UNSET
    result: list[Run] = []
    start = 0
    for end in [*ends, len(values)]:
        cell = values[start]
        upper, lower = cell >> 16, cell & 0xFFFF
        if upper == lower:
            if upper == foreground and upper != background:
                text = "█"
            else:
                text, background = " ", upper
        elif (lower == foreground or upper == background) and upper != foreground and lower != background:
            text, foreground, background = "▄", lower, upper
        else:
            text, foreground, background = "▀", upper, lower
        result.append((text * (end - start), foreground, background))
        start = end
    return result


def ansi(row: list[Run], palette: Palette) -> str:
    """The row as escape sequences: a colour is set only if it changes, and reset at the end."""
    foregrounds, backgrounds = palette.foreground, palette.background
    foreground = background = UNSET
    pieces = []
    for text, new_foreground, new_background in row:
        if new_foreground != foreground:
            foreground = new_foreground
            if new_background != background:
                background = new_background
                pieces.append(f"\x1b[{foregrounds[foreground]};{backgrounds[background]}m{text}")
            else:
                pieces.append(f"\x1b[{foregrounds[foreground]}m{text}")
        elif new_background != background:
            background = new_background
            pieces.append(f"\x1b[{backgrounds[background]}m{text}")
        else:
            pieces.append(text)
    pieces.append("\x1b[0m")
    return "".join(pieces)
