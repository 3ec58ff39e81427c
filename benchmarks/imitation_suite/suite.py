"""The benchmark `agp bench imitate`: people-like demonstrations of several games, clones, and their scores.

A folder keeps the demonstrations, the drives of the reference players and the models, so that trainings with
other options reuse them.
"""

import hashlib
import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agp_tui.bench.registry import machine
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.evaluation.statistics import Interval, bootstrap_interval
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import TrainingResult
from benchmarks.command_runner import CommandRunner, commands_in
from benchmarks.imitation_suite.atari import ATARI_GAMES
from benchmarks.imitation_suite.base import Reference, Session, SuiteGame
from benchmarks.imitation_suite.brickout import Brickout
from benchmarks.imitation_suite.carracing import CarRacing
from benchmarks.imitation_suite.pyracerz import Pyracerz
from benchmarks.imitation_suite.solarwolf import SolarWolf
from benchmarks.imitation_suite.trex import Trex
from benchmarks.results import run_missing

GAMES: dict[str, SuiteGame] = {
    game.name: game for game in (Pyracerz(), CarRacing(), SolarWolf(), Trex(), Brickout(), *ATARI_GAMES)
}
"""The suite, by name."""
CUTS = (1.0, 2.0, 5.0, 10.0)
"""Minutes at which demonstrations are cut into recordings, so that shorter ones are a part of longer ones."""
DRIVE_SEED, DEMONSTRATION_SEED = 500_000, 1_000

Scores = tuple[float, ...]
Row = list[str | float | int | None]


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """A piece of a game's demonstration, which is one recording; times in minutes."""

    game: str
    start: float
    end: float
    record_options: str = ""
    """Further flags of `agp record`."""


@dataclass(frozen=True, kw_only=True)
class DemonstrationResult:
    """A recorded piece."""

    entry: Demonstration
    recording: str
    """Its folder."""


@dataclass(frozen=True, kw_only=True)
class ReferenceDrives:
    """Drives of a reference player."""

    game: str
    player: Reference
    drives: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ReferenceResult:
    """Raw scores of the drives."""

    entry: ReferenceDrives
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class Training:
    """A model that learns from the first `minutes` of a game's demonstration."""

    game: str
    minutes: float
    seed: int
    label: str
    """The version that trains and plays."""
    frame_size: int
    """Side of its frames, in pixels."""
    train_options: str
    """Further flags of `agp train`."""
    record_options: str = ""
    """Further flags of `agp record` for its demonstration."""

    @property
    def model_name(self) -> str:
        """The name of the model in the folder of the suite."""
        words = f"{self.label} {self.frame_size} {self.train_options}"
        words += f" {self.record_options}" if self.record_options else ""
        digest = hashlib.sha256(words.encode()).hexdigest()[:8]
        return f"{self.game}-{self.minutes:g}min-seed{self.seed}-{digest}"


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    """The trained model."""

    entry: Training
    model: str
    """Its folder."""
    seconds: float
    why: str
    """Why the training ended: `epochs`, `minutes`, `patience`."""
    validation: dict[str, Any]
    """Figures of the validation, as in `agp train --json`; empty if nothing was held out."""


@dataclass(frozen=True, kw_only=True)
class ImitationEntry:
    """A training, and the drives that score its model."""

    training: Training
    drives: int
    drive_seconds: float


@dataclass(frozen=True, kw_only=True)
class ImitationResult:
    """Raw scores of drives; those with the same number have the same game for each player."""

    entry: ImitationEntry
    machine: str
    clone: Scores
    demonstrator: Scores
    constant: Scores
    outcome: TrainingOutcome

    @property
    def normalised(self) -> Scores:
        """The scores with the constant keys as 0 and the demonstrator as 1."""
        return normalised(self.clone, self.constant, self.demonstrator)


def normalised(scores: Scores, constant: Scores, demonstrator: Scores) -> Scores:
    """Scores with the mean of `constant` as 0 and that of `demonstrator` as 1; NaN if these are equal."""
    low, high = float(np.mean(constant)), float(np.mean(demonstrator))
    return tuple((score - low) / (high - low) if high != low else float("nan") for score in scores)


def suite_games(names: Sequence[str]) -> list[SuiteGame]:
    """The games of these names. Raises `SettingError` for an unknown one, `MissingPart` if not installed."""
    for name in names:
        if name not in GAMES:
            raise SettingError(f"Expected games of {', '.join(GAMES)}, found {name!r}.")
        GAMES[name].require()
    return [GAMES[name] for name in names]


def pieces(
    game: str, minutes: float, cuts: Sequence[float] = CUTS, record_options: str = ""
) -> list[Demonstration]:
    """The recordings that make up the first `minutes` of the demonstration."""
    ends = [*(cut for cut in cuts if cut < minutes), minutes]
    return [
        Demonstration(game=game, start=start, end=end, record_options=record_options)
        for start, end in zip([0.0, *ends], ends, strict=False)
    ]


def bench_imitation(
    entries: list[ImitationEntry], folder: Path, path: Path, job: Job
) -> list[ImitationResult]:
    """Run the entries without a result in `path`, in `folder`.

    Raises `MissingPart` if a game is not installed, `JobFailed` if a command fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suite_games([entry.training.game for entry in entries])
    with commands_in(folder, job) as commands:
        suite = _Suite(folder, commands, job)
        return run_missing(entries, path, ImitationResult, suite.run, _describe, job)


class _Suite:
    """Runs entries in a folder."""

    def __init__(self, folder: Path, commands: CommandRunner, job: Job) -> None:
        self._folder = folder
        self._commands = commands
        self._job = job

    def run(self, entry: ImitationEntry) -> ImitationResult | None:
        """One entry; None if the job is stopped."""
        constant = self._reference(entry, "constant")
        demonstrator = self._reference(entry, "demonstrator")
        file = self._folder / "trainings.jsonl"
        trained = run_missing(
            [entry.training], file, TrainingOutcome, self._train, _describe_training, self._job
        )
        if self._commands.stopped or not trained:
            return None
        with self._session(entry.training.game) as session:
            clone = self._drives(session, Path(trained[0].model), entry.drives, entry.drive_seconds)
        if clone is None:
            return None
        return ImitationResult(
            entry=entry,
            machine=machine(),
            clone=clone,
            demonstrator=demonstrator,
            constant=constant,
            outcome=trained[0],
        )

    def _train(self, training: Training) -> TrainingOutcome | None:
        wanted = pieces(training.game, training.minutes, record_options=training.record_options)
        file = self._folder / "demonstrations.jsonl"
        recorded = run_missing(wanted, file, DemonstrationResult, self._record, _describe_piece, self._job)
        if self._commands.stopped:
            return None
        finished = self._commands.run(
            "train", "--game", GAMES[training.game].game_id, "--name", training.model_name,
            "--recordings", ",".join(one.recording for one in recorded),
            "--frame-size", str(training.frame_size), "--seed", str(training.seed),
            *shlex.split(training.train_options),
        )  # fmt: skip
        if finished is None or finished.model is None:
            return None
        report = finished.result(TrainingResult) or TrainingResult()
        return TrainingOutcome(
            entry=training,
            model=finished.model,
            seconds=finished.seconds or 0.0,
            why=report.why,
            validation=report.validation,
        )

    def _record(self, piece: Demonstration) -> DemonstrationResult | None:
        seed = DEMONSTRATION_SEED + round(60 * piece.start)
        with self._session(piece.game) as session:
            options = shlex.split(piece.record_options)
            recording = session.record(60 * (piece.end - piece.start), seed, *options)
        return DemonstrationResult(entry=piece, recording=str(recording)) if recording else None

    def _reference(self, entry: ImitationEntry, player: Reference) -> Scores:
        drives = ReferenceDrives(
            game=entry.training.game, player=player, drives=entry.drives, seconds=entry.drive_seconds
        )
        file = self._folder / "references.jsonl"
        found = run_missing(
            [drives], file, ReferenceResult, self._drive_reference, _describe_drives, self._job
        )
        return found[0].scores if found else ()

    def _drive_reference(self, entry: ReferenceDrives) -> ReferenceResult | None:
        with self._session(entry.game) as session:
            scores = self._drives(session, entry.player, entry.drives, entry.seconds)
        return ReferenceResult(entry=entry, scores=scores) if scores else None

    def _drives(
        self, session: Session, player: Reference | Path, drives: int, seconds: float
    ) -> Scores | None:
        scores: list[float] = []
        for number in range(drives):
            score = session.drive(player, seconds, DRIVE_SEED + number)
            if score is None:
                return None
            scores.append(score)
        return tuple(scores)

    def _session(self, game: str) -> AbstractContextManager[Session]:
        return GAMES[game].session(self._commands)


def _describe(result: ImitationResult) -> str:
    training = result.entry.training
    return (
        f"{training.game}, {training.minutes:g} minutes, seed {training.seed}: "
        f"{_interval(result.normalised)} of the demonstrator"
    )


def _describe_training(outcome: TrainingOutcome) -> str:
    return f"{outcome.entry.model_name}: trained in {outcome.seconds:.0f} seconds"


def _describe_piece(result: DemonstrationResult) -> str:
    piece = result.entry
    return f"{piece.game}: recorded minutes {piece.start:g} to {piece.end:g}"


def _describe_drives(result: ReferenceResult) -> str:
    return f"{result.entry.game}, {result.entry.player}: {_raw(result.scores)}"


def _interval(scores: Scores) -> str:
    found: Interval = bootstrap_interval(scores)
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _raw(scores: Scores) -> str:
    return f"{np.mean(scores):.3g}"


def imitation_table(results: list[ImitationResult]) -> Table:
    """A row per game and version; a column per length of the demonstration, over all seeds and drives."""
    minutes = sorted({result.entry.training.minutes for result in results})
    groups: dict[Training, list[ImitationResult]] = {}
    for result in results:
        groups.setdefault(replace(result.entry.training, minutes=0.0, seed=0), []).append(result)
    rows: list[Row] = []
    for training, found in groups.items():
        cells = [[one for one in found if one.entry.training.minutes == length] for length in minutes]
        rows.append(
            [
                training.game,
                training_text(training),
                len({one.entry.training.seed for one in found}),
                _raw(found[0].constant),
                _raw(found[0].demonstrator),
                *(_interval(sum((one.normalised for one in cell), ())) if cell else None for cell in cells),
            ]
        )
    columns = ["game", "training", "seeds", "constant keys", "demonstrator"]
    columns += [f"{length:g} min" for length in minutes]
    return Table(title="Scores of clones: 0 constant keys, 1 demonstrator", columns=columns, rows=rows)


def training_text(training: Training) -> str:
    """Version, frame size and further options of a training, and those of its demonstration."""
    options = f" {training.train_options}" if training.train_options else ""
    recorded = f", recorded with {training.record_options}" if training.record_options else ""
    return f"{training.label}, {training.frame_size} px{options}{recorded}"
