"""A model with predictable decisions: a bright left half presses `right`, a bright right half `left`."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from agp_tui.models.manifest import MODEL_FILE, Manifest, sha256_of, write_manifest
from support.cached_artifacts import cached_folder

SIZE, SEGMENT = 32, 3
KEYS = ("left", "right")


@dataclass(frozen=True)
class BrightModel:
    """The same network as a model with a manifest and as a file without one."""

    folder: Path
    whole_window: Path
    """Takes a window of float32 BGR frames in [0, 1]; has no key names."""


def cached_bright_model(config: pytest.Config) -> BrightModel:
    """Both forms, cached for all tests; read-only."""
    root = cached_folder(config, "bright", lambda root: _make(root / "bright", root / "whole.tflite"))
    return BrightModel(root / "bright", root / "whole.tflite")


def _make(folder: Path, whole_window: Path) -> None:
    """Write both forms. Decisions depend on the yellow (red and green) of the halves of the newest frame."""
    import litert_torch
    import torch
    from torch import nn

    def halves(frames: torch.Tensor, red: int) -> torch.Tensor:
        """Yellow of the right and of the left half, 0 to 255: shape (N, 2)."""
        yellow = torch.relu(torch.minimum(frames[..., red], frames[..., 1]) - 100)
        left, right = yellow[:, :, : SIZE // 2], yellow[:, :, SIZE // 2 :]
        return torch.stack([right.mean((1, 2)), left.mean((1, 2))], 1)

    def probabilities(brightness: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid((brightness - 5.0) / 2)

    class Encode(nn.Module):
        def forward(self, frame: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"embedding": halves(frame.float(), red=0)}

    class Decide(nn.Module):
        def forward(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"probabilities": probabilities(embeddings[:, -1])}

    class Whole(nn.Module):
        def forward(self, window: torch.Tensor) -> torch.Tensor:
            return probabilities(halves(255 * window[:, -1], red=2))

    frame = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    signatures = litert_torch.signature("encode", Encode().eval(), sample_kwargs={"frame": frame})
    embeddings = torch.zeros(1, SEGMENT, 2)
    signatures = signatures.signature("decide", Decide().eval(), sample_kwargs={"embeddings": embeddings})
    folder.mkdir(parents=True)
    signatures.convert().export(str(folder / MODEL_FILE))
    manifest = Manifest(
        name=folder.name,
        game="window",
        keys=KEYS,
        thresholds=(0.5, 0.5),
        fps=30,
        frame_size=SIZE,
        segment=SEGMENT,
        embedding=2,
        sha256=sha256_of((folder / MODEL_FILE).read_bytes()),
    )
    write_manifest(folder, manifest)
    window = torch.zeros(1, SEGMENT, SIZE, SIZE, 3)
    litert_torch.convert(Whole().eval(), (window,)).export(str(whole_window))
