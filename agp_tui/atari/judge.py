"""Evaluations beside a training, and videos of them: in one process of their own, at low priority."""

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
from agp_tui.errors import AgpError

SEED = 500_000_003
"""The judged games begin with other seeds than those that are trained on."""


@dataclass(frozen=True)
class Judged:
    """An evaluation and the counters of the training at its checkpoint."""

    evaluation: Evaluation
    counters: dict[str, Any]
    checkpoint: Path


@dataclass(frozen=True)
class Word:
    """A sentence for people; `level` as of a note."""

    text: str
    level: str = "info"


class Judge:
    """Judges checkpoints of a training while it goes on, and records `tries` games of each into `videos`."""

    def __init__(self, games: int, seed: int, *, tries: int = 0, videos: Path | None = None) -> None:
        self._games, self._seed = games, seed
        self._tries, self._videos = tries, videos
        self._pool = worker_pool(1, _lower_priority)
        self._pending: Future[Judged] | None = None
        self._filming: list[Future[Word]] = []
        self._failures: list[Word] = []

    @property
    def judging(self) -> bool:
        """Whether an evaluation is still to come."""
        return self._pending is not None

    @property
    def busy(self) -> bool:
        """Whether an evaluation, or a video after one, is still going on."""
        return self.judging or self.filming

    @property
    def filming(self) -> bool:
        """Whether a video is still to come."""
        return any(not one.done() for one in self._filming)

    def begin(self, checkpoint: Path, *, games: int | None = None, seed: int | None = None) -> None:
        """Judge this checkpoint; it must stay there while this is busy.

        With `games`, or a `seed`, of its own nothing is recorded.
        """
        own = games is not None or seed is not None
        arguments = (games or self._games, self._seed if seed is None else seed)
        self._pending = self._pool.submit(judge, checkpoint, *arguments)
        if self._tries and self._videos is not None and not own:
            seed = SEED + self._seed
            film = self._pool.submit(record_tries, checkpoint, self._videos, self._tries, seed)
            self._filming.append(film)

    def found(self) -> Judged | None:
        """What the last one came to, once; None while there is nothing new, and where it failed."""
        if self._pending is None or not self._pending.done():
            return None
        pending, self._pending = self._pending, None
        if (error := pending.exception()) is not None:
            self._failures.append(Word(f"An evaluation failed: {error}", "warning"))
            return None
        return pending.result()

    def told(self) -> list[Word]:
        """What there is to say of videos and of what failed since the last call."""
        ended = [one for one in self._filming if one.done()]
        self._filming = [one for one in self._filming if not one.done()]
        failures, self._failures = self._failures, []
        return [*failures, *map(_word, ended)]

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


def record_tries(checkpoint: Path, folder: Path, tries: int, seed: int) -> Word:
    """Record so many games of an agent, named by its steps and their scores; what hinders is said."""
    from agp_tui.atari.video import clear_unfinished, film

    kept = load_agent(checkpoint)
    steps, made = kept.counters.get("steps", 0), []
    try:
        clear_unfinished(folder)
        for number in range(tries):
            name = f"step_{steps:010}_try_{number + 1}"
            if (filmed := film(kept, folder, name=name, seed=seed + number)) is not None:
                made.append(filmed.path.name)
    except AgpError as error:
        return Word(f"After {steps} steps no video: {error}", "warning")
    return Word(f"Recorded in {folder}: {', '.join(made)}")


def _word(ended: Future[Word]) -> Word:
    if (error := ended.exception()) is not None:
        return Word(f"A video was given up: {error}", "warning")
    return ended.result()


def _lower_priority() -> None:
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
