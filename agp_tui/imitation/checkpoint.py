"""Checkpoints: a network with everything needed to play it, export it or resume its training.

One file, written atomically and read with torch's `weights_only=True`: tensors and plain data, no code.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from agp_tui.errors import ModelError
from agp_tui.games.view import View
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.tensor_files import read_tensors, write_tensors

SCHEMA = 1
CHECKPOINT_FILE = "checkpoint.pt"
BEST, LAST = "best.pt", "last.pt"
CURE = "Name a checkpoint of agp train: checkpoints/best.pt of a run, or checkpoint.pt of a model."


@dataclass(frozen=True)
class Checkpoint:
    """A network, its interface, and its training."""

    spec: NetworkSpec
    game: str
    keys: tuple[str, ...]
    fps: int
    lead: int
    """Offset of the labels in frames: 1 predicts the keys held one frame after the newest one."""
    thresholds: tuple[float, ...]
    """One per key, chosen on the validation data."""
    weights: dict[str, torch.Tensor]
    validation: dict[str, Any] = field(default_factory=dict)
    """`ValidationReport.figures`; empty without a validation."""
    settings: dict[str, Any] = field(default_factory=dict)
    """`TrainSettings` as plain data."""
    training: dict[str, Any] = field(default_factory=dict)
    """`Trainer.state_dict`, to resume exactly; empty in a checkpoint that is not for resuming."""
    data: dict[str, Any] = field(default_factory=dict)
    """`takes`: paths of the recordings; `validation`: held-out ranges `[recording, start, stop]`; `step`."""
    view: View | None = None
    """As in the manifest of a model."""
    game_delay_ms: float | None = None
    """As in the manifest of a model."""

    def network(self) -> PolicyNetwork:
        """The network with these weights in evaluation mode. Raises `ModelError` if they do not fit."""
        network = PolicyNetwork(self.spec)
        try:
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            last_line = str(error).splitlines()[-1].strip()
            raise ModelError(
                f"Expected weights of a {self.spec.model} network, found others: {last_line}",
                "Train again with this version of agp-tui.",
            ) from error
        return network.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `path` atomically."""
    body = {
        "schema": SCHEMA,
        "spec": asdict(checkpoint.spec),
        "game": checkpoint.game,
        "keys": list(checkpoint.keys),
        "fps": checkpoint.fps,
        "lead": checkpoint.lead,
        "thresholds": [float(value) for value in checkpoint.thresholds],
        # On the CPU and not a view, so that the file contains the weights and nothing else.
        "weights": {name: value.detach().cpu().clone() for name, value in checkpoint.weights.items()},
        "validation": checkpoint.validation,
        "settings": checkpoint.settings,
        "training": checkpoint.training,
        "data": checkpoint.data,
    }
    if checkpoint.view is not None:
        body["view"] = msgspec.to_builtins(checkpoint.view)
    if checkpoint.game_delay_ms is not None:
        body["game_delay_ms"] = checkpoint.game_delay_ms
    write_tensors(path, body)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises `ModelError` if it is missing, damaged, foreign or too new."""
    body = read_tensors(path, "a checkpoint", schema=SCHEMA, cure=CURE)
    try:
        return Checkpoint(
            spec=NetworkSpec(**body["spec"]),
            game=str(body["game"]),
            keys=tuple(body["keys"]),
            fps=int(body["fps"]),
            lead=int(body["lead"]),
            thresholds=tuple(body["thresholds"]),
            weights=dict(body["weights"]),
            validation=dict(body["validation"]),
            settings=dict(body["settings"]),
            training=dict(body["training"]),
            data=dict(body["data"]),
            view=msgspec.convert(body.get("view"), View | None),
            game_delay_ms=msgspec.convert(body.get("game_delay_ms"), float | None),
        )
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise ModelError(
            f"Expected a whole checkpoint in {path}, found a part missing: {error}.", CURE
        ) from error
