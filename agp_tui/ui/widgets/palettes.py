"""The colours that a picture is sent in: few enough that runs of equal cells are long and escapes short.

Knows nothing of textual. A colour is a small number, its code; each palette has the text of the
escape sequence for every code ready.
"""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]
"""Colour codes, shape (height, width)."""
Colors = Literal["truecolor", "256"]

CUBE = (0, 95, 135, 175, 215, 255)
"""Levels of a channel in the 6x6x6 cube of the 256 colours (codes 16 to 231)."""


class Palette(NamedTuple):
    """What a terminal is told for each code. `lookup` has one array for each channel or bits of it."""

    colors: Colors
    foreground: list[str]
    """By code: the parameters of the escape that sets the foreground, such as `38;5;16`."""
    background: list[str]

    def codes(self, pixels: NDArray[np.uint8]) -> Codes:
        """The codes of RGB pixels (height, width, 3)."""
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        if self.colors == "truecolor":
            four = _to_four_bits()
            codes: Codes = (four[red] << np.uint16(8)) | (four[green] << np.uint16(4)) | four[blue]
            return codes
        bits = (pixels >> 3).astype(np.uint16)
        index = (bits[..., 0] << np.uint16(10)) | (bits[..., 1] << np.uint16(5)) | bits[..., 2]
        return np.asarray(_nearest_of_256()[index], np.uint16)

    def rgb(self, code: int) -> tuple[int, int, int]:
        """The colour of a code, as a terminal shows it."""
        if self.colors == "truecolor":
            return (code >> 8) * 17, (code >> 4 & 15) * 17, (code & 15) * 17
        return _rgb_of_256(code)


@cache
def palette(colors: Colors) -> Palette:
    """12-bit colour (`truecolor`: 4 bits a channel, sent as 24) or the fixed part of the 256 colours."""
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
    """By 15-bit colour: the nearer one of the best in the cube and the best grey."""
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
