"""Practice: a model plays, a teacher says what it would have pressed, the model learns from that.

Cloning alone leaves a model helpless in states that its teacher never reached. Here the states are
the model's own and only the labels are the teacher's (DAgger; Ross, Gordon and Bagnell 2011,
arXiv:1011.0686). The corrections are ordinary recordings, and the games that make them are at the
same time the exam of the model that played them.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from agp_tui.autoplay.policy import PolicyDriver
from agp_tui.config import RecordSettings
from agp_tui.engine.clock import Clock, SimulatedTime, Time
from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.games.base import Driver, Game
from agp_tui.imitation.checkpoint import BEST, Checkpoint, save_checkpoint
from agp_tui.imitation.dataset import open_takes
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.imitation.network_policy import NetworkPolicy
from agp_tui.imitation.takes import Dataset, Span, Take
from agp_tui.imitation.trainer import Trainer
from agp_tui.recording.recorder import Origin, record

PLAYERS = 2
"""Games played side by side; emulator and network both let other threads run."""

MakeGame = Callable[[int, Time], Game]
"""A game from a seed and a clock."""

MakeTeacher = Callable[[Game], Driver]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What practice needs to know."""

    make_game: MakeGame
    make_teacher: MakeTeacher
    recordings: Path
    """Where corrections are kept."""
    rounds: int
    games: int
    """Games in each round."""
    game_seconds: float
    """A game is broken off after so many seconds of play; it counts with the score it has."""
    minutes: float
    """Of training after each round."""
    seed: int
    """Of the first game; every game gets its own."""
    until: float | None = None
    """No round begins after this moment on the monotonic clock."""


@dataclass(frozen=True)
class Round:
    """One round: the games of the model as it was at its beginning."""

    number: int
    scores: tuple[float, ...]
    corrections: tuple[Path, ...]
    checkpoint: Path
    """The model that played."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores)) if self.scores else float("nan")


def practise(
    trainer: Trainer, model: Checkpoint, dataset: Dataset, lesson: Lesson, folder: Path, job: Job
) -> list[Round]:
    """Rounds of play and training; the network of `trainer` is taught in place.

    `model` tells keys, rate and thresholds; its copies with each round's weights are written to
    `folder` as `round-N.pt`, and the one that played best as `best.pt`. The last round plays only.
    Returns early, with the rounds that were played, when the job is stopped.
    """
    rounds: list[Round] = []
    takes: list[Take] = list(dataset.takes)
    spans = list(dataset.train)
    for number in range(lesson.rounds + 1):
        played = _play_round(trainer.network, model, lesson, number, job)
        if job.stopping:
            break
        checkpoint = folder / f"round-{number}.pt"
        taught = replace(model, weights=trainer.network.state_dict(), training={})
        save_checkpoint(checkpoint, taught)
        rounds.append(replace(played, checkpoint=checkpoint))
        if played.mean >= max(one.mean for one in rounds):
            save_checkpoint(folder / BEST, taught)
        job.emit(curve(rounds))
        if number == lesson.rounds or (lesson.until is not None and time.monotonic() > lesson.until):
            break
        new = open_takes(
            played.corrections,
            game=model.game,
            keys=model.keys,
            fps=model.fps,
            frame_size=model.spec.frame_size,
            lead=model.lead,
        )
        spans += [Span(len(takes) + index, 0, len(take)) for index, take in enumerate(new)]
        takes += new
        grown = replace(dataset, takes=tuple(takes), train=tuple(spans), validation=())
        trainer.fit(grown, job, minutes=lesson.minutes)
        if job.stopping:
            break
    return rounds


def curve(rounds: Sequence[Round]) -> Table:
    """Score by round, as a table."""
    rows: list[list[str | float | int | None]] = [
        [one.number, round(one.mean, 2), " ".join(f"{score:g}" for score in one.scores)] for one in rounds
    ]
    return Table(title="Practice", columns=["after round", "mean score", "games"], rows=rows)


def _play_round(network: PolicyNetwork, model: Checkpoint, lesson: Lesson, number: int, job: Job) -> Round:
    network.eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    first = lesson.seed + number * lesson.games

    def one(seed: int) -> tuple[float, Path]:
        return _play_game(network, model, lesson, seed, job)

    try:
        with ThreadPoolExecutor(PLAYERS) as pool:
            played = list(pool.map(one, range(first, first + lesson.games)))
    finally:
        torch.set_num_threads(threads)
    scores, paths = zip(*played, strict=True)
    return Round(number, tuple(scores), tuple(paths), Path())


def _play_game(
    network: PolicyNetwork, model: Checkpoint, lesson: Lesson, seed: int, job: Job
) -> tuple[float, Path]:
    source = SimulatedTime()
    policy = NetworkPolicy(network, model.keys, model.thresholds, model.fps)
    with closing(lesson.make_game(seed, source)) as game:
        recorded = record(
            game,
            PolicyDriver(policy),
            RecordSettings(),
            job.quietly(),
            origin=Origin("ale"),
            clock=Clock(model.fps, source),
            root=lesson.recordings,
            teacher=lesson.make_teacher(game),
            seconds=lesson.game_seconds,
            episodes=1,
        )
        status = game.status()
    if status is None or recorded.path is None:
        raise JobFailed("Expected a game that gives frames and a score to practise on, found none.")
    return (recorded.scores or (status.score,))[0], recorded.path
