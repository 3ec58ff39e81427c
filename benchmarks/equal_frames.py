"""What agents score after equally many frames: ours, and Stable-Baselines3 with its settings for Atari.

Each run is one process with one thread; the processor time that it took is told beside its score.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from agp_tui.atari.trainer import AgentTrainer
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.job import Job
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks.atari_training import stable_baselines
from benchmarks.parallel import run_side_by_side

SB3 = "sb3 PPO"
GAMES = 20
"""The last so many games of a training are its score."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One training. No action is repeated by chance: Stable-Baselines3's consoles have none of that."""

    way: str
    """One of our algorithms, or `sb3 PPO`."""
    game: str
    seed: int
    decisions: int
    """Four frames of the console each."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of an entry."""

    entry: Entry
    machine: str
    cpu_seconds: float
    scores: tuple[float, ...]
    """Of the last games played in training, none of a training too short for one."""


def bench_equal_frames(
    entries: list[Entry], kept: Path, machine: str, job: Job, *, side_by_side: int
) -> list[Result]:
    """Run all that `kept` (JSON lines, appended to) has no result of; all results.

    Raises `MissingPart` without Stable-Baselines3, where that is options for.
    """
    run = partial(run_entry, machine=machine)
    return run_side_by_side(entries, kept, Result, run, _words, job, at_once=side_by_side)


def run_entry(entry: Entry, machine: str) -> Result:
    """Train, in this process."""
    train = _train_theirs if entry.way == SB3 else _train_ours
    began = time.process_time()
    scores = train(entry)
    return Result(
        entry=entry,
        machine=machine,
        cpu_seconds=round(time.process_time() - began, 1),
        scores=tuple(scores[-GAMES:]),
    )


def _train_ours(entry: Entry) -> list[float]:
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
            scores += [game.score for game in trainer.round(steps / entry.decisions).ended]
    finally:
        trainer.close()
    return scores


def _train_theirs(entry: Entry) -> list[float]:
    model, _ = stable_baselines("PPO", entry.game, "cpu", seed=entry.seed, falling=True)
    model.learn(entry.decisions)
    return [float(game["r"]) for game in model.ep_info_buffer]


def table(results: list[Result]) -> Table:
    """A row for each way and game: the score of each seed, and the time it took."""
    rows: list[list[str | float | int | None]] = []
    for game, way in sorted({(one.entry.game, one.entry.way) for one in results}):
        of_it = [one for one in results if (one.entry.game, one.entry.way) == (game, way)]
        rows.append(
            [
                short_name(game),
                way if way == SB3 else f"agp {way}",
                of_it[0].entry.decisions,
                ", ".join(map(_told, of_it)),
                round(float(np.mean([one.cpu_seconds for one in of_it]))),
            ]
        )
    columns = ["game", "way", "decisions", f"mean of the last {GAMES} games", "CPU seconds"]
    return Table(title="Scores after equally many frames, one thread", columns=columns, rows=rows)


def _words(one: Result) -> str:
    return f"{one.entry.way}: {_told(one)} after {one.cpu_seconds:.0f} CPU seconds."


def _told(one: Result) -> str:
    if not one.scores:
        return "no game ended"
    return str(bootstrap_interval(one.scores))
