"""Comparison of algorithms at equal CPU time: the evidence for the default algorithm.

Each run is a process with one thread. CPU time depends little on parallel runs and other work on the machine.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from agp_tui.atari.agent import Agent
from agp_tui.atari.evaluate import EVAL_SEED, evaluate
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.job import Job
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks.results import run_missing, single_thread_processes

EVALUATIONS = 3
"""Evaluations per run at equal intervals, the last one at the end."""


@dataclass(frozen=True, kw_only=True)
class BakeOffEntry:
    """One training run. `minutes` are CPU time; `games` are the episodes of each evaluation."""

    algorithm: str
    game: str
    seed: int
    minutes: float
    games: int


@dataclass(frozen=True, kw_only=True)
class BakeOffResult:
    """The result of an entry; one value per evaluation."""

    entry: BakeOffEntry
    minutes: tuple[float, ...]
    steps: tuple[int, ...]
    means: tuple[float, ...]
    """Mean score of the evaluation episodes."""
    normalised: tuple[float | None, ...]


def run_entry(entry: BakeOffEntry) -> BakeOffResult:
    """Train and evaluate; evaluation is not counted as training time."""
    settings = AtariSettings(
        game=entry.game, algorithm=cast(Algorithm, entry.algorithm), seed=entry.seed, workers=1
    )
    trainer = AgentTrainer(settings, clock=time.process_time)
    minutes, steps, means, normalised = [], [], [], []
    try:
        for number in range(1, EVALUATIONS + 1):
            goal = 60 * entry.minutes * number / EVALUATIONS
            while trainer.counters.seconds < goal:
                trainer.iterate(min(1.0, trainer.counters.seconds / 60 / entry.minutes))
            evaluation = evaluate(
                Agent(trainer.learner.network),
                entry.game,
                trainer.env.obs_spec,
                protocol=trainer.env.protocol,
                games=entry.games,
                seed=EVAL_SEED + entry.seed,
            )
            trainer.learner.network.train()
            minutes.append(round(trainer.counters.seconds / 60, 2))
            steps.append(trainer.counters.steps)
            means.append(round(float(np.mean(evaluation.scores)), 2))
            normalised.append(evaluation.human_normalised)
    finally:
        trainer.close()
    return BakeOffResult(
        entry=entry,
        minutes=tuple(minutes),
        steps=tuple(steps),
        means=tuple(means),
        normalised=tuple(normalised),
    )


def bake_off(entries: list[BakeOffEntry], path: Path, job: Job, *, parallel: int) -> list[BakeOffResult]:
    """Run the entries without a result in `path`, `parallel` at a time; returns all results."""
    with single_thread_processes(parallel) as executor:
        return run_missing(entries, path, BakeOffResult, run_entry, _describe, job, executor)


def bake_off_table(results: list[BakeOffResult]) -> Table:
    """A row per game and algorithm: the mean over its seeds at each evaluation."""
    rows: list[list[str | float | int | None]] = []
    for game, algorithm in sorted({(result.entry.game, result.entry.algorithm) for result in results}):
        runs = [
            result for result in results if (result.entry.game, result.entry.algorithm) == (game, algorithm)
        ]
        means = np.mean([result.means for result in runs], 0).round(1).tolist()
        last = ", ".join(f"{result.means[-1]:g}" for result in runs)
        steps = round(float(np.mean([result.steps[-1] for result in runs])) / 1000)
        rows.append([short_name(game), algorithm, steps, *means, last])
    minutes = results[0].entry.minutes if results else 0.0
    times = [f"{minutes * number / EVALUATIONS:g} min" for number in range(1, EVALUATIONS + 1)]
    columns = ["game", "algorithm", "thousand steps", *times, "last score of each seed"]
    return Table(title="Mean score by minutes of CPU time", columns=columns, rows=rows)


def _describe(result: BakeOffResult) -> str:
    entry, means = result.entry, ", ".join(f"{mean:.1f}" for mean in result.means)
    return f"{entry.algorithm} {entry.game} seed {entry.seed}: {means}"
