"""Convert an agent's checkpoint to a `.tflite` with the signatures `encode` and `decide`, as a program.

`python -m agp_tui.atari.convert CHECKPOINT OUT QUANTIZE`. The player encodes each frame once and decides
on the last few, as with any other model.
"""

import sys
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent
from agp_tui.atari.driver import keys_with_agent
from agp_tui.atari.networks import AgentNetwork
from agp_tui.games.atari import keys_for_action, rom_name
from agp_tui.models.conversion import Quantize, quantized, streaming_model

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grayscale (ITU-R BT.601), as in ALE."""


class GrayscaleEncoder(nn.Module):
    """frame uint8 (1, S, S, 3) -> grayscale, flattened: float32 (1, S * S), 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self.luma = nn.Parameter(torch.tensor(LUMA), requires_grad=False)

    def forward(self, frame: Tensor) -> dict[str, Tensor]:
        return {"embedding": (frame.float() * self.luma).sum(3).flatten(1)}


class ActionDecoder(nn.Module):
    """grayscale frames (1, frames, S * S), oldest first -> probabilities (1, keys).

    1 for the keys of the greedy action and 0 for the others, so a threshold of 0.5 presses exactly its keys.
    """

    def __init__(self, network: AgentNetwork, table: Tensor) -> None:
        """`table` (actions, keys) is 1 if an action holds a key."""
        super().__init__()
        self.network = network
        self.table = nn.Parameter(table, requires_grad=False)

    def forward(self, embeddings: Tensor) -> dict[str, Tensor]:
        scores, _ = self.network(embeddings.reshape(1, *self.network.spec.stack))
        return {"probabilities": self.table[scores.argmax(1)]}


def agent_keys(checkpoint: AgentCheckpoint) -> tuple[str, ...]:
    """The keys of an agent's actions."""
    return keys_with_agent(checkpoint.actions, rom_name(checkpoint.game), ())


def action_key_table(checkpoint: AgentCheckpoint) -> Tensor:
    """(actions, keys) float32: 1 if an action holds a key."""
    rom, keys = rom_name(checkpoint.game), agent_keys(checkpoint)
    held = [keys_for_action(action, rom) for action in checkpoint.actions]
    return torch.tensor([[float(key in one) for key in keys] for one in held])


def main(arguments: list[str]) -> None:
    """Convert and write; a failure is an exception, named in the last line of stderr."""
    path, out, quantize = arguments
    if quantize not in get_args(Quantize):
        raise SystemExit(f"Expected one of {get_args(Quantize)}, found {quantize!r}.")
    torch.set_num_threads(1)
    checkpoint = load_agent(Path(path))
    network, spec = checkpoint.network().requires_grad_(False), checkpoint.spec
    frame = torch.zeros(1, spec.height, spec.width, 3, dtype=torch.uint8)
    embeddings = torch.zeros(1, spec.frames, spec.height * spec.width)
    decide = ActionDecoder(network, action_key_table(checkpoint))
    streaming_model(GrayscaleEncoder(), decide, frame, embeddings).export(out)
    if quantize != "none":
        Path(out).write_bytes(quantized(Path(out), quantize))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
