"""Checkpoints: a network with all that is needed to play it, export it or go on training it.

One file, written in one step, read with torch's `weights_only=True`: tensors and plain data, no code.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from agp_tui.errors import ModelError
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.tensor_files import read_tensors, write_tensors

SCHEMA = 1
CHECKPOINT_FILE = "checkpoint.pt"
BEST, LAST = "best.pt", "last.pt"
CURE = "Name a checkpoint of agp train: checkpoints/best.pt of a run, or checkpoint.pt of a model."


@dataclass(frozen=True)
class Checkpoint:
    """A network and where it comes from."""

    spec: NetworkSpec
    game: str
    keys: tuple[str, ...]
    fps: int
    lead: int
    thresholds: tuple[float, ...]
    """One for each key, chosen on the validation data."""
    weights: dict[str, torch.Tensor]
    validation: dict[str, Any] = field(default_factory=dict)
    """Figures on held-out positions, as of `Report.figures`; empty where there were none."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The settings of the training, plain."""
    training: dict[str, Any] = field(default_factory=dict)
    """The trainer's state, to go on exactly; empty where a training is not to be gone on with."""
    data: dict[str, Any] = field(default_factory=dict)
    """Which recordings, and which positions of them were held out."""

    def network(self) -> PolicyNetwork:
        """The network, its weights in place, ready to decide. Raises `ModelError` where they do not fit."""
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
    """Write `path` in one step."""
    body = {
        "schema": SCHEMA,
        "spec": asdict(checkpoint.spec),
        "game": checkpoint.game,
        "keys": list(checkpoint.keys),
        "fps": checkpoint.fps,
        "lead": checkpoint.lead,
        "thresholds": [float(value) for value in checkpoint.thresholds],
        # On the processor and free of any view, so the file holds the weights and nothing else.
        "weights": {name: value.detach().cpu().clone() for name, value in checkpoint.weights.items()},
        "validation": checkpoint.validation,
        "settings": checkpoint.settings,
        "training": checkpoint.training,
        "data": checkpoint.data,
    }
    write_tensors(path, body)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises `ModelError` where it is missing, damaged, foreign or too new."""
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
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"Expected a whole checkpoint in {path}, found a part missing: {error}.", CURE
        ) from error
