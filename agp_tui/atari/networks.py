"""Networks of agents: from stacks of grayscale frames to one score per action and the value of the state.

`values` networks are Q-networks: the scores are Q-values, the state's value is their maximum. `policy`
networks are actor-critic: the scores are logits, with a separate value head.
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
"""Width of the compact network's linear layers."""
RESIDUAL_WIDTH = 512
"""Width of the residual network's linear layers."""
RESIDUAL_FACTOR = 4
"""Each residual block divides height and width by it, and multiplies the channels by it."""


Body = Literal["compact", "residual"]
Head = Literal["values", "policy"]
Side = Annotated[int, Meta(ge=1, le=256)]
"""Pixels."""


@dataclass(frozen=True)
class AgentSpec:
    """Architecture of an agent's network. The bounds are checked when one is read from a file."""

    body: Body
    head: Head
    frames: Annotated[int, Meta(ge=1, le=16)]
    height: Side
    width: Side
    actions: Annotated[int, Meta(ge=1, le=18)]
    hidden_layers: Annotated[int, Meta(ge=0, le=8)] = 1

    @property
    def stack(self) -> tuple[int, int, int]:
        """Shape of an observation: (frames, height, width)."""
        return self.frames, self.height, self.width


class AgentNetwork(nn.Module):
    """A convolutional or residual body, hidden layers, and the heads."""

    def __init__(self, spec: AgentSpec) -> None:
        super().__init__()
        self.spec = spec
        self.body, features = _compact(spec) if spec.body == "compact" else _residual(spec)
        self.scores = nn.Linear(features, spec.actions)
        self.value = nn.Linear(features, 1) if spec.head == "policy" else None
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal weights (Saxe et al. 2014); small in the heads: a uniform policy, values near 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.orthogonal_(module.weight, 2**0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.orthogonal_(self.scores.weight, 0.01)
        if self.value is not None:
            nn.init.orthogonal_(self.value.weight, 1.0)

    def forward(self, stacks: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (N, actions) and values (N,), float32, of stacks (N, frames, height, width), 0 to 255."""
        features = self.body(stacks)
        scores = self.scores(features).float()
        if self.value is None:
            return scores, scores.max(1).values
        return scores, self.value(features).float().squeeze(1)


class _ToFloat(nn.Module):
    """uint8 to float32, or to the dtype of autocast, in channels-last memory format."""

    def forward(self, stacks: Tensor) -> Tensor:
        device = stacks.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else torch.float32
        # Reordering as uint8, before the cast, is twice as fast as both at once.
        return stacks.contiguous(memory_format=torch.channels_last).to(dtype)


class _FirstConvolution(nn.Conv2d):
    """Scales inputs of 0 to 255 to 0 to 1, by way of its weights: they are fewer than the pixels."""

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.conv2d(inputs, self.weight / 255, self.bias, self.stride)


def _compact(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Two convolutions (Mnih et al. 2013), then linear layers with layer norm (Gallici et al. 2024)."""
    inputs = nn.Sequential(
        _ToFloat(),
        _FirstConvolution(spec.frames, 16, 8, stride=4), nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return _with_hidden_layers(inputs, _num_features(inputs, spec), WIDTH, spec.hidden_layers)


def _residual(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Residual blocks down to 1x1, then linear layers: 4 frames of 210x160 become 1024 channels."""
    blocks: list[nn.Module] = [_ToFloat(), _ChannelsLast()]
    channels, height, width = spec.frames, spec.height, spec.width
    while height * width > 1:
        blocks.append(_ResidualBlock(channels))
        channels *= RESIDUAL_FACTOR
        height, width = -(-height // RESIDUAL_FACTOR), -(-width // RESIDUAL_FACTOR)
    return _with_hidden_layers(
        nn.Sequential(*blocks, nn.Flatten()), channels, RESIDUAL_WIDTH, spec.hidden_layers
    )


class _ChannelsLast(nn.Module):
    """From (N, channels, height, width) of 0 to 255 to (N, height, width, channels) of 0 to 1."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.permute(0, 2, 3, 1) / 255


class _ResidualBlock(nn.Module):
    """A quarter of the height and width, four times the channels, with a shortcut.

    The convolution has stride 4 and size 4, so it is one linear map of each cell of 4x4 pixels, which is four
    times as fast here for a single observation. The shortcut is the mean of each cell, repeated for the new
    channels (He et al. 2016, option A). Layer norm over the channels of a cell gives the same result for a
    single observation and in a batch. Inputs are (N, height, width, channels).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shrink = nn.Linear(channels * RESIDUAL_FACTOR**2, channels * RESIDUAL_FACTOR)
        self.norm = nn.LayerNorm(channels * RESIDUAL_FACTOR)

    def forward(self, inputs: Tensor) -> Tensor:
        count, height, width, channels = inputs.shape
        padded = functional.pad(inputs, (0, 0, 0, -width % RESIDUAL_FACTOR, 0, -height % RESIDUAL_FACTOR))
        rows, columns = padded.shape[1] // RESIDUAL_FACTOR, padded.shape[2] // RESIDUAL_FACTOR
        cells = padded.view(count, rows, RESIDUAL_FACTOR, columns, RESIDUAL_FACTOR, channels).transpose(2, 3)
        cells = cells.reshape(count, rows, columns, RESIDUAL_FACTOR**2, channels)
        shortcut = cells.mean(3).repeat_interleave(RESIDUAL_FACTOR, 3)
        return functional.relu(shortcut + self.norm(self.shrink(cells.flatten(3))))


def _with_hidden_layers(inputs: nn.Module, features: int, width: int, layers: int) -> tuple[nn.Module, int]:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(features, width), nn.LayerNorm(width), nn.ReLU()]
        features = width
    return nn.Sequential(inputs, *parts), features


def _num_features(inputs: nn.Module, spec: AgentSpec) -> int:
    with torch.no_grad():
        return int(inputs(torch.zeros(1, spec.frames, spec.height, spec.width)).shape[1])


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
