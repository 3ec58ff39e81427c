"""Scores after the same number of frames: agp-tui, and Stable-Baselines3 with its Atari settings.

Each run is a process with one thread; its CPU time is reported beside its score.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from agp_tui.atari.trainer import AgentTrainer
from agp_tui.bench.registry import machine
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.job import Job
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks.atari_training import stable_baselines
from benchmarks.results import run_missing, single_thread_processes

SB3 = "sb3 PPO"
EPISODES = 20
"""The score of a training is the mean of this number of last episodes."""


@dataclass(frozen=True, kw_only=True)
class EqualFramesEntry:
    """One training, without sticky actions, because the environments of Stable-Baselines3 have none."""

    way: str
    """An algorithm of agp-tui, or `sb3 PPO`."""
    game: str
    seed: int
    decisions: int
    """Of four frames each."""


@dataclass(frozen=True, kw_only=True)
class EqualFramesResult:
    """The result of an entry."""

    entry: EqualFramesEntry
    machine: str
    cpu_seconds: float
    scores: tuple[float, ...]
    """Of the last episodes of the training; empty if none was completed."""


def bench_equal_frames(
    entries: list[EqualFramesEntry], path: Path, job: Job, *, parallel: int
) -> list[EqualFramesResult]:
    """Run the entries without a result in `path`, `parallel` at a time; returns all results.

    Raises `MissingPart` if Stable-Baselines3 is needed and not installed.
    """
    with single_thread_processes(parallel) as executor:
        return run_missing(entries, path, EqualFramesResult, run_entry, _describe, job, executor)


def run_entry(entry: EqualFramesEntry) -> EqualFramesResult:
    """Train in this process."""
    train = _train_sb3 if entry.way == SB3 else _train_agp
    start = time.process_time()
    scores = train(entry)
    return EqualFramesResult(
        entry=entry,
        machine=machine(),
        cpu_seconds=round(time.process_time() - start, 1),
        scores=tuple(scores[-EPISODES:]),
    )


def _train_agp(entry: EqualFramesEntry) -> list[float]:
    settings = AtariSettings(
        game=entry.game,
        algorithm=cast(Algorithm, entry.way),
        seed=entry.seed,
        workers=1,
        protocol="classic",
    )
    trainer = AgentTrainer(settings)
    scores: list[float] = []
    try:
        while (steps := trainer.counters.steps) < entry.decisions:
            scores += [episode.score for episode in trainer.iterate(steps / entry.decisions).episodes]
    finally:
        trainer.close()
    return scores


def _train_sb3(entry: EqualFramesEntry) -> list[float]:
    model, _ = stable_baselines("PPO", entry.game, "cpu", seed=entry.seed, anneal=True)
    model.learn(entry.decisions)
    return [float(episode["r"]) for episode in model.ep_info_buffer]


def equal_frames_table(results: list[EqualFramesResult]) -> Table:
    """A row per game and algorithm: the score of each seed, and the mean CPU time."""
    rows: list[list[str | float | int | None]] = []
    for game, way in sorted({(result.entry.game, result.entry.way) for result in results}):
        runs = [result for result in results if (result.entry.game, result.entry.way) == (game, way)]
        rows.append(
            [
                short_name(game),
                way if way == SB3 else f"agp {way}",
                runs[0].entry.decisions,
                ", ".join(map(_score, runs)),
                round(float(np.mean([result.cpu_seconds for result in runs]))),
            ]
        )
    columns = ["game", "algorithm", "decisions", f"mean of the last {EPISODES} episodes", "CPU seconds"]
    return Table(title="Scores after the same number of frames, one thread", columns=columns, rows=rows)


def _describe(result: EqualFramesResult) -> str:
    return f"{result.entry.way}: {_score(result)} after {result.cpu_seconds:.0f} CPU seconds."


def _score(result: EqualFramesResult) -> str:
    if not result.scores:
        return "no completed episode"
    return str(bootstrap_interval(result.scores))
