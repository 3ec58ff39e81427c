"""Storage of game frames: time and size of the codecs of recordings, against simple formats."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from agp_tui.engine.clock import Clock, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, JobStopped
from agp_tui.games.base import Pixels
from agp_tui.protocol.events import Table
from agp_tui.recording.video import FFV1, FILE_NAME, X264, VideoWriter, codec_for, read_frames
from benchmarks.options import StoreOptions

GAMES = ("ALE/Enduro-v5", "ALE/MsPacman-v5", "ALE/Riverraid-v5", "ALE/Seaquest-v5")
"""Scrolling scenery, a maze, a river, swarms: contents that compress well, and others that do not."""
SIZES = {"256x256": (256, 256), "1280x720": (720, 1280), "1920x1080": (1080, 1920)}
SEGMENT = 20
RAW, PNG, WINDOWS = "raw", "one PNG per frame", "float32 windows of 20"
PLAIN, GRAINY = "games", "games with grain"
FPS = 30
GRAIN = 3
"""Standard deviation of noise that makes frames as hard to compress as film."""

WARM_UP = 120
"""Frames of each game to skip: titles and black screens."""


@dataclass(frozen=True)
class StorageCost:
    """The cost of one method for one content and size."""

    content: str
    size: str
    method: str
    ms: float
    """Wall time per frame, median."""
    cpu_ms: float
    """CPU time of all threads per frame, mean."""
    frame_bytes: float
    chosen: bool
    """Whether recordings of this size use the method."""


def bench_storage(options: StoreOptions, job: Job) -> list[StorageCost]:
    """Measure each method at each size, with and without grain. Emits a `Table`. Raises `JobStopped`."""
    found: list[StorageCost] = []
    pictures = _record_frames(options.frames)
    with tempfile.TemporaryDirectory(prefix="agp-bench-") as name:
        for size, shape in SIZES.items():
            for content in (PLAIN, GRAINY):
                frames = [_scale(picture, shape, content, number) for number, picture in enumerate(pictures)]
                for method in (FFV1, X264, RAW, PNG, *([WINDOWS] if size == "256x256" else [])):
                    if job.stopping:
                        raise JobStopped(
                            "Stopped before all methods were measured.", "Run agp bench store again."
                        )
                    found.append(_measure(frames, content, size, method, Path(name)))
    job.emit(_table(found))
    return found


def storage_metrics(found: list[StorageCost]) -> dict[str, float]:
    """The metrics of the method that recordings use at each size."""
    by_method = {(one.content, one.size, one.method): one for one in found}
    figures: dict[str, float] = {}
    for one in found:
        if one.chosen and one.content == PLAIN:
            figures[f"store_{one.size}_ms"] = round(one.ms, 2)
            figures[f"store_{one.size}_bytes"] = round(one.frame_bytes)
            figures[f"store_{one.size}_raw_ratio"] = round(
                by_method[PLAIN, one.size, RAW].frame_bytes / one.frame_bytes, 1
            )
            if (windows := by_method.get((PLAIN, one.size, WINDOWS))) is not None:
                figures["store_windows_ratio"] = round(windows.frame_bytes / one.frame_bytes)
    return figures


def _record_frames(count: int) -> list[Pixels]:
    """Consecutive frames of each game under random play."""
    from agp_tui.config import GameSettings
    from agp_tui.games.atari import AtariGame, default_keys
    from agp_tui.games.experts import random_driver

    found: list[Pixels] = []
    frames_per_game = -(-count // len(GAMES))
    for name in GAMES:
        clock = Clock(FPS, SimulatedTime())
        game = AtariGame(name, GameSettings(keys=default_keys(name), fps=FPS), clock.source)
        driver = random_driver(game)
        for slot in clock.slots((WARM_UP + frames_per_game) / FPS):
            frame = game.grab()
            game.hold(driver.decide(frame))
            if slot >= WARM_UP:
                found.append(frame.pixels)
        game.close()
    return found[:count]


def _scale(picture: Pixels, shape: tuple[int, int], content: str, seed: int) -> Pixels:
    """The picture scaled to `shape` (height, width), with sharp pixels or with grain."""
    scaled = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_NEAREST)
    if content == GRAINY:
        noise = np.random.default_rng(seed).normal(0, GRAIN, scaled.shape)
        scaled = np.clip(scaled + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(scaled, np.uint8)


def _measure(frames: list[Pixels], content: str, size: str, method: str, parent: Path) -> StorageCost:
    """Store the frames in a temporary folder."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        with _writer(method, folder, frames[0].shape) as write:
            seconds: list[float] = []
            cpu_start = time.process_time()
            for number, frame in enumerate(frames):
                start = time.perf_counter()
                write(frame, number)
                seconds.append(time.perf_counter() - start)
        cpu_seconds = time.process_time() - cpu_start
        if method in (FFV1, X264):
            _check_exact(folder, frames)
        size_bytes = sum(file.stat().st_size for file in folder.iterdir())
    height, width = frames[0].shape[:2]
    return StorageCost(
        content=content,
        size=size,
        method=method,
        ms=median(seconds) * 1e3,
        cpu_ms=cpu_seconds * 1e3 / len(frames),
        frame_bytes=size_bytes / len(frames),
        chosen=method == codec_for(height, width),
    )


@contextmanager
def _writer(method: str, folder: Path, shape: tuple[int, ...]) -> Iterator[Callable[[Pixels, int], None]]:
    """Yields a function that stores a frame with its number; the files are complete at the end."""
    height, width = shape[:2]
    if method in (FFV1, X264):
        video = VideoWriter(folder / FILE_NAME, height, width, FPS, method)
        yield lambda frame, number: video.write(frame, _timestamp(number))
        video.close()
    elif method == PNG:

        def write_png(frame: Pixels, number: int) -> None:
            _found, encoded = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            (folder / f"{number}.png").write_bytes(encoded.tobytes())

        yield write_png
    elif method == RAW:
        stored: list[Pixels] = []
        yield lambda frame, _number: stored.append(frame.copy())
        np.save(folder / "frames.npy", np.stack(stored))
    else:
        window = np.zeros((SEGMENT, *shape), np.float32)

        def write_window(frame: Pixels, number: int) -> None:
            window[:-1] = window[1:]
            window[-1] = frame
            np.save(folder / f"{number}.npy", window)

        yield write_window


def _timestamp(number: int) -> int:
    return round(number * 1000 / FPS)


def _check_exact(folder: Path, frames: list[Pixels]) -> None:
    """Raise `JobFailed` if a stored frame differs from the original."""
    timestamps = [_timestamp(number) for number in range(len(frames))]
    for expected, found in zip(
        frames, read_frames(folder / FILE_NAME, frames[0].shape[:2], timestamps), strict=True
    ):
        if not np.array_equal(expected, found):
            raise JobFailed("Expected lossless storage, found a frame that differs after reading.")


def _table(found: list[StorageCost]) -> Table:
    rows: list[list[str | float | int | None]] = [
        [
            one.size,
            one.content,
            one.method + (" (agp)" if one.chosen else ""),
            round(one.ms, 2),
            round(one.cpu_ms, 2),
            round(one.frame_bytes / 1000, 1),
            round(one.frame_bytes * FPS * 3600 / 1e9, 2),
        ]
        for one in found
    ]
    columns = ["size", "content", "method", "ms per frame", "CPU ms per frame", "kB per frame", "GB per hour"]
    return Table(title=f"Storage of frames at {FPS} fps", columns=columns, rows=rows)
