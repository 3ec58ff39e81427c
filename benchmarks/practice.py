"""How far a clone comes by practice: our own commands one after another, as a person would run them.

`agp record --by expert`, `agp train`, `agp practice` and, on request, `agp models steady`, in a folder of
their own.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from agp_tui.config import GameSettings
from agp_tui.engine.job import Job
from agp_tui.games.atari import AtariGameFactory, default_keys
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import PracticeResult, SteadyResult
from benchmarks.clones import FPS, SEGMENT, STICKY, CloneEntry, exam, mean_of, run_missing, told
from benchmarks.commands import Commands

POLL_SECONDS = 0.2
CLONE, PRACTISED = "clone", "practised"


@dataclass(frozen=True, kw_only=True)
class Entry(CloneEntry):
    """One clone and its practice."""

    patience: int
    network: Literal["small", "large"] = "small"
    motion: bool = False
    """Whether the clone sees motion beside the frames."""
    shift: int = 0
    """Pixels by which its windows are shifted at most in training."""
    steady_games: int
    """By which steadier hands are tried; 0: not at all."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Scores of whole games: of the rounds' own, and of an exam from the same seeds for everybody."""

    entry: Entry
    machine: str
    rounds: tuple[tuple[float, ...], ...]
    """Of each round, the games of the model as it was at its beginning."""
    best_round: int
    mean_of: int = 1
    """Where it is more, the last round's model was the mean of the networks of so many rounds."""
    expert: tuple[float, ...]
    chance: tuple[float, ...]
    clone: tuple[float, ...]
    best: tuple[float, ...]
    steady: dict[str, Any] | None = None
    """What `agp models steady` found for the practised model."""

    @property
    def way(self) -> float:
        """How much of the way from chance to the expert the best model has come; NaN where there is none."""
        chance, expert = mean_of(self.chance), mean_of(self.expert)
        return (mean_of(self.best) - chance) / (expert - chance) if expert != chance else float("nan")


def bench_practice(entries: list[Entry], kept: Path, machine: str, job: Job) -> list[Result]:
    """Every practice, those that are kept already not run again; `machine` is named with each result.

    The games have a scripted expert. Raises `JobFailed` where a command fails.
    """
    return run_missing(entries, kept, Result, lambda entry: run_entry(entry, machine, job), _words, job)


def run_entry(entry: Entry, machine: str, job: Job) -> Result | None:
    """One clone and its practice; None where the job stops. What was made on the way is gone afterwards."""
    with tempfile.TemporaryDirectory() as name, _stopping_with(job, Commands(Path(name))) as commands:
        same = ("--game", entry.game, "--frame-size", str(entry.frame_size), "--seed", str(entry.seed))
        shown = commands.run(
            "record", *same, "--by", "expert", "--fast", "--sticky", str(STICKY), "--fps", str(FPS),
            "--seconds", f"{entry.demonstration * 60:g}",
        )  # fmt: skip
        trained = shown and commands.run(
            "train", *same, "--model", entry.network, "--name", CLONE, "--segment", str(SEGMENT),
            "--minutes", f"{entry.training:g}",
            "--epochs", "1000", "--patience", "1000", "--batch", "16", "--stretch", "16",
            "--learning-rate", "0.002", "--shift", str(entry.shift),
            *(["--motion"] if entry.motion else []),
        )  # fmt: skip
        practised = trained and commands.run(
            "practice", CLONE, "--name", PRACTISED, "--rounds", str(entry.rounds), "--sticky", str(STICKY),
            "--round-seconds", f"{entry.round_seconds:g}", "--minutes-per-round", f"{entry.round_training:g}",
            "--patience", str(entry.patience),
        )  # fmt: skip
        if not (trained and practised and trained.checkpoint and practised.checkpoint):
            return None
        steady: dict[str, Any] | None = None
        if entry.steady_games:
            steadied = commands.run("models", "steady", PRACTISED, "--games", str(entry.steady_games))
            steady = msgspec.to_builtins(steadied.result(SteadyResult)) if steadied else None
        from agp_tui.imitation.model_comparison import CheckpointDriverFactory

        place = GameSettings(keys=default_keys(entry.game), fps=FPS, sticky=STICKY)
        clone, best = (
            CheckpointDriverFactory(Path(trained.checkpoint)),
            CheckpointDriverFactory(Path(practised.checkpoint)),
        )
        scores = [
            exam(AtariGameFactory(entry.game, place), player, entry, job)
            for player in (expert_driver, random_driver, clone, best)
        ]
        if job.stopping:
            return None
        rounds = practised.result(PracticeResult) or PracticeResult()
        return Result(
            entry=entry,
            machine=machine,
            rounds=tuple(tuple(games) for games in rounds.games),
            best_round=rounds.best_round,
            mean_of=rounds.mean_of,
            expert=scores[0],
            chance=scores[1],
            clone=scores[2],
            best=scores[3],
            steady=steady,
        )


@contextmanager
def _stopping_with(job: Job, commands: Commands) -> Iterator[Commands]:
    """The commands are told to stop when the job is."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_SECONDS):
            if job.stopping:
                commands.end()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield commands
    finally:
        over.set()
        watcher.join()
        commands.end()


def _words(one: Result) -> str:
    return f"{one.entry.game} seed {one.entry.seed}: {one.way:.2f} of the way"


def table(results: list[Result]) -> Table:
    """A row for each clone: from random play to its expert, and how much of that way it came."""
    rows: list[list[str | float | int | None]] = []
    for one in results:
        scores = (one.chance, one.clone, one.best, one.expert)
        rows.append(
            [
                short_name(one.entry.game),
                one.entry.seed,
                seen(one.entry),
                *map(told, scores),
                _round(one, one.best_round),
                f"{one.way:.2f}",
            ]
        )
    columns = [
        "game",
        "seed",
        "sees",
        "random",
        "clone",
        "practised",
        "expert",
        "after rounds",
        "of the way",
    ]
    return Table(title="From a clone to its best, by whole games", columns=columns, rows=rows)


def seen(entry: Entry) -> str:
    """What its clone sees."""
    more = [" with motion" if entry.motion else "", ", large network" if entry.network == "large" else ""]
    return f"{entry.frame_size} pixels{''.join(more)}"


def _round(one: Result, number: int) -> str | int:
    by_mean = one.mean_of > 1 and number == len(one.rounds) - 1
    return f"mean of {one.mean_of}" if by_mean else number


def rounds_table(one: Result) -> Table:
    """The scores of the rounds' own games."""
    rows: list[list[str | float | int | None]] = []
    for number, scores in enumerate(one.rounds):
        rows.append([_round(one, number), told(scores), " ".join(f"{score:g}" for score in scores)])
    title = f"{short_name(one.entry.game)}, seed {one.entry.seed}, {seen(one.entry)}"
    return Table(title=title, columns=["after round", "mean score, 95 %", "games"], rows=rows)


def steadied_table(results: list[Result]) -> Table:
    """What holding keys in another way gained the practised models."""
    rows: list[list[str | float | int | None]] = []
    for one in results:
        if (found := one.steady) is None:
            continue
        gain = f"{found['gain_low']:.1f} to {found['gain_high']:.1f}" if "gain_low" in found else None
        before, after = (found.get(name, {}).get("score_mean") for name in ("before", "after"))
        rows.append(
            [short_name(one.entry.game), one.entry.seed, found.get("tried"), before, after, gain,
             "kept" if found.get("helps") else "off"]
        )  # fmt: skip
    columns = ["game", "seed", "the best that was tried", "as it was", "steadier", "gain, 95 %", ""]
    return Table(title="Steadier hands", columns=columns, rows=rows)
