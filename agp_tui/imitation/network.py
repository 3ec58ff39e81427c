"""The policy network: a residual CNN encodes each frame, a temporal convolution predicts one logit per key.

Frames are encoded independently: in training a chunk of frames is encoded once for all of its positions, in
play only the newest frame is encoded. LayerNorm (Ba et al. 2016) normalizes the embeddings, so that nothing
depends on the other frames of a batch. Does not know files, recordings or training.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING = 256
GRID = 8
"""Largest side of the final feature map, which is flattened."""


@dataclass(frozen=True)
class NetworkSpec:
    """Architecture parameters. The field names are those in checkpoints."""

    model: Literal["small", "large"]
    frame_size: int
    """Side of the square frames, in pixels."""
    segment: int
    """Frames in the window of a decision."""
    keys: int
    embedding: int = EMBEDDING
    motion: bool = False
    """Add the brightness difference from the previous frame as an input channel, so that the embedding of a
    frame contains the direction of movement."""

    @property
    def embeddings(self) -> int:
        """Embeddings per decision: one per frame; with `motion` none for the first frame."""
        return self.segment - 1 if self.motion else self.segment

    @property
    def channels(self) -> int:
        """Input channels of the encoder: red, green, blue and, with `motion`, the difference."""
        return 4 if self.motion else 3


@dataclass(frozen=True)
class _Size:
    stem: int
    widths: tuple[int, int, int]
    """Channels at 1/8 of the size, at 1/16 and below, and at the end."""
    blocks: int
    hidden: int
    """Channels of the temporal convolution."""


_SIZES = {
    "small": _Size(24, (32, 40, 40), 1, 128),
    "large": _Size(32, (48, 64, 80), 2, 192),
}


class _Residual(nn.Module):
    """Residual block; the identity at initialization (Zhang et al. 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        inner: Tensor = self.second(functional.relu(self.first(functional.relu(images))))
        return images + inner


class PolicyNetwork(nn.Module):
    """Frames to key logits in two stages: `encode` each frame, `decide` on the last embeddings."""

    mean: Tensor
    scale: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        size = _SIZES[spec.model]
        self.register_buffer("mean", torch.zeros(spec.frame_size, spec.frame_size, 3))
        self.register_buffer("scale", torch.tensor(1 / 64))
        # Kernel 8 with stride 4: four cells see each pixel, so an object of two pixels is not lost, at a
        # third of the cost of residual blocks at full size.
        self.stem = nn.Conv2d(spec.channels, size.stem, 8, stride=4, padding=2)
        channels, cells = size.stem, _cells(spec.frame_size, 8, 4, 2)
        body: list[nn.Module] = []
        for width in _widths(size, cells):
            body += [nn.ReLU(), nn.Conv2d(channels, width, 3, stride=2, padding=1)]
            body += [_Residual(width) for _ in range(size.blocks)]
            channels, cells = width, _cells(cells, 3, 2, 1)
        self.body = nn.Sequential(*body)
        self.project = nn.Linear(channels * cells * cells, spec.embedding)
        self.normalise = nn.LayerNorm(spec.embedding)
        self.temporal = nn.Linear(spec.embeddings * spec.embedding, size.hidden)
        self.head = nn.Linear(size.hidden, spec.keys)
        self._initialize()

    def _initialize(self) -> None:
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
            if isinstance(part, _Residual):
                nn.init.zeros_(part.second.weight)
        nn.init.normal_(self.head.weight, std=0.01)

    def set_normalization(self, mean: NDArray[np.float32], deviation: float) -> None:
        """Set mean frame (size, size, 3), 0 to 255, and the standard deviation of pixels from it."""
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(np.ascontiguousarray(mean, dtype=np.float32)))
            self.scale.fill_(1.0 / max(deviation, 1.0))

    def encode(self, frames: Tensor, before: Tensor | None = None) -> Tensor:
        """Embeddings (N, embedding) of RGB frames (N, size, size, 3), uint8 or float from 0 to 255.

        `before` has the frame before each of them, for a network with `motion`.
        """
        differences = frames.to(torch.float32, copy=True).sub_(self.mean)
        if before is not None:
            moved = _brightness(frames.to(torch.float32) - before.to(torch.float32))
            differences = torch.cat([differences, moved], dim=-1)
        return self._encode(differences)

    def _encode(self, images: Tensor) -> Tensor:
        """Embeddings (N, embedding) of centered frames, float (N, size, size, channels)."""
        images = images.permute(0, 3, 1, 2)
        stem = self.stem
        # Scaling the weights instead of the pixels gives the same product for less work.
        cells = functional.conv2d(images, stem.weight * self.scale, stem.bias, stem.stride, stem.padding)
        cells = functional.relu(self.body(cells))
        embeddings: Tensor = self.normalise(self.project(cells.flatten(1)))
        return embeddings

    def decide(self, embeddings: Tensor) -> Tensor:
        """Logits (B, keys) from the last embeddings, (B, embeddings, embedding), oldest first."""
        logits: Tensor = self.head(functional.relu(self.temporal(embeddings.flatten(1))))
        return logits

    def decide_sequence(self, embeddings: Tensor) -> Tensor:
        """Logits (B, L, keys) at every position of chunks, (B, embeddings - 1 + L, embedding).

        A causal convolution over time: position i sees embeddings i to i + embeddings - 1.
        """
        windows = embeddings.unfold(1, self.spec.embeddings, 1).transpose(2, 3)
        logits: Tensor = self.head(functional.relu(self.temporal(windows.flatten(2))))
        return logits

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, L, keys) of chunks of frames, uint8 (B, segment - 1 + L, size, size, 3)."""
        return self.forward_centered(frames.to(torch.float32, copy=True).sub_(self.mean))

    def forward_centered(self, differences: Tensor) -> Tensor:
        """Logits (B, L, keys) of chunks of centered frames, (B, segment - 1 + L, size, size, 3)."""
        if self.spec.motion:
            newer = differences[:, 1:]
            differences = torch.cat([newer, _brightness(newer - differences[:, :-1])], dim=-1)
        embeddings = self._encode(differences.flatten(0, 1))
        return self.decide_sequence(embeddings.view(*differences.shape[:2], -1))

    def encoder_parameters(self) -> int:
        """Number of trainable parameters of the encoder."""
        parts = (self.stem, self.body, self.project, self.normalise)
        return sum(parameter.numel() for part in parts for parameter in part.parameters())


def _brightness(images: Tensor) -> Tensor:
    """Mean of red, green and blue: (..., 3) to (..., 1)."""
    return images.mean(dim=-1, keepdim=True)


def _cells(length: int, kernel: int, stride: int, padding: int) -> int:
    return (length + 2 * padding - kernel) // stride + 1


def _widths(size: _Size, cells: int) -> list[int]:
    """Channels of each downsampling step, from `cells` to at most `GRID`."""
    first, middle, last = size.widths
    halvings = 1
    while (cells := _cells(cells, 3, 2, 1)) > GRID:
        halvings += 1
    return [*[first, *[middle] * halvings][: halvings - 1], last]


def to_channels_last(network: PolicyNetwork) -> PolicyNetwork:
    """Convert the network to channels_last memory format, in place."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
