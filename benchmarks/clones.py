"""Clones of scripted experts that go on: what the benchmarks of that ask for, keep, and judge them by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.evaluation.rollouts import GameFactory, play_episodes
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.base import DriverFactory
from benchmarks.result_file import keep, read_kept

FPS, SEGMENT, STICKY = 30, 4, 0.25
"""As in the demo."""
EXAM_SEED = 500_000


@dataclass(frozen=True, kw_only=True)
class CloneEntry:
    """One clone, and how it goes on."""

    game: str
    seed: int
    frame_size: int
    """Pixels of the square that it sees."""
    demonstration: float
    """Minutes of the expert that the clone begins with."""
    training: float
    """Minutes of its training."""
    rounds: int
    round_seconds: float
    """Of play in each round, of all its games together."""
    round_training: float
    """Minutes of training after each round, or after the first where later ones have more."""
    episodes: int
    """Games by which each player is judged."""
    game_seconds: float
    """When one of these is broken off."""


E = TypeVar("E", bound=CloneEntry)


class CloneResult(Protocol):
    """What came of an entry."""

    @property
    def entry(self) -> CloneEntry: ...


R = TypeVar("R", bound=CloneResult)


def run_missing(
    entries: Sequence[E],
    kept: Path,
    kind: type[R],
    run: Callable[[E], R | None],
    words: Callable[[R], str],
    job: Job,
) -> list[R]:
    """Run all that `kept` (JSON lines, appended to) has no result of; all results, those kept included.

    `run` gives None where the job stops; `words` tell a new result.
    """
    done: dict[CloneEntry, R] = {result.entry: result for result in read_kept(kept, kind)}
    for entry in entries:
        if entry in done or job.stopping:
            continue
        found = run(entry)
        if found is not None:
            done[entry] = found
            keep(kept, found)
            job.note(words(found))
    return [done[entry] for entry in entries if entry in done]


def exam(make_game: GameFactory, driver: DriverFactory, entry: CloneEntry, job: Job) -> tuple[float, ...]:
    """Scores of one player in whole games from the same seeds for everybody."""
    return play_episodes(
        make_game,
        driver,
        episodes=entry.episodes,
        fps=FPS,
        max_seconds=entry.game_seconds,
        seed=EXAM_SEED,
        workers=min(available_cpus(), entry.episodes),
        job=job.muted(),
    ).scores


def mean_of(scores: tuple[float, ...]) -> float:
    """Of at least one score."""
    return sum(scores) / len(scores)


def told(scores: tuple[float, ...]) -> str:
    """The mean and its 95 % interval."""
    return str(bootstrap_interval(scores))
