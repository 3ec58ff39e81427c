"""The policy network: frames to embeddings, embeddings to one logit per key.

Every frame is encoded by itself, so a stretch of frames is encoded once and decided at every
position of it, and in play only the newest frame is encoded. Nothing in it depends on the other
frames of a batch: the embedding is normalised by LayerNorm (Ba et al. 2016), whose gradients are
the same in a stretch as in separate windows. It knows nothing of files, recordings or training.
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
"""The encoder halves the picture until it is at most so many cells wide, then flattens it."""


@dataclass(frozen=True)
class NetworkSpec:
    """All that fixes a network's shape."""

    model: Literal["small", "large"]
    frame_size: int
    """Side of the square frames."""
    segment: int
    """Frames that a decision sees."""
    keys: int
    embedding: int = EMBEDDING
    motion: bool = False
    """The encoder sees beside each frame how it differs in brightness from the one before. Where things go
    is then in a frame's embedding, and need not be told from small differences between embeddings."""

    @property
    def embeddings(self) -> int:
        """Of a decision: one for each of its frames, but for the first one where that only shows motion."""
        return self.segment - 1 if self.motion else self.segment

    @property
    def channels(self) -> int:
        """Of what the encoder sees: red, green, blue, and motion."""
        return 4 if self.motion else 3


@dataclass(frozen=True)
class _Size:
    stem: int
    widths: tuple[int, int, int]
    """Channels at an eighth of the size, at a sixteenth, and at the end."""
    blocks: int
    hidden: int
    """Channels of the temporal convolution."""


_SIZES = {
    "small": _Size(24, (32, 40, 40), 1, 128),
    "large": _Size(32, (48, 64, 80), 2, 192),
}


class _Residual(nn.Module):
    """Two convolutions beside a straight way; begins as the straight way alone (Zhang et al. 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        inner: Tensor = self.second(functional.relu(self.first(functional.relu(pictures))))
        return pictures + inner


class PolicyNetwork(nn.Module):
    """Frames to key logits, in two halves: `encode` each frame, `decide` on `segment` embeddings."""

    mean: Tensor
    scale: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        size = _SIZES[spec.model]
        self.register_buffer("mean", torch.zeros(spec.frame_size, spec.frame_size, 3))
        self.register_buffer("scale", torch.tensor(1 / 64))
        # Eight by eight at stride four: each pixel is seen by four cells, so an object of two
        # pixels is not lost between them, at a third of the cost of blocks at full size.
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
        self._initialise()

    def _initialise(self) -> None:
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
            if isinstance(part, _Residual):
                nn.init.zeros_(part.second.weight)
        nn.init.normal_(self.head.weight, std=0.01)

    def standardise(self, mean: NDArray[np.float32], deviation: float) -> None:
        """Keep the data's mean frame, (size, size, 3) of 0 to 255, and the deviation of pixels from it."""
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(np.ascontiguousarray(mean, dtype=np.float32)))
            self.scale.fill_(1.0 / max(deviation, 1.0))

    def encode(self, frames: Tensor, before: Tensor | None = None) -> Tensor:
        """Embeddings (N, embedding) of frames: uint8 or 0 to 255 in float, (N, size, size, 3), RGB.

        `before` has the frame before each of them, where the network sees motion.
        """
        differences = frames.to(torch.float32, copy=True).sub_(self.mean)
        if before is not None:
            moved = _brightness(frames.to(torch.float32) - before.to(torch.float32))
            differences = torch.cat([differences, moved], dim=-1)
        return self._encode(differences)

    def _encode(self, pictures: Tensor) -> Tensor:
        """Embeddings (N, embedding) of differences from the mean frame, float (N, size, size, channels)."""
        pictures = pictures.permute(0, 3, 1, 2)
        stem = self.stem
        # The scale goes to the few weights instead of the many pixels; the product is the same.
        cells = functional.conv2d(pictures, stem.weight * self.scale, stem.bias, stem.stride, stem.padding)
        cells = functional.relu(self.body(cells))
        embeddings: Tensor = self.normalise(self.project(cells.flatten(1)))
        return embeddings

    def decide(self, embeddings: Tensor) -> Tensor:
        """Logits (B, keys) from the last embeddings, (B, embeddings, embedding), oldest first."""
        logits: Tensor = self.head(functional.relu(self.temporal(embeddings.flatten(1))))
        return logits

    def decide_all(self, embeddings: Tensor) -> Tensor:
        """Logits (B, L, keys) at every position of stretches, (B, embeddings - 1 + L, embedding).

        The causal convolution over time: position i sees embeddings i to i + embeddings - 1.
        """
        windows = embeddings.unfold(1, self.spec.embeddings, 1).transpose(2, 3)
        logits: Tensor = self.head(functional.relu(self.temporal(windows.flatten(2))))
        return logits

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, L, keys) of stretches of frames, uint8 (B, segment - 1 + L, size, size, 3)."""
        return self.decide_centred(frames.to(torch.float32, copy=True).sub_(self.mean))

    def decide_centred(self, differences: Tensor) -> Tensor:
        """Logits (B, L, keys) of differences from the mean frame, (B, segment - 1 + L, size, size, 3)."""
        if self.spec.motion:
            newer = differences[:, 1:]
            differences = torch.cat([newer, _brightness(newer - differences[:, :-1])], dim=-1)
        embeddings = self._encode(differences.flatten(0, 1))
        return self.decide_all(embeddings.view(*differences.shape[:2], -1))

    def encoder_parameters(self) -> int:
        """How many numbers the encoder learns."""
        parts = (self.stem, self.body, self.project, self.normalise)
        return sum(parameter.numel() for part in parts for parameter in part.parameters())


def _brightness(pictures: Tensor) -> Tensor:
    """The mean of red, green and blue, (..., 1) of (..., 3)."""
    return pictures.mean(dim=-1, keepdim=True)


def _cells(length: int, kernel: int, stride: int, padding: int) -> int:
    return (length + 2 * padding - kernel) // stride + 1


def _widths(size: _Size, cells: int) -> list[int]:
    """Channels of each halving, from the stem's `cells` down to the grid."""
    first, middle, last = size.widths
    halvings = 1
    while (cells := _cells(cells, 3, 2, 1)) > GRID:
        halvings += 1
    return [*[first, *[middle] * halvings][: halvings - 1], last]


def compact(network: PolicyNetwork) -> PolicyNetwork:
    """The same network with its weights laid out for convolutions on pictures with the colours last."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
