"""Recordings of known content: frame `i` of a recording is always `frame_pixels(i)`."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from agp_tui.games.base import Frame, Pixels
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who
from agp_tui.recording.store import RecordingMeta, RecordingWriter

START_NS = 5_000_000_000_000
KEYS = ("up", "left", "space")


def frame_pixels(number: int, size: tuple[int, int] = (48, 64)) -> Pixels:
    """An RGB frame with edges, gradients and noise, unique for each number."""
    height, width = size
    noise = np.random.default_rng(number)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, width, dtype=np.uint8)
    pixels[:, :, 2] = np.linspace(255, 0, height, dtype=np.uint8)[:, None]
    cv2.circle(pixels, (number * 3 % width, height // 2), height // 5, (255, 60, 0), -1)
    pixels[: height // 4] = noise.integers(0, 256, (height // 4, width, 3), np.uint8)
    return pixels


def recording_meta(
    game: str = "box", *, fps: int = 30, size: tuple[int, int] = (48, 64), keys: tuple[str, ...] = KEYS,
    source: Who = "human", labels: Who = "human",
) -> RecordingMeta:  # fmt: skip
    return RecordingMeta(
        game=game, fps=fps, frame_size=size, keys=keys, backend="test", source=source, labels=labels
    )


def frame_at(number: int, fps: int = 30, size: tuple[int, int] = (48, 64)) -> Frame:
    before = frame_time_ns(number, fps)
    return Frame(frame_pixels(number, size), before, before + 1_000_000)


def frame_time_ns(number: float, fps: int = 30) -> int:
    """The time before the grab of a frame; fractions lie between two grabs."""
    return START_NS + round(number * 1e9 / fps)


def write_recording(
    root: Path, frames: int, edges: Iterable[KeyEdge] = (), *, held: Keys = NO_KEYS, end: Keys = NO_KEYS,
    meta: RecordingMeta | None = None,
) -> Path:  # fmt: skip
    """A complete recording of `frame_pixels(0)`, `frame_pixels(1)`, ..."""
    meta = meta or recording_meta()
    writer = RecordingWriter.create(root, meta, held)
    for number in range(frames):
        writer.frame(frame_at(number, meta.fps, meta.frame_size))
    for edge in edges:
        writer.edge(edge)
    writer.close(end)
    return writer.path


def key_edge(number: float, key: str, down: bool, who: Who = "human", fps: int = 30) -> KeyEdge:
    """An edge at the time of a frame, or between two frames."""
    return KeyEdge(frame_time_ns(number, fps), key, down, who)
