"""Export of recordings as pickle, npz, mp4 or png. Each target appears complete or not at all."""

import csv
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.files import write_atomically
from agp_tui.games.base import Pixels
from agp_tui.recording.legacy_pickle import write_pickle
from agp_tui.recording.mp4 import Mp4Writer
from agp_tui.recording.store import Recording
from agp_tui.recording.subtitles import subtitles
from agp_tui.recording.timeline import stamps_ms
from agp_tui.recording.video import MILLISECOND

Format = Literal["pickle", "npz", "mp4", "png"]
ENDINGS: dict[Format, str] = {"pickle": ".pkl", "npz": ".npz", "mp4": ".mp4", "png": ""}


ProgressCallback = Callable[[int, int], None]
"""Called with the frames done and their total. May raise to cancel, which leaves nothing behind."""


def _no_progress(_done: int, _total: int) -> None:
    return


def export_recording(
    recording: Recording, to: Format, target: Path | None = None, progress: ProgressCallback = _no_progress
) -> Path:
    """Export a recording to `target` (default: GAME-STAMP in the working directory); returns the path.

    `pickle`: the format of the original script. `npz`: frames (N, H, W, 3) RGB, keys (N, K), key_names,
    times_ns, fps, excluded (N,). `mp4`: H.264 with 4:2:0 chroma, lossy, with the keys in an .srt file beside
    it; for sharing, not for training. `png`: a folder of images and keys.csv.
    Raises `RecordingError` if the target exists or cannot be written.
    """
    if to not in get_args(Format):
        raise RecordingError(f"Expected one of {', '.join(get_args(Format))}, found {to!r}.")
    target = target or Path(f"{recording.path.parent.name}-{recording.path.name}{ENDINGS[to]}")
    subtitles_at = target.with_suffix(".srt") if to == "mp4" else None
    for place in filter(None, (target, subtitles_at)):
        if place.exists():
            raise RecordingError(f"{place} exists already.", "Choose another target, or remove it.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _WRITERS[to](recording, part, progress)
        if subtitles_at is not None:
            meta = recording.meta
            text = subtitles(
                recording.timeline, meta.keys, meta.source, meta.fps, excluded=recording.excluded()
            )
            write_atomically(subtitles_at, text.encode())
        part.rename(target)
    except OSError as error:
        raise RecordingError(
            f"{target} cannot be written: {error.strerror or error}.",
            "Choose another target, or free disk space.",
        ) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    return target


def _frames(recording: Recording, progress: ProgressCallback) -> Iterator[Pixels]:
    for done, pixels in enumerate(recording.frames(), start=1):
        yield pixels
        progress(done, len(recording))


def _pickle(recording: Recording, part: Path, progress: ProgressCallback) -> None:
    with part.open("wb") as file:
        write_pickle(recording, file, _frames(recording, progress))


def _npz(recording: Recording, part: Path, progress: ProgressCallback) -> None:
    """As `numpy.savez_compressed`, but frame by frame, because a recording may not fit into memory."""
    meta = recording.meta
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("frames.npy", "w", force_zip64=True) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(recording), *meta.frame_size, 3)}
            np.lib.format.write_array_header_1_0(file, header)
            for pixels in _frames(recording, progress):
                file.write(np.ascontiguousarray(pixels).data)
        arrays: dict[str, NDArray[np.generic]] = {
            "keys": recording.key_states(meta.labels),
            "key_names": np.array(meta.keys),
            "times_ns": recording.times_ns,
            "fps": np.array(meta.fps),
            "excluded": recording.excluded(),
        }
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _mp4(recording: Recording, part: Path, progress: ProgressCallback) -> None:
    meta = recording.meta
    with closing(Mp4Writer(part, *meta.frame_size, fps=meta.fps, unit=MILLISECOND)) as video:
        for pixels, stamp in zip(_frames(recording, progress), stamps_ms(recording.times_ns), strict=True):
            video.write(pixels, stamp)


def _png(recording: Recording, part: Path, progress: ProgressCallback) -> None:
    part.mkdir()
    states = recording.key_states(recording.meta.labels)
    with (part / "keys.csv").open("w", newline="") as file:
        table = csv.writer(file)
        excluded = recording.excluded()
        # A further column only if it says something: programs may take all columns after the time as keys.
        has_exclusions = bool(excluded.any())
        table.writerow(["file", "time_ms", *recording.meta.keys, *(["excluded"] if has_exclusions else [])])
        stamps = stamps_ms(recording.times_ns)
        for number, pixels in enumerate(_frames(recording, progress)):
            name = f"{number:06}.png"
            if not cv2.imwrite(str(part / name), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)):
                raise OSError(f"{name} could not be written")
            mark = [int(excluded[number])] if has_exclusions else []
            table.writerow([name, stamps[number], *states[number].astype(int).tolist(), *mark])


_WRITERS: dict[Format, Callable[[Recording, Path, ProgressCallback], None]] = {
    "pickle": _pickle,
    "npz": _npz,
    "mp4": _mp4,
    "png": _png,
}
