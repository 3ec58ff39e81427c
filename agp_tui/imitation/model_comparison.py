"""Compare a model before and after training on corrections: by score, or by F1 on held-out corrections."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.config import GameSettings, TrainSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.evaluation.rollouts import ScoreSummary, play_episodes
from agp_tui.games.atari import AtariGameFactory
from agp_tui.games.base import DriverFactory, Game
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.dataset import Dataset, open_clips_for
from agp_tui.imitation.metrics import F1Scores, majority_combination, validation_report
from agp_tui.imitation.network_policy import NetworkPolicy
from agp_tui.imitation.train_validation_split import split_newest
from agp_tui.imitation.trainer import Trainer
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.events import Table

STICKY = 0.25
"""Sticky-action probability in evaluation games, the usual protocol."""
SEED = 700_000
MAX_SECONDS = 300.0


@dataclass(frozen=True)
class ModelComparison:
    """Two models and whether the second one is better. The field names are those of the JSON report."""

    by: str
    """`play` or `agreement`."""
    before: dict[str, float]
    after: dict[str, float]
    improved: bool

    def table(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            [name, *figures.values()] for name, figures in (("before", self.before), ("after", self.after))
        ]
        return Table(title=f"Compared by {self.by}", columns=["", *self.before], rows=rows)


@dataclass(frozen=True)
class CheckpointDriverFactory:
    """Makes drivers that play with a checkpoint's network; picklable."""

    path: Path

    def __call__(self, game: Game) -> PolicyDriver:
        import torch

        torch.set_num_threads(1)
        model = load_checkpoint(self.path)
        return PolicyDriver(NetworkPolicy(model.network(), model.keys, model.thresholds, model.fps))


def evaluate_in_game(
    model: Checkpoint, driver: DriverFactory, games: int, seed: int, job: Job
) -> ScoreSummary:
    """Scores of whole games of a model's Atari game, with its keys and frame rate, from seed `seed` on."""
    settings = GameSettings(keys=model.keys, fps=model.fps, sticky=STICKY)
    return play_episodes(
        AtariGameFactory(model.game, settings),
        driver,
        episodes=games,
        fps=model.fps,
        max_seconds=MAX_SECONDS,
        seed=seed,
        workers=min(games, available_cpus()),
        job=job,
    )


def compare_by_play(before: Path, after: Path, games: int, job: Job) -> ModelComparison | None:
    """Compare checkpoints by mean score in the same games; None if the job is stopped."""
    model = load_checkpoint(after)
    scores: list[ScoreSummary] = []
    for path in (before, after):
        scores.append(evaluate_in_game(model, CheckpointDriverFactory(path), games, SEED, job))
        if job.stopping:
            return None
    figures = [
        {"mean score": round(one.mean, 3), "low": round(one.low, 3), "high": round(one.high, 3)}
        for one in scores
    ]
    return ModelComparison("play", figures[0], figures[1], scores[1].mean > scores[0].mean)


def compare_by_agreement(
    before: Path, after: Path, corrections: tuple[Path, ...], job: Job
) -> ModelComparison | None:
    """Compare checkpoints by F1 plus F1 at changes on the newest corrections, which neither was trained on.

    None if there are too few corrections, or the job is stopped.
    """
    models = [load_checkpoint(path) for path in (before, after)]
    segment = models[1].spec.segment
    clips = open_clips_for(models[1], corrections)
    train, held_out = split_newest(clips, 0, segment)
    if not held_out or not train:
        return None
    dataset = Dataset(clips, train, held_out, segment=segment)
    figures: list[dict[str, float]] = []
    for model in models:
        scores = _evaluate(model, dataset, job)
        if scores is None:
            return None
        figures.append({"F1": round(scores.f1, 4), "F1 at changes": round(scores.change_f1, 4)})
    sums = [sum(one.values()) for one in figures]
    return ModelComparison("agreement", figures[0], figures[1], sums[1] > sums[0])


def _evaluate(model: Checkpoint, dataset: Dataset, job: Job) -> F1Scores | None:
    trainer = Trainer(model.network(), TrainSettings(segment=model.spec.segment), model.keys)
    probabilities = trainer.probabilities(dataset, dataset.validation, job)
    if probabilities is None:
        return None
    return validation_report(
        probabilities,
        dataset.labels(dataset.validation),
        thresholds=model.thresholds,
        previous=dataset.previous(dataset.validation),
        majority=majority_combination(dataset.labels(dataset.train)),
        keys=model.keys,
    ).model
