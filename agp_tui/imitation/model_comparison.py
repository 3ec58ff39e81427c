"""A model before and after it learned from corrections: by play, or by agreement where there is no score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agp_tui.config import GameSettings, TrainSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.evaluation.rollouts import ScoreSummary, play_episodes
from agp_tui.games.atari import AtariGameFactory
from agp_tui.games.base import DriverFactory, Game
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.correction_data import divided
from agp_tui.imitation.dataset import Dataset, takes_for
from agp_tui.imitation.metrics import Report, report, usual_combination
from agp_tui.imitation.network_policy import NetworkPolicy
from agp_tui.imitation.trainer import Trainer
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.events import Table

STICKY = 0.25
"""Of the console in the games that compare, as is usual where scores are told."""
SEED = 700_000
MAX_SECONDS = 300.0


@dataclass(frozen=True)
class Compared:
    """Two models, and which is the better one."""

    by: str
    """`play` or `agreement`."""
    before: dict[str, float]
    after: dict[str, float]
    improved: bool

    def report(self) -> dict[str, Any]:
        """As plain data."""
        return {"by": self.by, "before": self.before, "after": self.after, "improved": self.improved}

    def table(self) -> Table:
        """For people."""
        rows: list[list[str | float | int | None]] = [
            [name, *figures.values()] for name, figures in (("before", self.before), ("after", self.after))
        ]
        return Table(title=f"Compared by {self.by}", columns=["", *self.before], rows=rows)


@dataclass(frozen=True)
class CheckpointSeat:
    """Puts a checkpoint's network into the driver's seat; can be sent to another process."""

    path: Path

    def __call__(self, game: Game) -> PolicyDriver:
        """A driver that plays this game."""
        import torch

        torch.set_num_threads(1)
        model = load_checkpoint(self.path)
        return PolicyDriver(NetworkPolicy(model.network(), model.keys, model.thresholds, model.fps))


def exam(model: Checkpoint, player: DriverFactory, games: int, seed: int, job: Job) -> ScoreSummary:
    """Whole games of a model's console by a player with its keys and rate, from this seed on."""
    place = GameSettings(keys=model.keys, fps=model.fps, sticky=STICKY)
    return play_episodes(
        AtariGameFactory(model.game, place),
        player,
        episodes=games,
        fps=model.fps,
        max_seconds=MAX_SECONDS,
        seed=seed,
        workers=min(games, available_cpus()),
        job=job,
    )


def by_play(before: Path, after: Path, games: int, job: Job) -> Compared | None:
    """Both checkpoints play the same games of their console; None where the job stops meanwhile."""
    model = load_checkpoint(after)
    found: list[ScoreSummary] = []
    for path in (before, after):
        found.append(exam(model, CheckpointSeat(path), games, SEED, job))
        if job.stopping:
            return None
    figures = [
        {"mean score": round(one.mean, 3), "low": round(one.low, 3), "high": round(one.high, 3)}
        for one in found
    ]
    return Compared("play", figures[0], figures[1], found[1].mean > found[0].mean)


def by_agreement(before: Path, after: Path, corrections: tuple[Path, ...], job: Job) -> Compared | None:
    """F1 of both on the newest part of what was shown, which neither learned from.

    The better one has the larger sum of F1 and F1 where the keys change. None where too little was shown,
    or the job stops meanwhile.
    """
    models = [load_checkpoint(path) for path in (before, after)]
    takes = takes_for(models[1], corrections)
    learned, held_out = divided(takes, 0, models[1].spec.segment)
    if not held_out or not learned:
        return None
    dataset = Dataset(takes, learned, held_out, segment=models[1].spec.segment)
    found = [_judged(model, dataset, job) for model in models]
    if found[0] is None or found[1] is None:
        return None
    figures = [
        {"F1": round(one.model.f1, 4), "F1 at changes": round(one.model.change_f1, 4)}
        for one in (found[0], found[1])
    ]
    sums = [sum(one.values()) for one in figures]
    return Compared("agreement", figures[0], figures[1], sums[1] > sums[0])


def _judged(model: Checkpoint, dataset: Dataset, job: Job) -> Report | None:
    trainer = Trainer(model.network(), TrainSettings(segment=model.spec.segment), model.keys)
    said = trainer.probabilities(dataset, dataset.validation, job)
    if said is None:
        return None
    return report(
        said,
        dataset.labels(dataset.validation),
        previous=dataset.previous(dataset.validation),
        most_frequent=usual_combination(dataset.labels(dataset.train)),
        keys=model.keys,
        thresholds=model.thresholds,
    )
