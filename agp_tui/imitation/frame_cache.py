"""Cache of decoded frames: a memory-mapped array beside each recording, one per frame size.

The file is `RECORDING/.cache/frames-SIZE-KEY.npy`. KEY is a hash of the recording's content, so that a
changed recording is decoded again. Files are written under a temporary name and renamed, so that trainings
can run in parallel and a crash leaves no partial array.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.models.frame_window import resize
from agp_tui.recording.store import Recording

FOLDER = ".cache"
STALE_SECONDS = 3600
"""Temporary files older than this belong to a training that crashed."""


def decoded_frames(
    recording: Recording, size: int, progress: Callable[[int], None] = lambda _done: None
) -> NDArray[np.uint8]:
    """All frames, (N, size, size, 3) uint8 RGB, area interpolation, read-only and memory-mapped.

    `progress(done)` is called with the number of decoded frames. Raises `RecordingError` if the recording
    cannot be decoded or the disk is full.
    """
    shape = (len(recording), size, size, 3)
    path = recording.path / FOLDER / f"frames-{size}-{_content_key(recording)}.npy"
    if (found := _read(path, shape)) is not None:
        progress(shape[0])
        return found
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(3)}.part")
    try:
        _check_space(path.parent, shape)
        # Not written through a memory map: a full disk would be a fatal signal instead of an error.
        with part.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            count = 0
            for pixels in recording.frames():
                if count % 64 == 0:
                    progress(count)
                file.write(np.ascontiguousarray(resize(pixels, size, size)).data)
                count += 1
        if count != shape[0]:
            raise RecordingError(
                f"Expected {shape[0]} frames in {recording.path}, found {count}.",
                f"agp recordings repair {recording.path.name}",
            )
        part.replace(path)
        _remove_outdated(path)
    except OSError as error:
        raise RecordingError(
            f"Expected to write decoded frames to {path.parent}: {error.strerror or error}.",
            "Make the folder writable, or free some of the disk.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    progress(shape[0])
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _content_key(recording: Recording) -> str:
    """Hash of metadata, frame count, and size and time of the video file."""
    meta = recording.path / "meta.json"
    video = recording.path / "frames.mkv"
    parts = [str(len(recording)), meta.read_text() if meta.is_file() else ""]
    if video.is_file():
        facts = video.stat()
        parts += [str(facts.st_size), str(facts.st_mtime_ns)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    try:
        frames = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return frames if frames.shape == shape and frames.dtype == np.uint8 else None


def _check_space(folder: Path, shape: tuple[int, ...]) -> None:
    folder.mkdir(exist_ok=True)
    needed = int(np.prod(shape, dtype=np.int64))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RecordingError(
            f"Expected {needed // 2**20 + 1} MB free for the decoded frames of {folder.parent}, "
            f"found {free // 2**20} MB.",
            "Free some of the disk, or train with a smaller frame_size.",
        )


def _remove_outdated(path: Path) -> None:
    """Remove arrays of the same size with older content, and temporary files of crashed trainings."""
    size = path.name.split("-")[1]
    for other in path.parent.glob(f"frames-{size}-*"):
        old_part = other.suffix == ".part" and time.time() - _modified(other) > STALE_SECONDS
        if old_part or (other.suffix == ".npy" and other != path):
            # May still be open elsewhere; on Linux its content remains until it is closed.
            with contextlib.suppress(OSError):
                other.unlink()


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
