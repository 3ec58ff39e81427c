"""Types of settings: their bounds and their form as command-line flags."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True)
class Flag:
    """The form of a setting on the command line, if it does not follow from its type.

    `commas`: a comma-separated list of integers or of words, shown as `metavar` in the help. A flag has no
    `--no-` form.
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
KeyAction = Literal["press", "repeat", "release"]
"""The kind of a key event of a terminal. Without release reporting, repeats arrive as presses."""
HoldMode = Literal["releases", "timeout", "latched"]
"""How key events of a terminal become held keys: see `TerminalKeyListener`."""
Words = Annotated[tuple[str, ...], Flag("words", "A,B,...")]
Cells = Annotated[
    tuple[Annotated[int, Meta(ge=8, le=400)], Annotated[int, Meta(ge=4, le=200)]],
    Flag("numbers", "WIDTH,HEIGHT"),
]
