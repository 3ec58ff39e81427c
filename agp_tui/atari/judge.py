"""Evaluations beside a training: in a process of their own, at low priority, one at a time."""

import contextlib
import os
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agp_tui.atari.agents import Agent
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.evaluate import Evaluation, evaluate
from agp_tui.engine.children import abandon, worker_pool

SEED = 500_000_003
"""The judged games begin with other seeds than those that are trained on."""


@dataclass(frozen=True)
class Judged:
    """An evaluation and the counters of the training at its checkpoint."""

    evaluation: Evaluation
    counters: dict[str, Any]
    checkpoint: Path


class Judge:
    """Judges checkpoints of a training while it goes on."""

    def __init__(self, games: int, seed: int) -> None:
        self._games, self._seed = games, seed
        self._pool = worker_pool(1, _lower_priority)
        self._pending: Future[Judged] | None = None

    @property
    def busy(self) -> bool:
        return self._pending is not None

    def begin(self, checkpoint: Path) -> None:
        """Judge this checkpoint; it must stay there until it is judged."""
        self._pending = self._pool.submit(judge, checkpoint, self._games, self._seed)

    def found(self, *, wait: bool = False) -> Judged | None:
        """What the last one came to, once; None while there is nothing new."""
        if self._pending is None or not (wait or self._pending.done()):
            return None
        pending, self._pending = self._pending, None
        return pending.result()

    def close(self) -> None:
        """Give up what is still played."""
        abandon(self._pool)


def judge(checkpoint: Path, games: int, seed: int) -> Judged:
    """Play whole games with an agent, under the protocol that it was trained under."""
    kept = load_agent(checkpoint)
    found = evaluate(
        Agent(kept.network()), kept.game, kept.view,
        protocol=kept.played_under, games=games, seed=SEED + seed,
    )  # fmt: skip
    return Judged(found, kept.counters, checkpoint)


def _lower_priority() -> None:
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
