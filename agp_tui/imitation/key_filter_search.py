"""Search a key filter (hysteresis, minimum hold, smoothing) for a model: on held-out frames, then by play."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PlaySettings, TrainSettings
from agp_tui.engine.job import Job
from agp_tui.evaluation.rollouts import ScoreSummary
from agp_tui.evaluation.statistics import Interval, bootstrap_interval
from agp_tui.games.base import Game
from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.dataset import held_out_dataset
from agp_tui.imitation.metrics import macro_f1
from agp_tui.imitation.model_comparison import evaluate_in_game
from agp_tui.imitation.trainer import Trainer
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig, filter_sequence
from agp_tui.models.loading import load_policy
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.events import Table

CANDIDATES = (
    UNFILTERED,
    KeyFilterConfig(hysteresis=0.1),
    KeyFilterConfig(hysteresis=0.2),
    KeyFilterConfig(min_hold=2),
    KeyFilterConfig(min_hold=4),
    KeyFilterConfig(smoothing=0.3),
    KeyFilterConfig(smoothing=0.5),
    KeyFilterConfig(hysteresis=0.1, min_hold=3),
)
PLAYED = 3
"""Number of candidates, the best on held-out frames, that are evaluated by play."""
SEED = 800_000
"""Seed of the first game. The games that confirm the choice are not those that made it."""


@dataclass(frozen=True)
class FilterScore:
    """A key filter on the held-out frames."""

    filter_config: KeyFilterConfig
    f1: float
    change_f1: float
    """At the positions where the keys change."""
    changes: float
    """Key changes per second."""

    @property
    def score(self) -> float:
        """The ranking criterion, the same as for the best checkpoint of a training."""
        return (self.f1 + self.change_f1) / 2


@dataclass(frozen=True)
class HeldOutSearch:
    """All candidates on the held-out frames."""

    scores: tuple[FilterScore, ...]
    changes: float
    """Key changes per second of the recorded player."""

    def table(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            [str(one.filter_config), round(one.f1, 4), round(one.change_f1, 4), round(one.changes, 2)]
            for one in self.scores
        ]
        rows.append(["recorded player", None, None, round(self.changes, 2)])
        columns = ["keys held", "F1", "F1 at changes", "changes a second"]
        return Table(title="On the held-out frames", columns=columns, rows=rows)


@dataclass(frozen=True)
class PlaySearch:
    """Candidates evaluated in the same games; the best one is confirmed against no filter in other games."""

    tried: tuple[tuple[KeyFilterConfig, ScoreSummary], ...]
    best: KeyFilterConfig
    unfiltered: ScoreSummary
    confirmed: ScoreSummary
    gain: Interval = field(default=Interval(0.0, 0.0, 0.0))
    """Mean gain of the best one per game."""

    @property
    def helps(self) -> bool:
        """Whether the gain is significant."""
        return self.best != UNFILTERED and self.gain.low > 0

    def table(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            ["to choose", str(one), *_score_cells(scores)] for one, scores in self.tried
        ]
        if self.best != UNFILTERED:
            rows.append(["to confirm", str(UNFILTERED), *_score_cells(self.unfiltered)])
            rows.append(["to confirm", str(self.best), *_score_cells(self.confirmed)])
        columns = ["games", "keys held", "mean score", "95 %", "of games"]
        return Table(title="By play", columns=columns, rows=rows)


@dataclass(frozen=True)
class FilteredDriverFactory:
    """Makes drivers that play a model with this key filter; picklable."""

    model: Path
    filter_config: KeyFilterConfig

    def __call__(self, game: Game) -> PolicyDriver:
        one = self.filter_config
        settings = PlaySettings(hysteresis=one.hysteresis, min_hold=one.min_hold, smoothing=one.smoothing)
        return PolicyDriver(load_policy(self.model, settings, keys=game.keys))


@dataclass
class _FilteredPolicy:
    """The argument of `filter_sequence`."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    filter_config: KeyFilterConfig


def search_on_held_out(source: Checkpoint, job: Job) -> HeldOutSearch | None:
    """Evaluate all candidates on the held-out frames; None if those are gone or the job is stopped."""
    dataset = held_out_dataset(source)
    if dataset is None:
        return None
    trainer = Trainer(source.network(), TrainSettings(segment=source.spec.segment), source.keys)
    probabilities: list[NDArray[np.float32]] = []
    for r in dataset.validation:
        rows = trainer.probabilities(dataset, [r], job)
        if rows is None:
            return None
        probabilities.append(rows)
    labels = [dataset.labels([r]) for r in dataset.validation]
    truth = np.concatenate(labels)
    changed = (truth != dataset.previous(dataset.validation)).any(axis=1)
    seconds = len(truth) / source.fps
    thresholds = np.array(source.thresholds, np.float32)
    scores = []
    for one in CANDIDATES:
        policy = _FilteredPolicy(source.keys, thresholds, one)
        filtered = [filter_sequence(policy, rows) for rows in probabilities]
        keys = np.concatenate(filtered)
        change_f1 = macro_f1(keys[changed], truth[changed])
        scores.append(FilterScore(one, macro_f1(keys, truth), change_f1, _count_changes(filtered) / seconds))
    return HeldOutSearch(tuple(scores), _count_changes(labels) / seconds)


def search_by_play(
    model: Path, source: Checkpoint, candidates: Sequence[KeyFilterConfig], games: int, job: Job
) -> PlaySearch | None:
    """Evaluate no filter and `candidates` by their scores in whole games; None if the job is stopped."""

    def scores(one: KeyFilterConfig, seed: int) -> ScoreSummary:
        return evaluate_in_game(source, FilteredDriverFactory(model, one), games, seed, job)

    tried = []
    for one in (UNFILTERED, *candidates):
        tried.append((one, scores(one, SEED)))
        if job.stopping:
            return None
        job.note(f"{one}: mean score {tried[-1][1].mean:.1f}.")
    best, best_scores = max(tried, key=lambda pair: pair[1].mean)
    if best == UNFILTERED:
        return PlaySearch(tuple(tried), UNFILTERED, best_scores, best_scores)
    unfiltered, confirmed = (scores(one, SEED + games) for one in (UNFILTERED, best))
    if job.stopping:
        return None
    gains = tuple(after - before for before, after in zip(unfiltered.scores, confirmed.scores, strict=True))
    return PlaySearch(tuple(tried), best, unfiltered, confirmed, bootstrap_interval(gains))


def _count_changes(sequences: Sequence[NDArray[np.bool_]]) -> int:
    """Number of presses and releases in sequences (N, keys)."""
    return sum(int((one[1:] != one[:-1]).sum()) for one in sequences)


def _score_cells(scores: ScoreSummary) -> list[str | float | int | None]:
    return [round(scores.mean, 2), f"{scores.low:.1f} to {scores.high:.1f}", len(scores.scores)]
