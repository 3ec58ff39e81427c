"""The networks of agents: stacks of grey frames to one number per action and the state's value.

`values` networks tell what each action is worth; the state is worth its best one. `policy` networks tell
how much each action is preferred (their softmax is what is played) and the value beside it. In both the
softmax over the actions is what a person is shown as preferences.
"""

import copy
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn import functional

from agp_tui.engine.autotune import fastest_precision

WIDTH = 256
"""Of the compact network's linear layers."""
DEEP_WIDTH = 512
"""Of the residual network's linear layers."""
FACTOR = 4
"""A residual block makes the picture so many times smaller and its channels as many times more."""


Body = Literal["compact", "residual"]
Head = Literal["values", "policy"]
Side = Annotated[int, Meta(ge=1, le=256)]
"""Pixels of a picture; no console shows more."""


@dataclass(frozen=True)
class AgentSpec:
    """All that fixes an agent's network. The bounds are for one that is read from a file."""

    body: Body
    head: Head
    frames: Annotated[int, Meta(ge=1, le=16)]
    height: Side
    width: Side
    actions: Annotated[int, Meta(ge=1, le=18)]
    hidden_layers: Annotated[int, Meta(ge=0, le=8)] = 1

    @property
    def stack(self) -> tuple[int, int, int]:
        """Shape of what is seen."""
        return self.frames, self.height, self.width


class AgentNetwork(nn.Module):
    """A body that looks and a head that decides."""

    def __init__(self, spec: AgentSpec) -> None:
        super().__init__()
        self.spec = spec
        self.body, features = _compact(spec) if spec.body == "compact" else _residual(spec)
        self.scores = nn.Linear(features, spec.actions)
        self.value = nn.Linear(features, 1) if spec.head == "policy" else None
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal weights (Saxe et al. 2014): a policy begins undecided, values begin near 0."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.orthogonal_(part.weight, 2**0.5)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        nn.init.orthogonal_(self.scores.weight, 0.01)
        if self.value is not None:
            nn.init.orthogonal_(self.value.weight, 1.0)

    def forward(self, stacks: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (N, actions) and values (N,), float32, of stacks (N, frames, height, width) of 0 to 255."""
        features = self.body(stacks)
        scores = self.scores(features).float()
        if self.value is None:
            return scores, scores.max(1).values
        return scores, self.value(features).float().squeeze(1)


class _Pictures(nn.Module):
    """Bytes as numbers of 0 to 255, laid out for convolutions, in the arithmetic that is in force."""

    def forward(self, stacks: Tensor) -> Tensor:
        kind = stacks.device.type
        half = torch.is_autocast_enabled(kind)
        number = torch.get_autocast_dtype(kind) if half else torch.float32
        # Laid out while they are bytes: twice as fast as both at once.
        return stacks.contiguous(memory_format=torch.channels_last).to(number)


class _FirstConvolution(nn.Conv2d):
    """Takes numbers of 0 to 255 as 0 to 1: the few weights are scaled instead of the many pixels."""

    def forward(self, pictures: Tensor) -> Tensor:
        return functional.conv2d(pictures, self.weight / 255, self.bias, self.stride)


def _compact(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Two convolutions as in Mnih et al. 2013, then linear layers normalised as in Gallici et al. 2024."""
    pictures = nn.Sequential(
        _Pictures(),
        _FirstConvolution(spec.frames, 16, 8, stride=4), nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return _with_layers(pictures, _features(pictures, spec), WIDTH, spec.hidden_layers)


def _residual(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Residual blocks down to a single cell, then linear layers: from 210x160 by way of 4, 16, 64, 256 to
    1024 channels where 4 frames are seen.
    """
    blocks: list[nn.Module] = [_Pictures(), _ChannelsLast()]
    channels, height, width = spec.frames, spec.height, spec.width
    while height * width > 1:
        blocks.append(_Shrink(channels))
        channels *= FACTOR
        height, width = -(-height // FACTOR), -(-width // FACTOR)
    return _with_layers(nn.Sequential(*blocks, nn.Flatten()), channels, DEEP_WIDTH, spec.hidden_layers)


class _ChannelsLast(nn.Module):
    """Pictures (N, channels, height, width) of 0 to 255 as (N, height, width, channels) of 0 to 1."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.permute(0, 2, 3, 1) / 255


class _Shrink(nn.Module):
    """A quarter of the height and width, four times the channels; beside the convolution a straight way.

    A convolution whose stride is its size is one linear map of each cell of 4x4 pixels, which is four times
    as fast here for a single picture. The straight way is the mean of each cell, repeated for the
    channels that come of it (He et al. 2016, option A). Normalised over the channels of a cell, so that
    a game that is played and a batch that is learned from give the same. Pictures are (N, height,
    width, channels).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shrink = nn.Linear(channels * FACTOR**2, channels * FACTOR)
        self.norm = nn.LayerNorm(channels * FACTOR)

    def forward(self, pictures: Tensor) -> Tensor:
        count, height, width, channels = pictures.shape
        whole = functional.pad(pictures, (0, 0, 0, -width % FACTOR, 0, -height % FACTOR))
        down, right = whole.shape[1] // FACTOR, whole.shape[2] // FACTOR
        cells = whole.view(count, down, FACTOR, right, FACTOR, channels).transpose(2, 3)
        cells = cells.reshape(count, down, right, FACTOR**2, channels)
        straight = cells.mean(3).repeat_interleave(FACTOR, 3)
        return functional.relu(straight + self.norm(self.shrink(cells.flatten(3))))


def _with_layers(pictures: nn.Module, features: int, width: int, layers: int) -> tuple[nn.Module, int]:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(features, width), nn.LayerNorm(width), nn.ReLU()]
        features = width
    return nn.Sequential(pictures, *parts), features


def _features(pictures: nn.Module, spec: AgentSpec) -> int:
    with torch.no_grad():
        return int(pictures(torch.zeros(1, spec.frames, spec.height, spec.width)).shape[1])


AUTOTUNE_BATCH = 256


def bf16_is_faster(network: AgentNetwork) -> bool:
    """Whether a forward and backward pass is clearly faster in bfloat16 (autocast). Works on a copy."""
    trial = copy.deepcopy(network)
    device = next(trial.parameters()).device.type
    shape = (AUTOTUNE_BATCH, *network.spec.stack)
    stacks = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)

    def loss() -> torch.Tensor:
        scores, values = trial(stacks)
        squares: torch.Tensor = scores.float().square().mean() + values.float().square().mean()
        return squares

    return fastest_precision(loss, device) == "bfloat16"
