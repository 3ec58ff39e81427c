"""Import and export of the original script's pickles.

A pickle is a dict `{screen_frames: (N, H, W, 3) uint8, key_frames: (N, 4)}`.
The frames are BGR, although the script calls them RGB. The keys are up, left, right, down. Times are not
stored; the frames are assumed to be evenly spaced.
"""

import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.files import existing_ancestor
from agp_tui.games.base import Frame, Pixels
from agp_tui.keys.state import KeyEdge
from agp_tui.recording.meta import RecordingMeta
from agp_tui.recording.safe_pickle import read_arrays
from agp_tui.recording.store import Recording, RecordingWriter

KEYS = ("up", "left", "right", "down")
FRAMES, STATES = "screen_frames", "key_frames"
MAX_SIDE = 8192
Channels = Literal["bgr", "rgb"]


@dataclass(frozen=True)
class ImportedRecording:
    """The result of an import. `left_out`: frames without keys, or keys without a frame, at the end."""

    path: Path
    frames: int
    left_out: int


def import_pickle(
    source: Path,
    root: Path,
    game: str,
    *,
    channels: Channels = "bgr",
    fps: int = 30,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ImportedRecording:
    """Import a pickle as a recording of `game`. A key is held if its value is above 0.5.

    No code in the file is run. Raises `RecordingError` for a file of any other format.
    """
    body = _read(source, root)
    frames = _frames(body.get(FRAMES), source)
    states = _states(body.get(STATES), source)
    count = min(len(frames), len(states))
    if not count:
        raise RecordingError(
            f"Expected frames and key states in {source}, found {len(frames)} and {len(states)}."
        )
    height, width = frames[0].shape[:2]
    meta = RecordingMeta(
        game=game,
        fps=fps,
        frame_size=(height, width),
        keys=KEYS,
        backend="seed pickle",
        source="human",
        labels="human",
        started_at=source.stat().st_mtime,
        started_ns=0,
    )
    writer = RecordingWriter.create(root, meta, _held(states[0]))
    try:
        for number in range(count):
            before_ns = round(number * 1e9 / fps)
            for edge in _edges(states[number - 1], states[number], before_ns) if number else ():
                writer.edge(edge)
            pixels = frames[number] if channels == "rgb" else frames[number][:, :, ::-1]
            writer.frame(Frame(np.ascontiguousarray(pixels), before_ns, before_ns))
            progress(number + 1, count)
        writer.close(_held(states[count - 1]))
    except BaseException as error:
        shutil.rmtree(writer.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise RecordingError(
                f"{writer.path} cannot be written: {error.strerror}.", "Free disk space."
            ) from error
        raise
    return ImportedRecording(writer.path, count, max(len(frames), len(states)) - count)


def write_pickle(recording: Recording, file: BinaryIO, frames: Iterator[Pixels]) -> None:
    """Write a recording as a pickle of plain arrays, frame by frame, so that it need not fit into memory.

    `frames` are those of the recording, RGB; they are stored as BGR. `key_frames` is uint8, shape (N, 4);
    other keys are omitted. The pickle names modules of numpy 1, which numpy 2 reads as well. Raises
    `RecordingError` if the recording has none of the four keys.
    """
    keys = recording.meta.keys
    if not set(keys) & set(KEYS):
        raise RecordingError(
            f"Expected one of {', '.join(KEYS)} among the recording's keys, found {', '.join(keys)}.",
            "This format has these four keys only: export to npz instead.",
        )
    states = recording.key_states(recording.meta.labels)
    four = np.zeros((len(recording), len(KEYS)), np.uint8)
    for column, key in enumerate(KEYS):
        if key in keys:
            four[:, column] = states[:, keys.index(key)]
    shape = (len(recording), *recording.meta.frame_size, 3)
    file.write(b"\x80\x04}(" + _text(FRAMES))
    _write_array(file, shape, (np.ascontiguousarray(pixels[:, :, ::-1]) for pixels in frames))
    file.write(_text(STATES))
    _write_array(file, four.shape, iter([four]))
    file.write(b"u.")


def _read(source: Path, root: Path) -> dict[str, NDArray[Any]]:
    try:
        if not source.stat().st_size:
            raise RecordingError(f"Expected a readable pickle at {source}: it is empty.")
        return read_arrays(source, (FRAMES, STATES), existing_ancestor(root))
    except OSError as error:
        raise RecordingError(f"Expected a readable pickle at {source}: {error.strerror}.") from error


def _frames(found: NDArray[Any] | None, source: Path) -> NDArray[np.uint8]:
    """The frames, shape (N, H, W, 3) uint8. Raises `RecordingError`."""
    if (
        not isinstance(found, np.ndarray)
        or found.dtype != np.uint8
        or found.ndim != 4
        or found.shape[3] != 3
        or not all(1 <= side <= MAX_SIDE for side in found.shape[1:3])
    ):
        raise RecordingError(
            f"Expected {FRAMES} of shape (N, height, width, 3) uint8 in {source}, found {_describe(found)}.",
            f"A pickle to import is a dict with {FRAMES} and {STATES}.",
        )
    return found


def _states(found: NDArray[Any] | None, source: Path) -> NDArray[np.bool_]:
    """The key states, (N, 4) bool. Raises `RecordingError`."""
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.shape[1] != len(KEYS):
        raise RecordingError(
            f"Expected {STATES} of shape (N, 4), for {', '.join(KEYS)}, in {source}, "
            f"found {_describe(found)}."
        )
    return np.asarray(found > 0.5)


def _describe(found: NDArray[Any] | None) -> str:
    return "nothing" if found is None else f"{found.shape} {found.dtype}"


def _held(row: NDArray[np.bool_]) -> frozenset[str]:
    return frozenset(key for key, down in zip(KEYS, row, strict=True) if down)


def _edges(old: NDArray[np.bool_], new: NDArray[np.bool_], before_ns: int) -> Iterator[KeyEdge]:
    """The edges between two key states, just before the second frame."""
    for key, was, is_ in zip(KEYS, old, new, strict=True):
        if was != is_:
            yield KeyEdge(before_ns - 1, key, bool(is_), "human")


def _text(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def _write_array(file: BinaryIO, shape: tuple[int, ...], parts: Iterator[NDArray[np.uint8]]) -> None:
    """The opcodes that numpy writes for a uint8 array, with its bytes in parts (PEP 3154)."""
    sides = b"".join(b"J" + struct.pack("<i", side) for side in shape)
    file.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R")
    file.write(b"(K\x01(" + sides + b"t")
    file.write(
        b"cnumpy\ndtype\n"
        + _text("u1")
        + b"\x89\x88\x87R(K\x03"
        + _text("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    file.write(b"\x89\x8e" + struct.pack("<Q", int(np.prod(shape, dtype=np.int64))))
    for part in parts:
        file.write(part.data)
    file.write(b"tb")
