"""Benchmarks of DAgger after behaviour cloning of scripted experts: `agp bench corrections` and `practice`.

`corrections` continues the training of a model with the expert's corrections, and with the same amount of
further demonstrations. `practice` runs `agp record --by expert`, `agp train`, `agp practice` and optionally
`agp models steady` one after another.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from agp_tui.bench.registry import machine
from agp_tui.config import GameSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.evaluation.rollouts import play_episodes
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.atari import AtariGameFactory, default_keys
from agp_tui.games.base import DriverFactory
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import PracticeResult, SteadyResult
from benchmarks.command_runner import commands_in
from benchmarks.results import run_missing

FPS, SEGMENT, STICKY = 30, 4, 0.25
"""As in the demo."""
EVALUATION_SEED = 500_000
DEMONSTRATIONS, GAMES = 4, 4
"""Initial recordings; episodes per round."""
SEED_STRIDE = 10_000
CLONE, PRACTISED = "clone", "practised"

Row = list[str | float | int | None]
Scores = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class CloneEntry:
    """A behaviour-cloned model and the continuation of its training."""

    game: str
    seed: int
    frame_size: int
    """Side of its frames, in pixels."""
    demonstration: float
    """Minutes of expert demonstrations for the initial model."""
    training: float
    """Minutes of training of the initial model."""
    rounds: int
    round_seconds: float
    """Seconds of play per round, summed over its episodes."""
    round_training: float
    """Minutes of training after the first round; later rounds may have more."""
    episodes: int
    """Episodes to evaluate each player."""
    game_seconds: float
    """Evaluation episodes that last longer are truncated."""


@dataclass(frozen=True, kw_only=True)
class CorrectionsResult:
    """Scores of evaluation episodes, with the same seeds for each player."""

    entry: CloneEntry
    machine: str
    expert: Scores
    chance: Scores
    clone: Scores
    watched: Scores
    """After further demonstrations."""
    corrected: Scores
    """After corrections."""


@dataclass(frozen=True, kw_only=True)
class PracticeEntry(CloneEntry):
    """A behaviour-cloned model and its practice."""

    patience: int
    network: Literal["small", "large"] = "small"
    motion: bool = False
    """Whether the input has the motion channel."""
    shift: int = 0
    """Maximum random shift of training windows, in pixels."""
    steady_games: int
    """Episodes per candidate of the key filter search; 0 skips it."""


@dataclass(frozen=True, kw_only=True)
class PracticeBenchResult:
    """Scores of the rounds, and of evaluation episodes with the same seeds for each player."""

    entry: PracticeEntry
    machine: str
    rounds: tuple[Scores, ...]
    """Per round, the episodes of the model with which the round began."""
    best_round: int
    mean_of: int = 1
    """If above 1, the last round's model averaged the networks of this many rounds."""
    expert: Scores
    chance: Scores
    clone: Scores
    best: Scores
    steady: dict[str, Any] | None = None
    """Fields of `SteadyResult` for the practised model."""

    @property
    def expert_normalised(self) -> float:
        """Mean score of the best model, with random play as 0 and the expert as 1; NaN if they are equal."""
        chance, expert = mean(self.chance), mean(self.expert)
        return (mean(self.best) - chance) / (expert - chance) if expert != chance else float("nan")


def mean(scores: Scores) -> float:
    """The mean of at least one score."""
    return sum(scores) / len(scores)


def _mean_and_interval(scores: Scores) -> str:
    return str(bootstrap_interval(scores))


def _game_factory(entry: CloneEntry) -> AtariGameFactory:
    return AtariGameFactory(entry.game, GameSettings(keys=default_keys(entry.game), fps=FPS, sticky=STICKY))


def _evaluate(entry: CloneEntry, driver: DriverFactory, job: Job) -> Scores:
    return play_episodes(
        _game_factory(entry),
        driver,
        episodes=entry.episodes,
        fps=FPS,
        max_seconds=entry.game_seconds,
        seed=EVALUATION_SEED,
        workers=min(available_cpus(), entry.episodes),
        job=job.muted(),
    ).scores


def bench_corrections(entries: list[CloneEntry], path: Path, job: Job) -> list[CorrectionsResult]:
    """Run the comparisons without a result in `path`. The games need a scripted expert."""
    return run_missing(
        entries, path, CorrectionsResult, lambda entry: _compare(entry, job), _describe_corrections, job
    )


def _compare(entry: CloneEntry, job: Job) -> CorrectionsResult | None:
    """One comparison in a temporary folder; None if the job is stopped.

    Both continuations have the same number of rounds, episodes and minutes of training.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings = _demonstrate(entry, folder, job)
        if job.stopping:
            return None
        clone = _train_clone(entry, folder, recordings, job)
        watched = _continue(entry, folder / "watched", clone, recordings, job, teacher_plays=True)
        corrected = _continue(entry, folder / "corrected", clone, recordings, job, teacher_plays=False)
        if job.stopping:
            return None
        from agp_tui.imitation.model_comparison import CheckpointDriverFactory

        return CorrectionsResult(
            entry=entry,
            machine=machine(),
            expert=_evaluate(entry, expert_driver, job),
            chance=_evaluate(entry, random_driver, job),
            clone=_evaluate(entry, CheckpointDriverFactory(clone), job),
            watched=_evaluate(entry, CheckpointDriverFactory(watched), job),
            corrected=_evaluate(entry, CheckpointDriverFactory(corrected), job),
        )


def _demonstrate(entry: CloneEntry, folder: Path, job: Job) -> list[Path]:
    """Record the expert demonstrations of the initial model."""
    from agp_tui.imitation.dagger import DaggerEpisode, DaggerWorkers

    games, seconds = _game_factory(entry), entry.demonstration * 60 / DEMONSTRATIONS
    first = entry.seed * SEED_STRIDE
    episodes = [
        DaggerEpisode(None, games, expert_driver, folder / "recordings", FPS, seconds, first + number)
        for number in range(DEMONSTRATIONS)
    ]
    with DaggerWorkers(available_cpus()) as workers:
        return [one.recording for one in workers.play(episodes, job)]


def _train_clone(entry: CloneEntry, folder: Path, recordings: list[Path], job: Job) -> Path:
    from agp_tui.imitation.train import train_bc

    return train_bc(
        recordings,
        Run.create(folder / "runs", "train", {}),
        job.muted(),
        minutes=entry.training,
        segment=SEGMENT,
        frame_size=entry.frame_size,
        seed=entry.seed,
    )


def _continue(
    entry: CloneEntry, folder: Path, clone: Path, recordings: list[Path], job: Job, *, teacher_plays: bool
) -> Path:
    """Continue training in rounds; returns the last checkpoint."""
    from agp_tui.imitation.dagger import DaggerConfig, continue_training

    config = DaggerConfig(
        make_game=_game_factory(entry),
        make_teacher=expert_driver,
        recordings=folder / "recordings",
        rounds=entry.rounds,
        games=GAMES,
        game_seconds=entry.round_seconds / GAMES,
        minutes=entry.round_training,
        seed=entry.seed * SEED_STRIDE + DEMONSTRATIONS,
        teacher_plays=teacher_plays,
    )
    rounds = continue_training(clone, recordings, config, folder, job.muted(), seed=entry.seed)
    return rounds[-1].checkpoint if rounds else clone


def _describe_corrections(result: CorrectionsResult) -> str:
    return (
        f"{result.entry.game} seed {result.entry.seed}: cloned {mean(result.clone):.1f}, more demonstrations "
        f"{mean(result.watched):.1f}, corrections {mean(result.corrected):.1f}"
    )


def corrections_table(results: list[CorrectionsResult]) -> Table:
    """A row per game and seed, and one per game with the mean difference over its seeds."""
    rows: list[Row] = []
    for game in sorted({result.entry.game for result in results}):
        differences: list[float] = []
        for result in (result for result in results if result.entry.game == game):
            players = (result.chance, result.clone, result.watched, result.corrected, result.expert)
            differences.append(mean(result.corrected) - mean(result.watched))
            rows.append(
                [
                    short_name(game),
                    result.entry.seed,
                    *map(_mean_and_interval, players),
                    round(differences[-1], 1),
                ]
            )
        rows.append([short_name(game), "all", *[None] * 5, _mean_and_interval(tuple(differences))])
    columns = [
        "game", "seed", "random", "cloned", "more demonstrations", "corrections", "expert", "difference",
    ]  # fmt: skip
    return Table(title="Scores after more demonstrations or corrections", columns=columns, rows=rows)


def bench_practice(entries: list[PracticeEntry], path: Path, job: Job) -> list[PracticeBenchResult]:
    """Run the entries without a result in `path`. The games need a scripted expert.

    Raises `JobFailed` if a command fails.
    """
    return run_missing(
        entries, path, PracticeBenchResult, lambda entry: _practise(entry, job), _describe_practice, job
    )


def _practise(entry: PracticeEntry, job: Job) -> PracticeBenchResult | None:
    """One model and its practice in a temporary folder; None if the job is stopped."""
    with tempfile.TemporaryDirectory() as name, commands_in(Path(name), job) as commands:
        common = ("--game", entry.game, "--frame-size", str(entry.frame_size), "--seed", str(entry.seed))
        recorded = commands.run(
            "record", *common, "--by", "expert", "--fast", "--sticky", str(STICKY), "--fps", str(FPS),
            "--seconds", f"{entry.demonstration * 60:g}",
        )  # fmt: skip
        trained = recorded and commands.run(
            "train", *common, "--model", entry.network, "--name", CLONE, "--segment", str(SEGMENT),
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
            search = commands.run("models", "steady", PRACTISED, "--games", str(entry.steady_games))
            steady = msgspec.to_builtins(search.result(SteadyResult)) if search else None
        from agp_tui.imitation.model_comparison import CheckpointDriverFactory

        clone, best = (CheckpointDriverFactory(Path(one.checkpoint or "")) for one in (trained, practised))
        scores = [_evaluate(entry, player, job) for player in (expert_driver, random_driver, clone, best)]
        if job.stopping:
            return None
        rounds = practised.result(PracticeResult) or PracticeResult()
        return PracticeBenchResult(
            entry=entry,
            machine=machine(),
            rounds=tuple(tuple(games) for games in rounds.games),
            best_round=rounds.best_round,
            mean_of=rounds.mean_of,
            expert=scores[0],
            chance=scores[1],
            clone=scores[2],
            best=scores[3],
            steady=steady,
        )


def _describe_practice(result: PracticeBenchResult) -> str:
    entry = result.entry
    return f"{entry.game} seed {entry.seed}: expert-normalised score {result.expert_normalised:.2f}"


def practice_table(results: list[PracticeBenchResult]) -> Table:
    """A row per model: the scores of random play, the cloned model, the best model and the expert."""
    rows: list[Row] = [
        [
            short_name(result.entry.game),
            result.entry.seed,
            input_of(result.entry),
            *map(_mean_and_interval, (result.chance, result.clone, result.best, result.expert)),
            _round(result, result.best_round),
            f"{result.expert_normalised:.2f}",
        ]
        for result in results
    ]
    columns = [
        "game", "seed", "input", "random", "cloned", "practised", "expert", "rounds", "expert-normalised",
    ]  # fmt: skip
    return Table(title="Scores after practice", columns=columns, rows=rows)


def input_of(entry: PracticeEntry) -> str:
    """The input of the model, and the size of its network if large."""
    motion = " with motion" if entry.motion else ""
    return f"{entry.frame_size} pixels{motion}{', large network' if entry.network == 'large' else ''}"


def _round(result: PracticeBenchResult, number: int) -> str | int:
    averaged = result.mean_of > 1 and number == len(result.rounds) - 1
    return f"mean of {result.mean_of}" if averaged else number


def rounds_table(result: PracticeBenchResult) -> Table:
    """The scores of each round."""
    rows: list[Row] = [
        [_round(result, number), _mean_and_interval(scores), " ".join(f"{score:g}" for score in scores)]
        for number, scores in enumerate(result.rounds)
    ]
    title = f"{short_name(result.entry.game)}, seed {result.entry.seed}, {input_of(result.entry)}"
    return Table(title=title, columns=["after round", "mean score, 95 %", "episodes"], rows=rows)


def key_filter_table(results: list[PracticeBenchResult]) -> Table:
    """The outcome of the key filter searches."""
    rows: list[Row] = []
    for result in results:
        if (found := result.steady) is None:
            continue
        gain = f"{found['gain_low']:.1f} to {found['gain_high']:.1f}" if "gain_low" in found else None
        before, after = (found.get(name, {}).get("score_mean") for name in ("before", "after"))
        rows.append(
            [short_name(result.entry.game), result.entry.seed, found.get("tried"), before, after, gain,
             "on" if found.get("helps") else "off"]
        )  # fmt: skip
    columns = ["game", "seed", "best candidate", "without", "with", "gain, 95 %", "key filter"]
    return Table(title="Key filter search", columns=columns, rows=rows)
