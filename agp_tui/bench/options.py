"""Options of the benchmarks that ship with the package; a field is a flag of its command."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.types import Count, Fraction, Size

Threads = Annotated[int, Meta(ge=1, le=64)]


@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """Capture of a screen region."""

    display: str | None = None
    """X display to capture, such as :0. Without a display, a private one (Xvfb) is started."""

    size: Size = 256
    """Side of the square region in the centre of the screen, in pixels."""

    frames: Count = 100
    """Frames per method."""


@dataclass(frozen=True, kw_only=True)
class PaceOptions:
    """Pacing a loop at a fixed rate."""

    fps: Annotated[int, Meta(ge=1, le=240)] = 60
    """Frames per second."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds per method."""

    work_ms: Annotated[float, Meta(ge=0)] = 4.0
    """CPU time of the simulated work per frame, in milliseconds; capture and storage take about 4."""

    load: Fraction = 0.0
    """Share of the time for which background processes keep each core busy."""


@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """Streaming decisions."""

    network: Literal["small", "large"] = "small"
    """Size of the untrained network, if no model is given."""

    frame_size: Size = 256
    """Side of its frames, in pixels."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 20
    """Number of frames that a decision sees."""

    motion: bool = False
    """Add the motion channel to the input of the network."""

    threads: Threads = 1
    """Threads of one inference."""

    decisions: Count = 60
    """Decisions per method."""

    turn: Count = 10
    """Decisions of one method before the other method takes its turn."""

    seconds: Annotated[float, Meta(gt=0)] = 5.0
    """Seconds of a game in a window, per method, at each of 10, 30 and 60 frames per second."""

    display: str | None = None
    """X display for that game, such as :0. Without a display, a private one (Xvfb) is started."""
