"""The games of practice: a checkpoint plays, a teacher says at each frame what it would have pressed.

Each game is played in a process of its own, as fast as the machine allows: emulator, encoder and
network would share one interpreter's lock otherwise.
"""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Self

from agp_tui.config import RecordSettings
from agp_tui.engine.clock import Clock, SimulatedTime, Time
from agp_tui.engine.job import Job
from agp_tui.engine.runs import LiveFile
from agp_tui.engine.subprocesses import worker_pool
from agp_tui.errors import JobFailed
from agp_tui.games.base import Driver, Game
from agp_tui.models.policy import PolicyDriver
from agp_tui.recording.inputs import PolicyInput
from agp_tui.recording.recorder import record

STOP_POLL_SECONDS = 0.1

MakeGame = Callable[[int, Time], Game]
"""A game from a seed and a clock; can be sent to another process."""

MakeTeacher = Callable[[Game], Driver]
"""Somebody who corrects in this game; can be sent to another process."""


@dataclass(frozen=True)
class PracticeGame:
    """What to play."""

    checkpoint: Path | None
    """Of the model that plays and is corrected; None where the teacher plays, and is only watched."""
    make_game: MakeGame
    make_teacher: MakeTeacher
    recordings: Path
    """Where the game is recorded; the teacher's keys are its labels."""
    fps: int
    """Decisions a second."""
    seconds: float
    """The game is broken off after so many seconds of play; it counts with the score it has."""
    seed: int
    live_file: Path | None = None
    """Where the game shows itself while it is played."""


@dataclass(frozen=True)
class Practised:
    """How one game ended."""

    score: float
    recording: Path


class PracticeGames:
    """Processes that play; to be used in a `with`."""

    def __init__(self, workers: int) -> None:
        self._stop = multiprocessing.get_context("spawn").Event()
        self._pool = worker_pool(workers, _prepare, self._stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def play(self, games: Sequence[PracticeGame], job: Job) -> list[Practised]:
        """All of these, side by side, in their order; none where the job stops meanwhile.

        Raises `JobFailed` where a game gives no score, and what the game and the recorder raise.
        """
        waiting = [self._pool.submit(_play, game) for game in games]
        while not all(one.done() for one in waiting):
            if job.wait_for_stop(STOP_POLL_SECONDS):
                return []
        return [one.result() for one in waiting]


_job = Job()
"""Of this process: stops with the practice that it belongs to."""


def _prepare(stop: Event) -> None:
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_stop_with, args=(stop,), daemon=True, name="stop").start()


def _stop_with(stop: Event) -> None:
    stop.wait()
    _job.stop()


def _play(asked: PracticeGame) -> Practised:
    source = SimulatedTime()
    job = _job.with_listeners(LiveFile(asked.live_file)) if asked.live_file else _job
    with closing(asked.make_game(asked.seed, source)) as game:
        teacher = asked.make_teacher(game)
        clock = Clock(asked.fps, source)
        if asked.checkpoint:
            player = PolicyInput(game, clock, _model(asked.checkpoint), teacher=teacher)
        else:
            player = PolicyInput(game, clock, teacher)
        recorded = record(
            player,
            RecordSettings(),
            job,
            root=asked.recordings,
            seconds=asked.seconds,
            episodes=1,
        )
        status = game.status()
    if status is None or recorded.path is None:
        raise JobFailed("Expected a game that gives frames and a score to practise on, found none.")
    return Practised((recorded.scores or (status.score,))[0], recorded.path)


def _model(checkpoint: Path) -> Driver:
    from agp_tui.imitation.checkpoint import load_checkpoint
    from agp_tui.imitation.network_policy import NetworkPolicy

    model = load_checkpoint(checkpoint)
    return PolicyDriver(NetworkPolicy(model.network(), model.keys, model.thresholds, model.fps))
