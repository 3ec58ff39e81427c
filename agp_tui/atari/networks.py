"""The networks of agents: stacks of grey frames to one number per action and the state's value.

`values` networks tell what each action is worth; the state is worth its best one. `policy` networks tell
how much each action is preferred (their softmax is what is played) and the value beside it. In both the
softmax over the actions is what a person is shown as preferences.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 256
"""Of the compact network's linear layers."""
DEEP_WIDTH = 512
"""Of the residual network's linear layers."""
FACTOR = 4
"""A residual block makes the picture so many times smaller and its channels as many times more."""


Body = Literal["compact", "residual"]
Head = Literal["values", "policy"]


@dataclass(frozen=True)
class AgentSpec:
    """All that fixes an agent's network."""

    body: Body
    head: Head
    frames: int
    height: int
    width: int
    actions: int
    hidden_layers: int = 1

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
    """Pixels as numbers from 0 to 1, laid out for convolutions, in the arithmetic that is in force."""

    def forward(self, stacks: Tensor) -> Tensor:
        kind = stacks.device.type
        half = torch.is_autocast_enabled(kind)
        number = torch.get_autocast_dtype(kind) if half else torch.float32
        return stacks.to(number, memory_format=torch.channels_last, copy=True).mul_(1 / 255)


def _compact(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Two convolutions as in Mnih et al. 2013, then linear layers normalised as in Gallici et al. 2024."""
    pictures = nn.Sequential(
        _Pictures(),
        nn.Conv2d(spec.frames, 16, 8, stride=4), nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return _with_layers(pictures, _features(pictures, spec), WIDTH, max(1, spec.hidden_layers))


def _residual(spec: AgentSpec) -> tuple[nn.Module, int]:
    """Residual blocks down to a single cell, then linear layers: from 210x160 by way of 4, 16, 64, 256 to
    1024 channels where 4 frames are seen.
    """
    blocks: list[nn.Module] = [_Pictures()]
    channels, height, width = spec.frames, spec.height, spec.width
    while height * width > 1:
        blocks.append(_Shrink(channels))
        channels *= FACTOR
        height, width = -(-height // FACTOR), -(-width // FACTOR)
    return _with_layers(nn.Sequential(*blocks, nn.Flatten()), channels, DEEP_WIDTH, spec.hidden_layers)


class _Shrink(nn.Module):
    """A quarter of the height and width, four times the channels; beside the convolution a straight way.

    The straight way is the mean of each cell of 4x4, repeated for the channels that come of it (He et
    al. 2016, option A). Normalised over one picture (Wu and He 2018), so that a game that is played
    and a batch that is learned from give the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(channels, channels * FACTOR, FACTOR, stride=FACTOR)
        self.norm = nn.GroupNorm(1, channels * FACTOR)

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        whole = functional.pad(pictures, (0, -width % FACTOR, 0, -height % FACTOR))
        straight = functional.avg_pool2d(whole, FACTOR).repeat_interleave(FACTOR, 1)
        return functional.relu(straight + self.norm(self.shrink(whole)))


def _with_layers(pictures: nn.Module, features: int, width: int, layers: int) -> tuple[nn.Module, int]:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(features, width), nn.LayerNorm(width), nn.ReLU()]
        features = width
    return nn.Sequential(pictures, *parts), features


def _features(pictures: nn.Module, spec: AgentSpec) -> int:
    with torch.no_grad():
        return int(pictures(torch.zeros(1, spec.frames, spec.height, spec.width)).shape[1])
