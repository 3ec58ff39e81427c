"""`meta.json` of a recording: game, settings, origin and state."""

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
from agp_tui.games.view import View
from agp_tui.keys.state import Who
from agp_tui.protocol.untrusted_json import JsonError, decode_json

FILE_NAME = "meta.json"
SCHEMA = 1
MAX_BYTES = 1 << 20
"""A larger file is refused."""

SidePixels = Annotated[int, Meta(ge=1, le=8192)]
TimeNs = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
RecordingState = Literal["recording", "complete", "recovered"]


class SourceRange(msgspec.Struct, frozen=True, kw_only=True):
    """The frames `start` to `stop` (exclusive) of the recording that another one was cut or joined from."""

    recording: str
    """GAME/STAMP."""
    started_ns: int
    """Its `started_ns`, which distinguishes it from another recording of the same name."""
    start: int
    stop: int


class RecordingMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a recording. Sizes are in pixels."""

    schema: int = SCHEMA
    game: Name
    fps: Annotated[int, Meta(ge=1, le=1000)]
    """Requested frames per second."""
    frame_size: tuple[SidePixels, SidePixels]
    """Height and width."""
    keys: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=256)]
    """The columns of key states, in order."""
    backend: str
    """The source of the frames: mss, ale, seed pickle ..."""
    source: Who
    """The player."""
    labels: Who
    """The player whose edges are the labels: `source`, or the teacher that corrects it."""
    region: tuple[int, int, int, int] | None = None
    """X, y, width, height on the display."""
    display: str | None = None
    view: View | None = None
    """Of a screen: region, size of the display, and the window of the game at the start."""
    game_delay_ms: float | None = None
    """The game's own delay from a key to the picture, if `agp doctor --game` measured it before."""
    started_at: float = msgspec.field(default_factory=time.time)
    """Wall clock, seconds since 1970."""
    started_ns: int = msgspec.field(default_factory=time.monotonic_ns)
    """The monotonic clock at the same moment."""
    state: RecordingState = "recording"
    codec: str = ""
    """The video codec: ffv1 or libx264rgb."""
    frames: Annotated[int, Meta(ge=0)] | None = None
    """The number of frames of a finished recording."""
    video_bytes: Annotated[int, Meta(ge=0)] | None = None
    """The size of the video of a finished recording, to detect a truncated or changed file."""
    pid: int = msgspec.field(default_factory=os.getpid)
    pid_began: str = msgspec.field(default_factory=lambda: process_start(os.getpid()))
    """The start of the process that writes it, to distinguish a running recording from an interrupted one."""
    derived_from: tuple[SourceRange, ...] = ()
    """What it was cut or joined from, in order; empty if it was recorded."""
    seams: tuple[TimeNs, ...] = ()
    """Times (ns, on the clock of the timeline) of the frames at which another joined recording begins."""

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
            view=game.origin.view,
            source=source,
            labels=labels,
            **fields,
        )

    @property
    def being_written(self) -> bool:
        """Whether the process that records it is running."""
        return self.state == "recording" and self.writer_is_alive

    @property
    def writer_is_alive(self) -> bool:
        """Whether the process that made it is running."""
        return process_start(self.pid) == self.pid_began != ""


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
                "It was made by a newer version of agp-tui: update agp-tui.",
            )
        return decode_json(body, _meta)
    except JsonError as error:
        raise RecordingError(
            f"Expected {path} to describe a recording: {error}.", "It is damaged, or not made by agp-tui."
        ) from error


def write_meta(folder: Path, meta: RecordingMeta) -> None:
    """Replace `meta.json` atomically, readable by its owner only."""
    path = folder / FILE_NAME
    write_atomically(path, msgspec.json.format(msgspec.json.encode(meta), indent=1) + b"\n")
    path.chmod(0o600)


def game_slug(game: str) -> str:
    """The folder name of a game: `ALE-Pong-v5` for `ALE/Pong-v5`."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", game).strip("-.")
    if not slug:
        raise RecordingError(f"Expected a game name with letters or digits, found {game!r}.")
    return slug[:100]


class _SchemaOnly(msgspec.Struct):
    schema: int


_schema = msgspec.json.Decoder(_SchemaOnly)
_meta = msgspec.json.Decoder(RecordingMeta)
