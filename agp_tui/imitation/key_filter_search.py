"""Whether a model plays better with a steadier hand: on held-out frames, then by play."""

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
from agp_tui.imitation.dataset import held_out
from agp_tui.imitation.metrics import macro_f1
from agp_tui.imitation.model_comparison import exam
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
"""What is tried."""
PLAYED = 3
"""So many of them, the best on the held-out frames, are tried by play."""
SEED = 800_000
"""Of the first game; games that choose and games that confirm are different ones."""


@dataclass(frozen=True)
class OnFrames:
    """One way of holding on the held-out frames."""

    filter_config: KeyFilterConfig
    f1: float
    change_f1: float
    """Where the keys change."""
    changes: float
    """Of its keys, a second."""

    @property
    def score(self) -> float:
        """What they are ordered by, as the epochs of a training are."""
        return (self.f1 + self.change_f1) / 2


@dataclass(frozen=True)
class Frames:
    """All ways on the held-out frames, and how often who was recorded changes keys, a second."""

    found: tuple[OnFrames, ...]
    changes: float

    def table(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            [str(one.filter_config), round(one.f1, 4), round(one.change_f1, 4), round(one.changes, 2)]
            for one in self.found
        ]
        rows.append(["who was recorded", None, None, round(self.changes, 2)])
        columns = ["keys held", "F1", "F1 at changes", "changes a second"]
        return Table(title="On the held-out frames", columns=columns, rows=rows)


@dataclass(frozen=True)
class Games:
    """All ways that were played, on the same games, and the best of them beside the plain one on others."""

    tried: tuple[tuple[KeyFilterConfig, ScoreSummary], ...]
    best: KeyFilterConfig
    plain: ScoreSummary
    confirmed: ScoreSummary
    gain: Interval = field(default=Interval(0.0, 0.0, 0.0))
    """95 % interval of what the best gains over the plain one, game by game."""

    @property
    def helps(self) -> bool:
        """Whether it plays better beyond doubt."""
        return self.best != UNFILTERED and self.gain.low > 0

    def table(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            ["to choose", str(one), *_figures(scores)] for one, scores in self.tried
        ]
        if self.best != UNFILTERED:
            rows.append(["to confirm", str(UNFILTERED), *_figures(self.plain)])
            rows.append(["to confirm", str(self.best), *_figures(self.confirmed)])
        columns = ["games", "keys held", "mean score", "95 %", "of games"]
        return Table(title="By play", columns=columns, rows=rows)


@dataclass(frozen=True)
class FilteredDriverFactory:
    """Puts a model into the driver's seat that holds its keys so; can be sent to another process."""

    model: Path
    filter_config: KeyFilterConfig

    def __call__(self, game: Game) -> PolicyDriver:
        """A driver that plays this game."""
        one = self.filter_config
        settings = PlaySettings(hysteresis=one.hysteresis, min_hold=one.min_hold, smoothing=one.smoothing)
        return PolicyDriver(load_policy(self.model, settings, keys=game.keys))


@dataclass
class _Said:
    """A checkpoint's word on a stretch of frames; what `filter_sequence` takes."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    filter_config: KeyFilterConfig


def on_frames(source: Checkpoint, job: Job) -> Frames | None:
    """Every way on what was held out; None where that is not here any more, or the job stops."""
    dataset = held_out(source)
    if dataset is None:
        return None
    trainer = Trainer(source.network(), TrainSettings(segment=source.spec.segment), source.keys)
    said: list[NDArray[np.float32]] = []
    for span in dataset.validation:
        rows = trainer.probabilities(dataset, [span], job)
        if rows is None:
            return None
        said.append(rows)
    labels = [dataset.labels([span]) for span in dataset.validation]
    truth = np.concatenate(labels)
    changed = (truth != dataset.previous(dataset.validation)).any(axis=1)
    seconds = len(truth) / source.fps
    thresholds = np.array(source.thresholds, np.float32)
    found = []
    for one in CANDIDATES:
        held = [filter_sequence(_Said(source.keys, thresholds, one), rows) for rows in said]
        keys = np.concatenate(held)
        found.append(
            OnFrames(
                one, macro_f1(keys, truth), macro_f1(keys[changed], truth[changed]), _changes(held) / seconds
            )
        )
    return Frames(tuple(found), _changes(labels) / seconds)


def by_play(
    model: Path, source: Checkpoint, candidates: Sequence[KeyFilterConfig], games: int, job: Job
) -> Games | None:
    """The plain way and these play the same games, the best is confirmed on others; None where stopped."""

    def scores(one: KeyFilterConfig, seed: int) -> ScoreSummary:
        return exam(source, FilteredDriverFactory(model, one), games, seed, job)

    tried = []
    for one in (UNFILTERED, *candidates):
        tried.append((one, scores(one, SEED)))
        if job.stopping:
            return None
        job.note(f"{one}: {tried[-1][1].mean:.1f} on average.")
    best, chosen = max(tried, key=lambda pair: pair[1].mean)
    if best == UNFILTERED:
        return Games(tuple(tried), UNFILTERED, chosen, chosen)
    plain, confirmed = (scores(one, SEED + games) for one in (UNFILTERED, best))
    if job.stopping:
        return None
    gain = tuple(after - before for before, after in zip(plain.scores, confirmed.scores, strict=True))
    return Games(tuple(tried), best, plain, confirmed, bootstrap_interval(gain))


def _changes(rows: Sequence[NDArray[np.bool_]]) -> int:
    """Presses and releases in stretches of (N, keys)."""
    return sum(int((one[1:] != one[:-1]).sum()) for one in rows)


def _figures(scores: ScoreSummary) -> list[str | float | int | None]:
    return [round(scores.mean, 2), f"{scores.low:.1f} to {scores.high:.1f}", len(scores.scores)]
