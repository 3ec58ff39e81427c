"""A small untrained network as a streaming model (two signatures) and as a whole-window model."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from agp_tui.models.manifest import MODEL_FILE, Manifest, sha256_of, write_manifest
from support.cached_artifacts import cached_folder

SIZE, SEGMENT, EMBEDDING = 32, 5, 16
KEYS = ("up", "left", "right", "down")


@dataclass(frozen=True)
class SmallModels:
    """One network in both forms: a model folder, and a file that takes whole windows."""

    folder: Path
    whole_window: Path
    """Takes float32 RGB in [0, 1]."""


def cached_small_models(config: pytest.Config) -> SmallModels:
    """Both forms, cached for all tests; read-only."""
    root = cached_folder(
        config, "small", lambda root: export_small_models(root / "small", root / "whole.tflite")
    )
    return SmallModels(root / "small", root / "whole.tflite")


def export_small_models(folder: Path, whole_window: Path) -> None:
    """Write the model folder and the whole-window file of the same network."""
    import litert_torch
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 8, 4, 4)
            self.embed = nn.Linear(8 * (SIZE // 4) ** 2, EMBEDDING)
            self.head = nn.Linear(SEGMENT * EMBEDDING, len(KEYS))

        def encode(self, frames: torch.Tensor) -> torch.Tensor:
            pixels = frames.permute(0, 3, 1, 2).float() / 255 - 0.5
            return torch.tanh(self.embed(torch.relu(self.convolution(pixels)).flatten(1)))

        def decide(self, embeddings: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(4 * self.head(embeddings.flatten(1)))

    class Encode(nn.Module):
        def __init__(self, network: Network) -> None:
            super().__init__()
            self.network = network

        def forward(self, frame: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"embedding": self.network.encode(frame)}

    class Decide(nn.Module):
        def __init__(self, network: Network) -> None:
            super().__init__()
            self.network = network

        def forward(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"probabilities": self.network.decide(embeddings)}

    class Whole(nn.Module):
        def __init__(self, network: Network) -> None:
            super().__init__()
            self.network = network

        def forward(self, window: torch.Tensor) -> torch.Tensor:
            frames = 255 * window.reshape(SEGMENT, SIZE, SIZE, 3)
            return self.network.decide(self.network.encode(frames)[None])

    network = Network().eval()
    frame = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    embeddings = torch.zeros(1, SEGMENT, EMBEDDING)
    signatures = litert_torch.signature("encode", Encode(network), sample_kwargs={"frame": frame})
    signatures = signatures.signature("decide", Decide(network), sample_kwargs={"embeddings": embeddings})
    folder.mkdir(parents=True)
    signatures.convert().export(str(folder / MODEL_FILE))
    write_manifest(folder, manifest_for(folder))
    window = torch.zeros(1, SEGMENT, SIZE, SIZE, 3)
    litert_torch.convert(Whole(network).eval(), (window,)).export(str(whole_window))


def manifest_for(folder: Path, keys: tuple[str, ...] = KEYS) -> Manifest:
    """A valid manifest for the model in `folder`."""
    return Manifest(
        name=folder.name,
        game="ALE/Pong-v5",
        keys=keys,
        thresholds=(0.5,) * len(keys),
        fps=30,
        frame_size=SIZE,
        segment=SEGMENT,
        embedding=EMBEDDING,
        sha256=sha256_of((folder / MODEL_FILE).read_bytes()),
    )
