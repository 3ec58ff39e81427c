"""What the status bar says of the app as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """The state across all screens. `job` is what runs live now, such as `REC`; empty for nothing."""

    game: str = ""
    display: str = ""
    job: str = ""
    fps: float | None = None
    fps_asked: float | None = None
    run: str = ""
    """The long job that is followed, with how far it is."""
    free_bytes: int | None = None
    """On the disk of the recordings."""
