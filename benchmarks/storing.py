"""Storing frames: what recordings cost in time and bytes, beside the plain ways, on real games' pictures."""

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
"""Scrolling scenery, a maze, a river, swarms: what compresses well, and what does not."""
PLACES = {"256x256": (256, 256), "1280x720": (720, 1280), "1920x1080": (1080, 1920)}
SEGMENT = 20
RAW, PNG, WINDOWS = "raw, as a pickle holds it", "a PNG a frame", "float32 windows of 20"
PLAIN, GRAINY = "games", "games with grain"
FPS = 30
GRAIN = 3
"""Deviation of the noise that makes a picture as hard to store as a film's."""

WARM_UP = 120
"""Frames of each game before those that are stored: titles and black screens."""


@dataclass(frozen=True)
class Stored:
    """One way to store one kind of picture."""

    content: str
    size: str
    way: str
    ms: float
    """Of wall time a frame, median."""
    cpu_ms: float
    """Of processor time a frame, all threads, mean."""
    frame_bytes: float
    chosen: bool
    """Whether a recording of that size is stored so."""


def bench_storing(options: StoreOptions, job: Job) -> list[Stored]:
    """Every way for every size, plain and with grain. Emits a `Table`. Raises `JobFailed` if stopped."""
    found: list[Stored] = []
    pictures = _pictures(options.frames)
    with tempfile.TemporaryDirectory(prefix="agp-bench-") as name:
        for size, shape in PLACES.items():
            for content in (PLAIN, GRAINY):
                frames = [_drawn(picture, shape, content, number) for number, picture in enumerate(pictures)]
                for way in (FFV1, X264, RAW, PNG, *([WINDOWS] if size == "256x256" else [])):
                    if job.stopping:
                        raise JobStopped("Stopped before everything was stored.", "Start it again.")
                    found.append(_stored(frames, content, size, way, Path(name)))
    job.emit(_table(found))
    return found


def metrics(found: list[Stored]) -> dict[str, float]:
    """The figures by name, of the way that is chosen for each size."""
    plain = {(one.content, one.size, one.way): one for one in found}
    figures: dict[str, float] = {}
    for one in found:
        if one.chosen and one.content == PLAIN:
            figures[f"store_{one.size}_ms"] = round(one.ms, 2)
            figures[f"store_{one.size}_bytes"] = round(one.frame_bytes)
            figures[f"store_{one.size}_raw_ratio"] = round(
                plain[PLAIN, one.size, RAW].frame_bytes / one.frame_bytes, 1
            )
            if (windows := plain.get((PLAIN, one.size, WINDOWS))) is not None:
                figures["store_windows_ratio"] = round(windows.frame_bytes / one.frame_bytes)
    return figures


def _pictures(count: int) -> list[Pixels]:
    """Consecutive pictures of each game in turn, played at random."""
    from agp_tui.config import GameSettings
    from agp_tui.games.atari import AtariGame, default_keys
    from agp_tui.games.experts import random_driver

    found: list[Pixels] = []
    each = -(-count // len(GAMES))
    for name in GAMES:
        clock = Clock(FPS, SimulatedTime())
        game = AtariGame(name, GameSettings(keys=default_keys(name), fps=FPS), clock.source)
        driver = random_driver(game)
        for slot in clock.slots((WARM_UP + each) / FPS):
            frame = game.grab()
            game.hold(driver.decide(frame))
            if slot >= WARM_UP:
                found.append(frame.pixels)
        game.close()
    return found[:count]


def _drawn(picture: Pixels, shape: tuple[int, int], content: str, number: int) -> Pixels:
    """The picture as a screen of that (height, width) shows it: sharp pixels, or grain over them."""
    drawn = cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_NEAREST)
    if content == GRAINY:
        noise = np.random.default_rng(number).normal(0, GRAIN, drawn.shape)
        drawn = np.clip(drawn + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(drawn, np.uint8)


def _stored(frames: list[Pixels], content: str, size: str, way: str, room: Path) -> Stored:
    """Store the frames in a folder of their own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=room) as name:
        folder = Path(name)
        with _writer(way, folder, frames[0].shape) as write:
            took: list[float] = []
            busy = time.process_time()
            for number, frame in enumerate(frames):
                began = time.perf_counter()
                write(frame, number)
                took.append(time.perf_counter() - began)
        busy = time.process_time() - busy
        if way in (FFV1, X264):
            _check_exact(folder, frames)
        size_bytes = sum(file.stat().st_size for file in folder.iterdir())
    height, width = frames[0].shape[:2]
    return Stored(
        content, size, way, median(took) * 1e3, busy * 1e3 / len(frames), size_bytes / len(frames),
        way == codec_for(height, width),
    )  # fmt: skip


@contextmanager
def _writer(way: str, folder: Path, shape: tuple[int, ...]) -> Iterator[Callable[[Pixels, int], None]]:
    """Stores a frame, told its number; what is still waiting is stored at the end."""
    height, width = shape[:2]
    if way in (FFV1, X264):
        video = VideoWriter(folder / FILE_NAME, height, width, FPS, way)
        yield lambda frame, number: video.write(frame, _stamp(number))
        video.close()
    elif way == PNG:

        def write_png(frame: Pixels, number: int) -> None:
            _found, encoded = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            (folder / f"{number}.png").write_bytes(encoded.tobytes())

        yield write_png
    elif way == RAW:
        kept: list[Pixels] = []
        yield lambda frame, _number: kept.append(frame.copy())
        np.save(folder / "frames.npy", np.stack(kept))
    else:
        window = np.zeros((SEGMENT, *shape), np.float32)

        def write_window(frame: Pixels, number: int) -> None:
            window[:-1] = window[1:]
            window[-1] = frame
            np.save(folder / f"{number}.npy", window)

        yield write_window


def _stamp(number: int) -> int:
    return round(number * 1000 / FPS)


def _check_exact(folder: Path, frames: list[Pixels]) -> None:
    """Raises `JobFailed` where a stored frame is not the one that was to be stored."""
    stamps = [_stamp(number) for number in range(len(frames))]
    for wanted, found in zip(
        frames, read_frames(folder / FILE_NAME, frames[0].shape[:2], stamps), strict=True
    ):
        if not np.array_equal(wanted, found):
            raise JobFailed("Expected to read the frames that were stored, found others.")


def _table(found: list[Stored]) -> Table:
    rows: list[list[str | float | int | None]] = [
        [
            one.size,
            one.content,
            one.way + (" (ours)" if one.chosen else ""),
            round(one.ms, 2),
            round(one.cpu_ms, 2),
            round(one.frame_bytes / 1000, 1),
            round(one.frame_bytes * FPS * 3600 / 1e9, 2),
        ]
        for one in found
    ]
    columns = ["size", "content", "way", "ms a frame", "CPU ms a frame", "kB a frame", "GB an hour"]
    return Table(title=f"Storing frames at {FPS} fps", columns=columns, rows=rows)
