"""Batches of chunks: consecutive frames that are encoded once, with a prediction at every position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agp_tui.imitation.augmentation import Augmentation, Transform
from agp_tui.imitation.dataset import Clip, Dataset, IndexRange

GPU_MEMORY_SHARE = 0.5
"""Share of the free GPU memory for frames."""
COPY_FRAMES = 1024
"""Frames per copy to the GPU."""


class FrameStore:
    """Frames of clips as chunks on `device`.

    A GPU trains faster than frames can be collated and copied to it. Each clip is therefore copied as a whole
    on first use, if all of them fit; otherwise every batch is copied by itself from pinned memory.
    """

    def __init__(self, clips: Sequence[Clip], device: str = "cpu") -> None:
        self._clips, self.device = clips, device
        self._on_device: dict[int, Tensor] = {}
        size = sum(clip.frames.nbytes for clip in clips)
        self._fits = device != "cpu" and size < GPU_MEMORY_SHARE * _free_memory(device)

    def chunks(self, ranges: Sequence[IndexRange], before: int, length: int) -> Tensor:
        """The frames of `ranges`, each with the `before` frames ahead of it, on `device`.

        uint8 (B, before + length, S, S, 3), padded with black frames before the start of a recording and
        after the end of a range.
        """
        shape = (len(ranges), before + length, *self._clips[0].frames.shape[1:])
        if self._fits:
            frames = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        else:
            frames = torch.zeros(shape, dtype=torch.uint8, pin_memory=self.device != "cpu")
            array = frames.numpy()
        for row, r in enumerate(ranges):
            source = slice(max(r.start - before, 0), r.stop)
            offset = max(before - r.start, 0)
            target = slice(offset, offset + source.stop - source.start)
            if self._fits:
                frames[row, target] = self._clip_on_device(r.clip)[source]
            else:
                array[row, target] = self._clips[r.clip].frames[source]
        return frames.to(self.device, non_blocking=True)

    def _clip_on_device(self, number: int) -> Tensor:
        if number not in self._on_device:
            frames = self._clips[number].frames
            copy = torch.empty(frames.shape, dtype=torch.uint8, device=self.device)
            for start in range(0, len(frames), COPY_FRAMES):
                part = np.array(frames[start : start + COPY_FRAMES])
                copy[start : start + COPY_FRAMES] = torch.from_numpy(part)
            self._on_device[number] = copy
        return self._on_device[number]


def _free_memory(device: str) -> int:
    return int(torch.cuda.mem_get_info(device)[0])


@dataclass(frozen=True)
class Batch:
    """`B` chunks of `L` labelled positions."""

    frames: Tensor
    """uint8 (B, segment - 1 + L, size, size, 3), on the training device."""
    labels: NDArray[np.float32]
    """(B, L, keys), 0 or 1."""
    weights: NDArray[np.float32]
    """(B, L); 0 for positions that do not count."""
    padding: tuple[int, ...]
    """Number of black frames before the start of the recording, for each chunk."""
    transforms: tuple[Transform, ...]
    """Augmentation of each chunk."""

    @property
    def positions(self) -> int:
        """Number of positions that count."""
        return int((self.weights > 0).sum())


def split_chunks(
    ranges: Sequence[IndexRange], length: int, rng: np.random.Generator | None = None
) -> list[IndexRange]:
    """Split ranges into chunks of at most `length`; with `rng`, at random offsets and shuffled."""
    chunks = []
    for r in ranges:
        first = r.start
        if rng is not None and len(r) > length:
            first -= int(rng.integers(0, length))
        for start in range(first, r.stop, length):
            chunk = IndexRange(r.clip, max(start, r.start), min(start + length, r.stop))
            if len(chunk):
                chunks.append(chunk)
    if rng is not None:
        chunks = [chunks[i] for i in rng.permutation(len(chunks))]
    return chunks


def collate(
    dataset: Dataset,
    chunks: Sequence[IndexRange],
    length: int,
    *,
    store: FrameStore | None = None,
    weights: dict[int, NDArray[np.float32]] | None = None,
    augmentation: Augmentation | None = None,
    rng: np.random.Generator | None = None,
) -> Batch:
    """A batch of chunks of at most `length` positions, padded at their ends.

    Frames come from `store`, by default from the dataset. Without `weights` every position has weight 1.
    Augmentation needs `rng`.
    """
    before = dataset.segment - 1
    length = min(length, max(len(chunk) for chunk in chunks))
    frames = (store or FrameStore(dataset.clips)).chunks(chunks, before, length)
    labels = np.zeros((len(chunks), length, dataset.key_count), np.float32)
    loss_weights = np.zeros((len(chunks), length), np.float32)
    transforms: list[Transform] = []
    for row, chunk in enumerate(chunks):
        target = dataset.clips[chunk.clip].labels[chunk.start : chunk.stop]
        transform = augmentation.sample(rng) if augmentation is not None and rng is not None else Transform()
        if transform.flip and augmentation is not None and augmentation.mirror is not None:
            target = target[:, augmentation.mirror]
        transforms.append(transform)
        labels[row, : len(chunk)] = target
        loss_weights[row, : len(chunk)] = (
            weights[chunk.clip][chunk.start : chunk.stop] if weights is not None else 1.0
        )
    padding = tuple(max(before - chunk.start, 0) for chunk in chunks)
    return Batch(frames, labels, loss_weights, padding, tuple(transforms))
