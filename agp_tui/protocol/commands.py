"""Commands to a live job (record, play, replay, watch), as JSON lines on its stdin.

The field names and `type` tags are a public interface: other programs write them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from agp_tui.config.types import HoldMode, KeyAction
from agp_tui.errors import AgpError
from agp_tui.protocol.untrusted_json import JsonError, decode_json


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Base of the commands; `type` in JSON is the tag."""


class Stop(Command, frozen=True):
    """Finish: close the files, release the keys, report the result."""


class Pause(Command, frozen=True):
    """Release every key and wait."""


class Resume(Command, frozen=True):
    """Continue after a pause; at the end of a replay start from the beginning."""


class Panic(Command, frozen=True):
    """Release every key and stop at once."""


class Step(Command, frozen=True):
    """Pause, and show the frame `frames` later; negative goes back, in a replay only."""

    frames: int = 1


class Seek(Command, frozen=True):
    """Continue a replay at `frame`, counted from 0."""

    frame: int


class SetSpeed(Command, frozen=True, tag="speed"):
    """Set the speed of a replay or a watched game; `factor` 1 is real time."""

    factor: float


class KeyInput(Command, frozen=True, tag="key"):
    """A key was pressed, repeated or released at a terminal.

    `key` is our name of the key. `time_ns` is on the machine's monotonic clock; None is now.
    """

    key: str
    stroke: KeyAction = "press"
    time_ns: int | None = None


class ReleaseAllKeys(Command, frozen=True, tag="letgo"):
    """The person at the terminal holds no key any more. `time_ns` as in `KeyInput`."""

    time_ns: int | None = None


class SetHoldMode(Command, frozen=True, tag="holding"):
    """How keys typed at a terminal are held from now on: `way` as the setting `[terminal] holding`."""

    way: HoldMode


class Exclude(Command, frozen=True):
    """Leave a stretch out of training.

    In a recording in progress: the last `seconds`, by default those of the setting `record.exclude_seconds`.
    In a replay: frames `start` to `stop` (exclusive).
    """

    seconds: Annotated[float, Meta(gt=0)] | None = None
    start: int | None = None
    stop: int | None = None


class Include(Command, frozen=True):
    """Replay: learn from frames `start` to `stop` (exclusive) again."""

    start: int
    stop: int


class Undo(Command, frozen=True):
    """Take back the newest `Exclude` or `Include` of this recording or replay."""


AnyCommand = (
    Stop
    | Pause
    | Resume
    | Panic
    | Step
    | Seek
    | SetSpeed
    | KeyInput
    | ReleaseAllKeys
    | SetHoldMode
    | Exclude
    | Include
    | Undo
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def encode_command(command: Command) -> bytes:
    """One line of JSON, newline included."""
    return _encoder.encode(command) + b"\n"


def decode_command(line: bytes) -> AnyCommand:
    """The command of one line. Raises `AgpError` if it is not one."""
    try:
        return decode_json(line, _decoder)
    except JsonError as error:
        raise AgpError(
            f"Expected a command as one line of JSON, found {line[:80]!r}: {error}.",
            'Send one of {"type": "stop"}, "pause", "resume", "panic".',
        ) from error
