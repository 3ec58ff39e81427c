"""Algorithms against each other at equal processor time: the evidence behind the default one.

Processor time, not the clock's, so that two runs side by side and other work on the machine change
little. Each run is one process with one thread.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from agp_tui.atari.agent import Agent
from agp_tui.atari.evaluate import SEED, evaluate
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.job import Job
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks.parallel import run_side_by_side

CHECKS = 3
"""Evaluations of a run, evenly spread, the last one at its end."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run: who, where, how long in minutes of one processor."""

    algorithm: str
    game: str
    seed: int
    minutes: float
    games: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of an entry: one figure for each check."""

    entry: Entry
    minutes: tuple[float, ...]
    steps: tuple[int, ...]
    means: tuple[float, ...]
    """Mean score of the whole games of each check."""
    normalised: tuple[float | None, ...]


def run_entry(entry: Entry) -> Result:
    """Train and judge; the judging is not counted in the time."""
    settings = AtariSettings(
        game=entry.game, algorithm=cast(Algorithm, entry.algorithm), seed=entry.seed, workers=1
    )
    trainer = AgentTrainer(settings, clock=time.process_time)
    minutes, steps, means, normalised = [], [], [], []
    try:
        for check in range(1, CHECKS + 1):
            goal = 60 * entry.minutes * check / CHECKS
            while trainer.counters.seconds < goal:
                trainer.round(min(1.0, trainer.counters.seconds / 60 / entry.minutes))
            found = evaluate(
                Agent(trainer.learner.network),
                entry.game,
                trainer.consoles.view,
                protocol=trainer.consoles.protocol,
                games=entry.games,
                seed=SEED + entry.seed,
            )
            trainer.learner.network.train()
            minutes.append(round(trainer.counters.seconds / 60, 2))
            steps.append(trainer.counters.steps)
            means.append(round(float(np.mean(found.scores)), 2))
            normalised.append(found.normalised)
    finally:
        trainer.close()
    return Result(
        entry=entry,
        minutes=tuple(minutes),
        steps=tuple(steps),
        means=tuple(means),
        normalised=tuple(normalised),
    )


def bake_off(entries: list[Entry], kept: Path, job: Job, *, side_by_side: int = 2) -> list[Result]:
    """Run all that `kept` (JSON lines, appended to) has no result of; all results."""
    return run_side_by_side(entries, kept, Result, run_entry, _words, job, at_once=side_by_side)


def table(results: list[Result]) -> Table:
    """A row for each algorithm and game: the mean over its seeds at every check."""
    rows: list[list[str | float | int | None]] = []
    for game, algorithm in sorted({(one.entry.game, one.entry.algorithm) for one in results}):
        of_it = [one for one in results if (one.entry.game, one.entry.algorithm) == (game, algorithm)]
        means = np.mean([one.means for one in of_it], 0).round(1).tolist()
        last = ", ".join(f"{one.means[-1]:g}" for one in of_it)
        steps = round(float(np.mean([one.steps[-1] for one in of_it])) / 1000)
        rows.append([short_name(game), algorithm, steps, *means, last])
    minutes = results[0].entry.minutes if results else 0.0
    checks = [f"{minutes * check / CHECKS:g} min" for check in range(1, CHECKS + 1)]
    columns = ["game", "algorithm", "thousand steps", *checks, "each seed at the end"]
    return Table(title="Mean score of whole games, by minutes of one processor", columns=columns, rows=rows)


def _words(one: Result) -> str:
    means = ", ".join(f"{mean:.1f}" for mean in one.means)
    return f"{one.entry.algorithm} {one.entry.game} seed {one.entry.seed}: {means}"
