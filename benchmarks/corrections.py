"""What corrections are worth: a clone goes on with them, or with as much more of its expert's own play.

Both go on from the same clone, in rounds of as many games and as many minutes of training; only who plays
in them differs: the clone, corrected by the expert, or the expert, watched by the clone.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from agp_tui.config import GameSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.atari import AtariGameFactory, default_keys
from agp_tui.games.base import DriverFactory
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks.clones import FPS, SEGMENT, STICKY, CloneEntry, exam, mean_of, run_missing, told

DEMONSTRATIONS, GAMES = 4, 4
"""Recordings to begin with; games of each round."""
SEEDS_APART = 10_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """Scores of whole games, all from the same seeds."""

    entry: CloneEntry
    machine: str
    expert: tuple[float, ...]
    chance: tuple[float, ...]
    clone: tuple[float, ...]
    watched: tuple[float, ...]
    """After as much more of the expert's play."""
    corrected: tuple[float, ...]
    """After corrections."""


@dataclass(frozen=True)
class _Bench:
    entry: CloneEntry
    folder: Path
    games: AtariGameFactory
    job: Job

    def score(self, driver: DriverFactory) -> tuple[float, ...]:
        """Whole games of one player."""
        return exam(self.games, driver, self.entry, self.job)


def bench_corrections(entries: list[CloneEntry], kept: Path, machine: str, job: Job) -> list[Result]:
    """Every comparison, those that are kept already not run again; `machine` is named with each result.

    The games have a scripted expert.
    """
    return run_missing(entries, kept, Result, lambda entry: run_entry(entry, machine, job), _words, job)


def run_entry(entry: CloneEntry, machine: str, job: Job) -> Result | None:
    """One comparison, in a folder of its own that is gone afterwards; None where the job stops."""
    place = GameSettings(keys=default_keys(entry.game), fps=FPS, sticky=STICKY)
    games = AtariGameFactory(entry.game, place)
    with tempfile.TemporaryDirectory() as name:
        bench = _Bench(entry, Path(name), games, job)
        recordings = _demonstrate(bench)
        if job.stopping:
            return None
        clone = _clone(bench, recordings)
        watched = _go_on(bench, clone, recordings, watch_only=True)
        corrected = _go_on(bench, clone, recordings, watch_only=False)
        if job.stopping:
            return None
        from agp_tui.imitation.model_comparison import CheckpointDriverFactory

        return Result(
            entry=entry,
            machine=machine,
            expert=bench.score(expert_driver),
            chance=bench.score(random_driver),
            clone=bench.score(CheckpointDriverFactory(clone)),
            watched=bench.score(CheckpointDriverFactory(watched)),
            corrected=bench.score(CheckpointDriverFactory(corrected)),
        )


def _demonstrate(bench: _Bench) -> list[Path]:
    """The expert's recordings that the clone begins with."""
    from agp_tui.imitation.dagger import DaggerEpisode, DaggerWorkers

    seconds = bench.entry.demonstration * 60 / DEMONSTRATIONS
    first = bench.entry.seed * SEEDS_APART
    episodes = [
        DaggerEpisode(
            None, bench.games, expert_driver, bench.folder / "recordings", FPS, seconds, first + number
        )
        for number in range(DEMONSTRATIONS)
    ]
    with DaggerWorkers(available_cpus()) as games:
        return [one.recording for one in games.play(episodes, bench.job)]


def _clone(bench: _Bench, recordings: list[Path]) -> Path:
    """The checkpoint of a clone that has only watched."""
    from agp_tui.imitation.train import train_bc

    return train_bc(
        recordings,
        Run.create(bench.folder / "runs", "train", {}),
        bench.job.muted(),
        minutes=bench.entry.training,
        segment=SEGMENT,
        frame_size=bench.entry.frame_size,
        seed=bench.entry.seed,
    )


def _go_on(bench: _Bench, clone: Path, recordings: list[Path], *, watch_only: bool) -> Path:
    """The checkpoint after all rounds."""
    from agp_tui.imitation.dagger import DaggerConfig, continue_training

    entry = bench.entry
    folder = bench.folder / ("watched" if watch_only else "corrected")
    lesson = DaggerConfig(
        make_game=bench.games,
        make_teacher=expert_driver,
        recordings=folder / "recordings",
        rounds=entry.rounds,
        games=GAMES,
        game_seconds=entry.round_seconds / GAMES,
        minutes=entry.round_training,
        seed=entry.seed * SEEDS_APART + DEMONSTRATIONS,
        teacher_plays=watch_only,
    )
    rounds = continue_training(clone, recordings, lesson, folder, bench.job.muted(), seed=entry.seed)
    return rounds[-1].checkpoint if rounds else clone


def table(results: list[Result]) -> Table:
    """A row for each game and seed, and one over the seeds of a game: what corrections gained more."""
    rows: list[list[str | float | int | None]] = []
    for game in sorted({one.entry.game for one in results}):
        of_it = [one for one in results if one.entry.game == game]
        for one in of_it:
            scores = (one.chance, one.clone, one.watched, one.corrected, one.expert)
            gain = mean_of(one.corrected) - mean_of(one.watched)
            rows.append([short_name(game), one.entry.seed, *map(told, scores), round(gain, 1)])
        gains = tuple(mean_of(one.corrected) - mean_of(one.watched) for one in of_it)
        rows.append([short_name(game), "all", *[None] * 5, str(bootstrap_interval(gains))])
    columns = ["game", "seed", "random", "clone", "more of the expert", "corrections", "expert", "gain"]
    return Table(title="As much more of the expert's play, or corrections", columns=columns, rows=rows)


def _words(one: Result) -> str:
    return (
        f"{one.entry.game} seed {one.entry.seed}: clone {mean_of(one.clone):.1f}, more of the expert "
        f"{mean_of(one.watched):.1f}, corrections {mean_of(one.corrected):.1f}"
    )
