"""A tiny imitation task: a dot moves left or right, and the label is its direction."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agp_tui.config import TrainSettings
from agp_tui.games.base import Frame
from agp_tui.imitation.dataset import Clip
from agp_tui.keys.state import NO_KEYS, edges_between
from agp_tui.protocol.requests import TrainingRequest
from agp_tui.recording.meta import RecordingMeta
from agp_tui.recording.store import RecordingWriter
from support.recordings import START_NS, recording_meta

SIZE = 32
SIDES = ("left", "right")


def dot_settings(**changes: Any) -> TrainSettings:
    """Settings for fast and deterministic training."""
    plain: dict[str, Any] = {"segment": 3, "stretch": 32, "precision": "float32", "shift": 0, "jitter": 0.0}
    return TrainSettings(**{**plain, **changes})


def training_request(recordings: Sequence[Path], settings: TrainSettings, **changes: Any) -> TrainingRequest:
    """A request to train on these recordings of the dot."""
    return TrainingRequest(
        game="dots", settings=settings, recordings=tuple(recordings), frame_size=SIZE, **changes
    )


def moving_dot(frames: int, seed: int) -> Clip:
    """A dot that reverses at random; a single frame does not show its direction."""
    random = np.random.default_rng(seed)
    pictures = np.full((frames, SIZE, SIZE, 3), 40, np.uint8)
    labels = np.zeros((frames, 2), np.bool_)
    position, velocity = SIZE // 2, 2
    for number in range(frames):
        if random.random() < 0.1 or not 2 <= position + velocity < SIZE - 4:
            velocity = -velocity
        position += velocity
        pictures[number, 12:16, position : position + 3] = 230
        labels[number] = velocity < 0, velocity > 0
    return Clip(f"dot {seed}", pictures, labels)


def record_dot(root: Path, frames: int, seed: int, *, meta: RecordingMeta | None = None) -> Path:
    """`moving_dot` as a recording whose labels, one frame ahead, equal those of the clip."""
    return record_clip(root, moving_dot(frames, seed), meta=meta)


def record_clip(root: Path, clip: Clip, *, meta: RecordingMeta | None = None) -> Path:
    """A recording whose labels, one frame ahead, equal those of the clip."""
    meta = meta or recording_meta("dots", size=(SIZE, SIZE), keys=SIDES)
    writer = RecordingWriter.create(root, meta)
    held = NO_KEYS
    for number, picture in enumerate(clip.frames):
        before = START_NS + round(number * 1e9 / meta.fps)
        writer.frame(Frame(picture, before, before + 1_000_000))
        wanted = frozenset(key for key, down in zip(SIDES, clip.labels[number], strict=True) if down)
        for edge in edges_between(held, wanted, before + 2_000_000, meta.labels):
            writer.edge(edge)
        held = wanted
    writer.close(held)
    return writer.path
