"""Checkpoints of agents: weights, and all that is needed to play or to resume a training.

One file, written atomically, read with torch's `weights_only=True`: tensors and plain data, no code.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import PROTOCOLS, EvalProtocol, ObservationSpec
from agp_tui.errors import ModelError
from agp_tui.tensor_files import read_tensors, write_tensors

SCHEMA = 1
KIND = "agent"
DESCRIPTION = "an agent's checkpoint"
BEST, LAST = "best.pt", "last.pt"
HINT = "Name a checkpoint of agp atari train: a run, its checkpoints/best.pt, or the name of a saved agent."


@dataclass(frozen=True, kw_only=True)
class AgentCheckpoint:
    """An agent and its training. The field names are those in the file."""

    spec: AgentSpec
    game: str
    """An Atari id."""
    actions: tuple[str, ...]
    """ALE's names of the actions, in the order of the network's outputs."""
    algorithm: str
    skip: int
    """Frame skip."""
    protocol: str
    """Of the training: a key of `PROTOCOLS`."""
    weights: dict[str, torch.Tensor]
    counters: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    """`Evaluation.figures`; empty before the first evaluation."""
    settings: dict[str, Any] = field(default_factory=dict)
    training: list[dict[str, Any]] = field(default_factory=list)
    """The state of each process for a resume; empty in a checkpoint that is only played."""

    @property
    def obs_spec(self) -> ObservationSpec:
        """The agent's preprocessing."""
        return ObservationSpec(self.spec.frames, self.skip, self.spec.height, self.spec.width)

    @property
    def eval_protocol(self) -> EvalProtocol:
        """The protocol of the training."""
        return PROTOCOLS["classic" if self.protocol == "classic" else "sticky"]

    def network(self) -> AgentNetwork:
        """The network with its weights. Raises `ModelError` if they do not fit."""
        try:
            network = AgentNetwork(self.spec)
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            last_line = str(error).splitlines()[-1].strip()
            raise ModelError(
                f"Expected weights of a {self.spec.body} network, found others: {last_line}",
                "Train again with this version of agp-tui.",
            ) from error
        return network.eval()


def save_agent(path: Path, checkpoint: AgentCheckpoint) -> None:
    """Write `path` atomically."""
    weights = {name: value.detach().cpu().clone() for name, value in checkpoint.weights.items()}
    body = {
        **{name: getattr(checkpoint, name) for name in AgentCheckpoint.__dataclass_fields__},
        "kind": KIND,
        "schema": SCHEMA,
        "spec": asdict(checkpoint.spec),
        "actions": list(checkpoint.actions),
        "weights": weights,
    }
    write_tensors(path, body)


def load_agent(path: Path) -> AgentCheckpoint:
    """Read a checkpoint. Raises `ModelError` if it is missing, damaged, unsafe, foreign or too new."""
    body = read_tensors(path, DESCRIPTION, schema=SCHEMA, cure=HINT)
    if body.get("kind") != KIND:
        raise ModelError(f"Expected {DESCRIPTION} at {path}, found another kind of file.", HINT)
    try:
        return AgentCheckpoint(
            spec=msgspec.convert(body["spec"], AgentSpec),
            game=str(body["game"]),
            actions=tuple(body["actions"]),
            algorithm=str(body["algorithm"]),
            skip=int(body["skip"]),
            protocol=str(body["protocol"]),
            weights=dict(body["weights"]),
            counters=dict(body["counters"]),
            evaluation=dict(body["evaluation"]),
            settings=dict(body["settings"]),
            training=list(body["training"]),
        )
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise ModelError(
            f"Expected a complete checkpoint in {path}, found a field missing or invalid: {error}.", HINT
        ) from error
