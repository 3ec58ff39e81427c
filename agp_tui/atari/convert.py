"""Turns an agent's checkpoint into a `.tflite` of two signatures: run as a program.

`python -m agp_tui.atari.convert CHECKPOINT OUT QUANTIZE`. The real-time player gives each picture to
`encode` once and decides on the last few: so an agent plays like any other model.
"""

import sys
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent
from agp_tui.atari.driver import keys_for
from agp_tui.atari.networks import AgentNetwork
from agp_tui.games.atari import keys_for_action, rom_name
from agp_tui.models.conversion import Quantize, quantized, streaming_model

GREY = (0.299, 0.587, 0.114)
"""What red, green and blue add to grey (ITU-R BT.601), as in ALE."""


class Encode(nn.Module):
    """frame uint8 (1, S, S, 3) -> its grey picture, flat: float32 (1, S * S), 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self.grey = nn.Parameter(torch.tensor(GREY), requires_grad=False)

    def forward(self, frame: Tensor) -> dict[str, Tensor]:
        return {"embedding": (frame.float() * self.grey).sum(3).flatten(1)}


class Decide(nn.Module):
    """grey pictures (1, frames, S * S), oldest first -> probabilities (1, keys).

    1 for the keys of the preferred action and 0 for the others: from 0.5 on, exactly its keys are pressed.
    """

    def __init__(self, network: AgentNetwork, table: Tensor) -> None:
        """`table` (actions, keys) has a 1 where an action holds a key."""
        super().__init__()
        self.network = network
        self.table = nn.Parameter(table, requires_grad=False)

    def forward(self, embeddings: Tensor) -> dict[str, Tensor]:
        scores, _ = self.network(embeddings.reshape(1, *self.network.spec.stack))
        return {"probabilities": self.table[scores.argmax(1)]}


def keys_pressed(kept: AgentCheckpoint) -> tuple[str, ...]:
    """The keys that an agent's actions hold."""
    return keys_for(kept.actions, rom_name(kept.game), ())


def key_table(kept: AgentCheckpoint) -> Tensor:
    """(actions, keys) float32: 1 where an action holds a key."""
    cartridge, keys = rom_name(kept.game), keys_pressed(kept)
    held = [keys_for_action(action, cartridge) for action in kept.actions]
    return torch.tensor([[float(key in one) for key in keys] for one in held])


def main(arguments: list[str]) -> None:
    """Convert and write; any failure is an exception, which the last line of stderr names."""
    checkpoint, out, quantize = arguments
    if quantize not in get_args(Quantize):
        raise SystemExit(f"Expected one of {get_args(Quantize)}, found {quantize!r}.")
    torch.set_num_threads(1)
    kept = load_agent(Path(checkpoint))
    network, spec = kept.network().requires_grad_(False), kept.spec
    frame = torch.zeros(1, spec.height, spec.width, 3, dtype=torch.uint8)
    embeddings = torch.zeros(1, spec.frames, spec.height * spec.width)
    decide = Decide(network, key_table(kept))
    streaming_model(Encode(), decide, frame, embeddings).export(out)
    if quantize != "none":
        Path(out).write_bytes(quantized(Path(out), quantize))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
