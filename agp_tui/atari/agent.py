"""An agent: a network that decides, with what it must see and what its actions are."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from agp_tui.atari.networks import AgentNetwork
from agp_tui.atari.vector_env import Stacks


@dataclass(frozen=True)
class Judged:
    """What an agent makes of states; arrays of (N, actions) and (N,)."""

    preferences: NDArray[np.float32]
    """The softmax of its scores: they sum to 1 over the actions."""
    values: NDArray[np.float32]

    @property
    def best(self) -> NDArray[np.int64]:
        """The action that is preferred in each state."""
        return np.asarray(self.preferences.argmax(1))


class Agent:
    """Decides without learning."""

    def __init__(self, network: AgentNetwork, *, half: bool = False) -> None:
        self.network = compact(network).eval()
        self._half = half
        self._kind = next(network.parameters()).device.type

    def judge(self, stacks: Stacks) -> Judged:
        """What it makes of stacks, (N, frames, height, width) uint8."""
        with torch.inference_mode(), torch.autocast(self._kind, torch.bfloat16, enabled=self._half):
            scores, values = self.network(torch.from_numpy(stacks).to(self._kind))
            preferences = functional.softmax(scores, 1)
        return Judged(preferences.cpu().numpy(), values.cpu().numpy())

    def act(self, stacks: Stacks, epsilon: float, drawing: np.random.Generator) -> NDArray[np.int64]:
        """The preferred actions, but by chance others."""
        best = self.judge(stacks).best
        chance = drawing.random(len(best)) < epsilon
        return np.where(chance, drawing.integers(0, self.network.spec.actions, len(best)), best)


def compact(network: AgentNetwork) -> AgentNetwork:
    """The same network with its weights laid out for convolutions on pictures with the channels last."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
