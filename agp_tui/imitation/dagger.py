"""Practice: a model plays, a teacher says what it would have pressed, the model learns from that.

Cloning alone leaves a model helpless in states that its teacher never reached. Here the states are
the model's own and only the labels are the teacher's (DAgger; Ross, Gordon and Bagnell 2011,
arXiv:1011.0686). The corrections are ordinary recordings, and the games that make them are at the
same time the exam of the model that played them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.imitation.checkpoint import BEST, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.dagger_rollouts import MakeGame, MakeTeacher, PracticeGame, PracticeGames
from agp_tui.imitation.dataset import Dataset, Span, Take, takes_for
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Progress, Table

AVERAGED_FROM = 3
"""Of fewer rounds no mean is taken."""


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
    """Of training after the first round."""
    evenly: bool = False
    """Train longer as corrections add to the data, so that each round goes over all of it as often. Without
    that the same minutes are fewer and fewer passes, and the network learns the whole less and less well."""
    seed: int
    """Of the first game; every game gets its own."""
    patience: int | None = None
    """Stop after so many rounds that played no better than the best one before."""
    until: float | None = None
    """No round begins after this moment on the monotonic clock."""
    threshold: float | None = None
    """From which probability on a key is pressed after the first training; none: the model's own ones."""
    average: bool = False
    """After the last round, the mean of the later half of the networks plays a round as well: what each of
    them learned by heart differs, what is right does not (Izmailov et al. 2018, arXiv:1803.05407)."""
    watch_only: bool = False
    """The teacher plays and the model only watches: for comparison with what correcting it brings."""
    live_file: Path | None = None
    """Where the first game of each round shows itself, as a run's `live_file`."""


@dataclass(frozen=True)
class Round:
    """One round: the games of the model as it was at its beginning."""

    number: int
    scores: tuple[float, ...]
    corrections: tuple[Path, ...]
    checkpoint: Path
    """The model that played; where it only watched, the model as it was then."""
    mean_of: int = 1
    """Of so many networks the model's weights are the mean."""

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
    with PracticeGames(available_cpus()) as games:
        rounds = _rounds(trainer, model, dataset, lesson, folder, games, job)
    if rounds:
        job.emit(curve(rounds))
    return rounds


def _rounds(
    trainer: Trainer,
    model: Checkpoint,
    dataset: Dataset,
    lesson: Lesson,
    folder: Path,
    games: PracticeGames,
    job: Job,
) -> list[Round]:
    rounds: list[Round] = []
    takes: list[Take] = list(dataset.takes)
    spans = list(dataset.train)
    first = 0
    for number in range(lesson.rounds + 1):
        checkpoint = folder / f"round-{number}.pt"
        thresholds = _thresholds(model, lesson) if number else model.thresholds
        taught = replace(model, weights=trainer.network.state_dict(), thresholds=thresholds, training={})
        save_checkpoint(checkpoint, taught)
        played = _play_round(checkpoint, model.fps, lesson, number, games, job)
        if job.stopping:
            break
        rounds.append(played)
        if played.mean >= max(one.mean for one in rounds):
            save_checkpoint(folder / BEST, taught)
        _tell(rounds, lesson, job)
        if number == lesson.rounds or (lesson.until is not None and time.monotonic() > lesson.until):
            break
        if lesson.patience is not None and rounds_since_best(rounds) >= lesson.patience:
            job.note(f"It has played no better for {lesson.patience} rounds.")
            break
        new = takes_for(model, played.corrections)
        spans += [Span(len(takes) + index, 0, len(take)) for index, take in enumerate(new)]
        takes += new
        grown = replace(dataset, takes=tuple(takes), train=tuple(spans), validation=())
        amount = _positions(spans)
        first = first or amount
        trainer.fit(grown, job, minutes=lesson.minutes * (amount / first if lesson.evenly else 1.0))
        if job.stopping:
            break
    if lesson.average and len(rounds) >= AVERAGED_FROM and not job.stopping:
        _play_the_mean(rounds, model, lesson, folder, games, job)
    return rounds


def _play_the_mean(
    rounds: list[Round], model: Checkpoint, lesson: Lesson, folder: Path, games: PracticeGames, job: Job
) -> None:
    """One more round, by the mean of the weights of the later half."""
    later = [load_checkpoint(one.checkpoint).weights for one in rounds[len(rounds) // 2 :]]
    weights = {name: torch.stack([one[name] for one in later]).mean(dim=0) for name in later[0]}
    mean = replace(model, weights=weights, thresholds=_thresholds(model, lesson), training={})
    checkpoint = folder / "mean.pt"
    save_checkpoint(checkpoint, mean)
    played = _play_round(checkpoint, model.fps, lesson, len(rounds), games, job)
    if job.stopping:
        return
    rounds.append(replace(played, mean_of=len(later)))
    if best_of(rounds) is rounds[-1]:
        save_checkpoint(folder / BEST, mean)
    _tell(rounds, lesson, job)


def _thresholds(model: Checkpoint, lesson: Lesson) -> tuple[float, ...]:
    if lesson.threshold is None:
        return model.thresholds
    return (lesson.threshold,) * len(model.keys)


def _positions(spans: Sequence[Span]) -> int:
    return sum(len(span) for span in spans)


def best_of(rounds: Sequence[Round]) -> Round:
    """The round whose model is kept: the one that played best.

    The mean of networks is kept even where a round played better by no more than one standard error of
    the difference: the best of many rounds of few games owes some of its score to luck, and what a mean
    is good for is known beforehand.
    """
    best, last = max(rounds, key=lambda one: one.mean), rounds[-1]
    if last.mean_of > 1 and best.mean - last.mean <= _error(best, last):
        return last
    return best


def _error(one: Round, other: Round) -> float:
    """The standard error of the difference of their means; infinite where either played but one game."""
    squares = (
        np.var(r.scores, ddof=1) / len(r.scores) if len(r.scores) > 1 else np.inf for r in (one, other)
    )
    return float(np.sqrt(sum(squares)))


def rounds_since_best(rounds: Sequence[Round]) -> int:
    """How many rounds came after the first of the best ones."""
    means = [one.mean for one in rounds]
    return len(means) - 1 - means.index(max(means))


def _play_round(
    checkpoint: Path, fps: int, lesson: Lesson, number: int, games: PracticeGames, job: Job
) -> Round:
    first = lesson.seed + number * lesson.games
    asked = [
        PracticeGame(
            None if lesson.watch_only else checkpoint,
            lesson.make_game,
            lesson.make_teacher,
            lesson.recordings,
            fps,
            lesson.game_seconds,
            seed,
            lesson.live_file if seed == first else None,
        )
        for seed in range(first, first + lesson.games)
    ]
    played = games.play(asked, job)
    return Round(
        number, tuple(one.score for one in played), tuple(one.recording for one in played), checkpoint
    )


def _tell(rounds: Sequence[Round], lesson: Lesson, job: Job) -> None:
    last = rounds[-1]
    scores = " ".join(f"{score:g}" for score in last.scores)
    who = f"The mean of {last.mean_of} networks" if last.mean_of > 1 else f"Round {last.number}"
    job.note(f"{who}: {last.mean:.1f} points on average ({scores}).")
    figures = {"score_mean": last.mean}
    done = min(last.number, lesson.rounds)
    job.emit(Progress(done=done, total=lesson.rounds, unit="rounds", metrics=figures))


def curve(rounds: Sequence[Round]) -> Table:
    """Score by round, as a table."""
    rows: list[list[str | float | int | None]] = []
    for one in rounds:
        interval = bootstrap_interval(one.scores)
        games = " ".join(f"{score:g}" for score in one.scores)
        number = one.number if one.mean_of == 1 else f"mean of {one.mean_of}"
        rows.append([number, round(one.mean, 2), f"{interval.low:.1f} to {interval.high:.1f}", games])
    return Table(title="Practice", columns=["after round", "mean score", "95 %", "games"], rows=rows)
