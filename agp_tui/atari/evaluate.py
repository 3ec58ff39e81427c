"""How good an agent is: whole games, unclipped scores, a protocol that is said; apart from training."""

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Protocol as Shape

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.human_scores import TABLE_NAME, human_normalised
from agp_tui.atari.vector_env import Consoles, Ended, Protocol, Stacks, View
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from agp_tui.errors import AgpError
from agp_tui.evaluation.statistics import Interval, bootstrap_interval
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import EvaluationResult

EPSILON = 0.01
"""Share of actions by chance in an evaluation, the same for every algorithm."""
CONSOLES = 8
"""Games that are played at once."""


class Player(Shape):
    """Who plays."""

    def act(self, stacks: Stacks, epsilon: float, drawing: np.random.Generator) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class Chance:
    """Plays at random."""

    actions: int

    def act(self, stacks: Stacks, epsilon: float, drawing: np.random.Generator) -> NDArray[np.int64]:
        """Any action, all equally likely."""
        return drawing.integers(0, self.actions, len(stacks))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of whole games and what they were played under."""

    game: str
    cartridge: str
    protocol: str
    epsilon: float
    scores: tuple[float, ...]
    frames: tuple[int, ...]
    """Length of each game in frames of the console."""
    cut: int
    """Games that the frame cap ended; they count with the score they had."""
    seconds: float

    @property
    def mean(self) -> Interval:
        return bootstrap_interval(self.scores)

    @property
    def median(self) -> float:
        return float(np.median(self.scores))

    @property
    def normalised(self) -> float | None:
        """The mean where 0 is random play and 1 a person."""
        return human_normalised(self.cartridge, float(np.mean(self.scores)))

    def result(self) -> EvaluationResult:
        """The report of the evaluation."""
        return msgspec.convert(self.figures(), EvaluationResult)

    def figures(self) -> dict[str, Any]:
        """Plain data, for checkpoints and programs."""
        mean = self.mean
        return {
            "game": self.game,
            "protocol": self.protocol,
            "epsilon": self.epsilon,
            "games": len(self.scores),
            "scores": list(self.scores),
            "score_mean": round(mean.value, 3),
            "score_low": round(mean.low, 3),
            "score_high": round(mean.high, 3),
            "score_median": round(self.median, 3),
            "human_normalised": None if self.normalised is None else round(self.normalised, 4),
            "cut": self.cut,
            "frames_mean": round(float(np.mean(self.frames)), 1),
            "seconds": round(self.seconds, 2),
        }

    def table(self) -> Table:
        """For people."""
        mean, person = self.mean, self.normalised
        rows: list[list[str | float | int | None]] = [
            ["mean", round(mean.value, 2)],
            ["95 % interval", f"{mean.low:.2f} to {mean.high:.2f}"],
            ["median", round(self.median, 2)],
            ["best and worst", f"{max(self.scores):g}, {min(self.scores):g}"],
            ["human-normalised", None if person is None else round(person, 3)],
            ["games", f"{len(self.scores)}, of which {self.cut} cut"],
            ["minutes of a game", round(float(np.mean(self.frames)) / 3600, 2)],
        ]
        title = f"{self.game}: {self.protocol}; {self.epsilon:g} of the actions by chance"
        if person is not None:
            title += f"; person and random play: {TABLE_NAME}"
        return Table(title=title, columns=["", "score"], rows=rows)


def evaluate(
    player: Player,
    game: str,
    view: View,
    *,
    protocol: Protocol,
    games: int,
    epsilon: float = EPSILON,
    seed: int = 0,
    told: Callable[[int], bool] | None = None,
) -> Evaluation:
    """Play so many whole games. `told` hears how many have ended, and says whether to go on.

    Each console plays its share of the games, so that short ones do not count more often than long ones.
    Raises `SettingError`, `MissingPart`; `ValueError` where nothing was played to its end.
    """
    begun = time.perf_counter()
    drawing = np.random.default_rng([seed, 77])
    consoles = Consoles(game, min(CONSOLES, games), protocol=protocol, view=view, seed=seed)
    left = [games // consoles.count + (at < games % consoles.count) for at in range(consoles.count)]
    ended: list[Ended] = []
    try:
        while any(left):
            moved = consoles.step(player.act(consoles.stacks, epsilon, drawing))
            for one in moved.ended:
                if left[one.console]:
                    left[one.console] -= 1
                    ended.append(one)
            if told is not None and not told(len(ended)):
                break
    finally:
        consoles.close()
    if not ended:
        raise ValueError("Expected one whole game at least.")
    return Evaluation(
        game=game,
        cartridge=consoles.cartridge,
        protocol=str(protocol),
        epsilon=epsilon,
        scores=tuple(one.score for one in ended),
        frames=tuple(one.frames for one in ended),
        cut=sum(one.cut for one in ended),
        seconds=time.perf_counter() - begun,
    )


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
        terminate_pool(self._pool)


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
