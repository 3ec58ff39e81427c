"""An agent: a trained network that acts without learning."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from agp_tui.atari.exploration import epsilon_greedy
from agp_tui.atari.networks import AgentNetwork
from agp_tui.atari.vector_env import FrameStacks


@dataclass(frozen=True)
class PolicyOutput:
    """An agent's output for N observations; arrays of (N, actions) and (N,)."""

    preferences: NDArray[np.float32]
    """Softmax of the scores: they sum to 1 over the actions."""
    values: NDArray[np.float32]

    @property
    def best(self) -> NDArray[np.int64]:
        """The greedy actions, (N,)."""
        return np.asarray(self.preferences.argmax(1))


class Agent:
    """A network in inference mode."""

    def __init__(self, network: AgentNetwork, *, bf16: bool = False) -> None:
        self.network = to_channels_last(network).eval()
        self._bf16 = bf16
        self._device = next(network.parameters()).device.type

    def forward(self, stacks: FrameStacks) -> PolicyOutput:
        """Preferences and values of observations, uint8 (N, frames, height, width)."""
        with torch.inference_mode(), torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            scores, values = self.network(torch.from_numpy(stacks).to(self._device))
            preferences = functional.softmax(scores, 1)
        return PolicyOutput(preferences.cpu().numpy(), values.cpu().numpy())

    def act(self, stacks: FrameStacks, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Epsilon-greedy actions, (N,)."""
        return epsilon_greedy(self.forward(stacks).best, epsilon, self.network.spec.actions, rng)


def to_channels_last(network: AgentNetwork) -> AgentNetwork:
    """The same network with its weights in channels-last memory format."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
