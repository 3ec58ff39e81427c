"""`meta.json` of a recording: what was recorded, how, and whether it came to its end."""

import os
import re
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agp_tui.engine.runs import process_start
from agp_tui.errors import RecordingError
from agp_tui.files import write_atomically
from agp_tui.games.base import Game
from agp_tui.keys.state import Who
from agp_tui.protocol.untrusted_json import JsonError, decode_json

FILE_NAME = "meta.json"
SCHEMA = 1
MAX_BYTES = 1 << 20
"""A larger meta.json is not one of ours."""

SidePixels = Annotated[int, Meta(ge=1, le=8192)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
RecordingState = Literal["recording", "complete", "recovered"]


class RecordingMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording says of itself. Sizes are pixels, times as their names say."""

    schema: int = SCHEMA
    game: Name
    fps: Annotated[int, Meta(ge=1, le=1000)]
    """Frames a second that were asked for."""
    frame_size: tuple[SidePixels, SidePixels]
    """Height and width."""
    keys: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=256)]
    """The columns of a key state, in order."""
    backend: str
    """What gave the frames: mss, ale, seed pickle ..."""
    source: Who
    """Who played."""
    labels: Who
    """Whose edges are the ones to learn from: who played, or the teacher who corrected."""
    region: tuple[int, int, int, int] | None = None
    """X, y, width, height on the display."""
    display: str | None = None
    started_at: float = msgspec.field(default_factory=time.time)
    """Wall clock, seconds since 1970."""
    started_ns: int = msgspec.field(default_factory=time.monotonic_ns)
    """The monotonic clock at the same moment."""
    state: RecordingState = "recording"
    codec: str = ""
    """What the frames are compressed with: ffv1 or libx264rgb."""
    frames: Annotated[int, Meta(ge=0)] | None = None
    """How many frames a finished recording holds."""
    video_bytes: Annotated[int, Meta(ge=0)] | None = None
    """Size of the video of a finished recording; another size means that it was cut or changed."""
    pid: int = msgspec.field(default_factory=os.getpid)
    pid_began: str = msgspec.field(default_factory=lambda: process_start(os.getpid()))
    """The process that wrote it, so that a recording still running is told from one broken off."""

    def __post_init__(self) -> None:
        if len(set(self.keys)) != len(self.keys):
            raise ValueError(f"expected each key once, found {', '.join(self.keys)}")

    @classmethod
    def of_game(cls, game: Game, fps: float, *, source: Who, labels: Who, **fields: Any) -> "RecordingMeta":
        """The metadata of a new recording of `game`; `fields` are further fields, such as `started_ns`."""
        return cls(
            game=game.name,
            fps=round(fps),
            frame_size=game.frame_shape,
            keys=game.keys,
            backend=game.origin.backend,
            region=game.origin.region,
            display=game.origin.display,
            source=source,
            labels=labels,
            **fields,
        )

    @property
    def being_written(self) -> bool:
        """Whether the process that records it is still at it."""
        return self.state == "recording" and process_start(self.pid) == self.pid_began != ""


def read_meta(folder: Path) -> RecordingMeta:
    """The `meta.json` of a recording's folder. Raises `RecordingError`."""
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecordingError(
                f"Expected a small {FILE_NAME} in {folder}, found more than {MAX_BYTES} bytes."
            )
        body = path.read_bytes()
    except OSError as error:
        what = "no such folder" if not folder.exists() else f"no readable {FILE_NAME} in it"
        raise RecordingError(
            f"Expected a recording at {folder}, found {what}.", "agp recordings list shows what is there."
        ) from error
    try:
        schema = decode_json(body, _schema).schema
        if schema > SCHEMA:
            raise RecordingError(
                f"Expected a recording of schema {SCHEMA} or older at {folder}, found schema {schema}.",
                "It was made by a newer version of agp-tui: update this one.",
            )
        return decode_json(body, _meta)
    except JsonError as error:
        raise RecordingError(
            f"Expected {path} to describe a recording: {error}.", "It is damaged, or not made by agp-tui."
        ) from error


def write_meta(folder: Path, meta: RecordingMeta) -> None:
    """Replace `meta.json` in one step, readable for its owner only."""
    path = folder / FILE_NAME
    write_atomically(path, msgspec.json.format(msgspec.json.encode(meta), indent=1) + b"\n")
    path.chmod(0o600)


def game_slug(game: str) -> str:
    """The name of a game as the name of a folder: `ALE/Pong-v5` becomes `ALE-Pong-v5`."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", game).strip("-.")
    if not slug:
        raise RecordingError(f"Expected a name for the game with letters or digits in it, found {game!r}.")
    return slug[:100]


class _SchemaOnly(msgspec.Struct):
    schema: int


_schema = msgspec.json.Decoder(_SchemaOnly)
_meta = msgspec.json.Decoder(RecordingMeta)
