"""What agents score after equally many frames: ours, and Stable-Baselines3 with its settings for Atari.

Each run is one process with one thread; the processor time that it took is told beside its score.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from agp_tui.atari.bench import stable_baselines
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.autoplay.scores import bootstrap_interval
from agp_tui.benchmarks.kept import keep, read_kept
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.children import abandon, worker_pool
from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.games.names import short_name

SB3 = "sb3 PPO"
GAMES = 20
"""The last so many games of a training are its score."""
POLL_SECONDS = 0.2


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

    Raises `MissingPart` without Stable-Baselines3, where that is asked for.
    """
    done = {result.entry: result for result in read_kept(kept, Result)}
    pool = worker_pool(side_by_side)
    try:
        waiting: set[Future[Result]] = {
            pool.submit(run_entry, entry, machine) for entry in entries if entry not in done
        }
        while waiting and not job.stopping:
            for future in wait(waiting, POLL_SECONDS, FIRST_COMPLETED).done:
                waiting.remove(future)
                result = future.result()
                done[result.entry] = result
                keep(kept, result)
                job.note(f"{result.entry.way}: {_told(result)} after {result.cpu_seconds:.0f} CPU seconds.")
    finally:
        abandon(pool)
    return [done[entry] for entry in entries if entry in done]


def run_entry(entry: Entry, machine: str) -> Result:
    """Train, in this process."""
    import torch

    torch.set_num_threads(1)
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


def _told(one: Result) -> str:
    if not one.scores:
        return "no game ended"
    low, high = bootstrap_interval(one.scores)
    return f"{np.mean(one.scores):.1f} ({low:.1f} to {high:.1f})"
