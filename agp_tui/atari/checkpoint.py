"""Checkpoints of agents: the network with all that is needed to play it or to go on training it.

One file, written in one step, read with torch's `weights_only=True`: tensors and plain data, no code.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import PROTOCOLS, Protocol, View
from agp_tui.errors import ModelError
from agp_tui.tensor_files import read_tensors, write_tensors

SCHEMA = 1
KIND = "agent"
WHAT = "an agent's checkpoint"
BEST, LAST = "best.pt", "last.pt"
CURE = (
    "Name a checkpoint of agp atari train: a run, checkpoints/best.pt of one, or the name it was kept under."
)


@dataclass(frozen=True, kw_only=True)
class AgentCheckpoint:
    """An agent and where it comes from."""

    spec: AgentSpec
    game: str
    """An Atari id."""
    actions: tuple[str, ...]
    """ALE's names of the network's outputs."""
    algorithm: str
    skip: int
    protocol: str
    """What it was trained under."""
    weights: dict[str, torch.Tensor]
    counters: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    """As of `Evaluation.figures`; empty where it was not judged yet."""
    settings: dict[str, Any] = field(default_factory=dict)
    training: list[dict[str, Any]] = field(default_factory=list)
    """What each process of the training needs to go on; empty where it is only to play."""

    @property
    def view(self) -> View:
        """How the agent sees."""
        return View(self.spec.frames, self.skip, self.spec.height, self.spec.width)

    @property
    def played_under(self) -> Protocol:
        """What it was trained under, in figures."""
        return PROTOCOLS["classic" if self.protocol == "classic" else "sticky"]

    def network(self) -> AgentNetwork:
        """The network with its weights. Raises `ModelError` where they do not fit."""
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
    """Write `path` in one step."""
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
    """Read a checkpoint. Raises `ModelError` where it is missing, damaged, hostile, foreign or too new."""
    body = read_tensors(path, WHAT, schema=SCHEMA, cure=CURE)
    if body.get("kind") != KIND:
        raise ModelError(f"Expected {WHAT} at {path}, found a file of something else.", CURE)
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
            f"Expected a whole checkpoint in {path}, found a part missing or wrong: {error}.", CURE
        ) from error
