"""Small trainings of agents: few consoles with short games, seen small."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.atari.algorithms.base import Learner
from agp_tui.atari.process_group import GlooGroup, ProcessGroup
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.atari.vector_env import EvalProtocol, StepResult, VectorEnv
from agp_tui.config import AtariSettings

SHORT = EvalProtocol(0.25, frame_cap=200)
"""Games of a few seconds: 50 decisions or fewer."""
SIZE = (36, 36)
SETTINGS = {"precision": "float32", "workers": 1, "game": "ALE/Breakout-v5"}


def small_trainer(
    algorithm: str, *, protocol: EvalProtocol = SHORT, group: ProcessGroup | None = None, **settings: object
) -> AgentTrainer:
    """A trainer of one thread that learns within a moment."""
    if algorithm != "monte_carlo":
        settings = {"environments": 2, **settings}
    asked = AtariSettings(**{**SETTINGS, "algorithm": algorithm, **settings})  # type: ignore[arg-type]
    return AgentTrainer(asked, group, protocol=protocol, size=SIZE)


def weights_of(learner: Learner) -> torch.Tensor:
    """All weights as one flat copy."""
    return torch.cat([part.detach().reshape(-1).clone() for part in learner.network.parameters()])


def trained_weights(algorithm: str, rounds: int, **settings: object) -> torch.Tensor:
    """The weights after `rounds` rounds."""
    trainer = small_trainer(algorithm, **settings)
    for number in range(rounds):
        trainer.iterate(number / rounds)
    trainer.close()
    return weights_of(trainer.learner)


@dataclass(frozen=True)
class MemberResult:
    """What one process of a team came to."""

    rank: int
    weights: NDArray[np.float32]
    games: object
    """The state of its consoles."""
    steps: int
    updates: int
    same: int
    """The rank of whoever said what is the same for all."""
    gathered: list[int]


def train_in_process_group(
    rank: int, size: int, rendezvous: Path, algorithm: str, rounds: int, **settings: object
) -> MemberResult:
    """Train as one process of a team; to be called in as many processes as it has."""
    torch.set_num_threads(1)
    trainer = small_trainer(algorithm, group=GlooGroup(rank, size, rendezvous), **settings)
    for number in range(rounds):
        trainer.iterate(number / rounds)
    weights, games, steps = weights_of(trainer.learner), trainer.env.state(), trainer.counters.steps
    updates, same, gathered = (
        trainer.learner.updates,
        trainer.group.broadcast(rank),
        trainer.group.gather(rank),
    )
    found = MemberResult(rank, weights.numpy(), games, steps, updates, same, gathered)
    trainer.close()
    return found


def random_step(consoles: VectorEnv, rng: np.random.Generator) -> StepResult:
    """One step of actions by chance."""
    return consoles.step(rng.integers(0, len(consoles.actions), consoles.num_envs))
