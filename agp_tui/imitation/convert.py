"""Convert a checkpoint to `.tflite`, as a separate process.

`python -m agp_tui.imitation.convert CHECKPOINT OUT FORM QUANTIZE`. The converter imports large libraries,
writes to stdout and stderr, and can crash. FORM is `streaming` (two signatures, encode and decide),
`window-uint8` or `window-float32` (one graph from a whole window of frames to probabilities; float frames are
from 0 to 1).
"""

import sys
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from agp_tui.imitation.checkpoint import load_checkpoint
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.models.conversion import Quantize, quantized, streaming_model

Form = Literal["streaming", "window-uint8", "window-float32"]


class Encode(nn.Module):
    """frame uint8 (1, S, S, 3), with `motion` also the frame before -> embedding (1, E)."""

    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frame: Tensor, before: Tensor | None = None) -> dict[str, Tensor]:
        return {"embedding": self.network.encode(frame, before)}


class Decide(nn.Module):
    """embeddings (1, embeddings, E), oldest first -> probabilities (1, keys)."""

    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, embeddings: Tensor) -> dict[str, Tensor]:
        return {"probabilities": torch.sigmoid(self.network.decide(embeddings))}


class WholeWindow(nn.Module):
    """frames (1, segment, S, S, 3), oldest first -> probabilities (1, keys). `unit`: frames are 0 to 1."""

    def __init__(self, network: PolicyNetwork, unit: bool) -> None:
        super().__init__()
        self.network, self.unit = network, unit

    def forward(self, frames: Tensor) -> Tensor:
        images = frames[0] * 255.0 if self.unit else frames[0]
        before = None
        if self.network.spec.motion:
            images, before = images[1:], images[:-1]
        return torch.sigmoid(self.network.decide(self.network.encode(images, before)[None]))


def convert(network: PolicyNetwork, form: Form) -> Any:
    """The converter's model of a network."""
    spec = network.spec
    image = (spec.frame_size, spec.frame_size, 3)
    if form == "streaming":
        frame = torch.zeros(1, *image, dtype=torch.uint8)
        embeddings = torch.zeros(1, spec.embeddings, spec.embedding)
        return streaming_model(Encode(network), Decide(network), frame, embeddings, motion=spec.motion)
    import litert_torch

    dtype = torch.uint8 if form == "window-uint8" else torch.float32
    window = WholeWindow(network, unit=form == "window-float32").eval()
    return litert_torch.convert(window, (torch.zeros(1, spec.segment, *image, dtype=dtype),))


def main(arguments: list[str]) -> None:
    """Convert and write; a failure is an exception, named in the last line of stderr."""
    checkpoint, out, form, quantize = arguments
    if form not in get_args(Form) or quantize not in get_args(Quantize):
        raise SystemExit(f"Expected a form of {get_args(Form)} and one of {get_args(Quantize)}.")
    torch.set_num_threads(1)
    network = load_checkpoint(Path(checkpoint)).network()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    convert(network, form).export(out)  # type: ignore[arg-type]
    if quantize != "none":
        Path(out).write_bytes(quantized(Path(out), quantize))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
