"""The types that settings are made of: their bounds, and how they are written as flags."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True)
class Flag:
    """How a setting is written on a command line, where that does not follow from its type.

    `commas`: a list in one word, of whole numbers or of words, shown as `metavar` in the help. A flag
    has no `--no-` form.
    """

    commas: Literal["numbers", "words"] | None = None
    metavar: str | None = None


Fps = Annotated[int, Meta(ge=1, le=60)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=1)]
Size = Annotated[int, Meta(ge=16, le=2160)]
Point = Annotated[tuple[int, int], Flag("numbers", "X,Y")]
Region = Annotated[tuple[int, int, int, int], Flag("numbers", "X,Y,W,H")]
Shape = Annotated[tuple[int, int, int, int], Flag("numbers", "N,H,W,C")]
Whole = Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Flag("numbers", "N,N,...")]
KeyName = Annotated[str, Meta(examples=["f9"])]
Stroke = Literal["press", "repeat", "release"]
"""What a terminal tells of a key; one that tells of no releases calls repeats presses."""
Way = Literal["releases", "timeout", "latched"]
"""How strokes at a terminal become held keys: see `agp_tui.keys.terminal_keys.TypedKeys`."""
Words = Annotated[tuple[str, ...], Flag("words", "A,B,...")]
Cells = Annotated[
    tuple[Annotated[int, Meta(ge=8, le=400)], Annotated[int, Meta(ge=4, le=200)]],
    Flag("numbers", "WIDTH,HEIGHT"),
]
