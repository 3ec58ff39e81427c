"""The registry of the benchmarks that need a source checkout: each measures in the modules of this folder."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, TypeVar, get_args

from agp_tui.bench.options import CaptureOptions, DecisionOptions, PaceOptions
from agp_tui.bench.registry import (
    CHECKOUT_ONLY,
    Benchmark,
    Measurement,
    Metrics,
    capture,
    pace,
    play,
    require_torch,
)
from agp_tui.config import Algorithm
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from benchmarks.options import (
    AllOptions,
    AppOptions,
    AtariOptions,
    BakeOffOptions,
    CorrectionsOptions,
    EqualFramesOptions,
    ImitationOptions,
    LearnOptions,
    PracticeOptions,
    StoreOptions,
    TrainOptions,
)

if TYPE_CHECKING:
    from benchmarks.dagger import CloneEntry

E = TypeVar("E", bound="CloneEntry")


def store(options: StoreOptions, job: Job) -> Metrics:
    """Raises `MissingPart` without the Atari games whose frames are stored."""
    from benchmarks.storage import bench_storage, storage_metrics

    return storage_metrics(bench_storage(options, job))


def train(options: TrainOptions, job: Job) -> Metrics:
    require_torch()
    from benchmarks.imitation_training import bench_train

    found = bench_train(
        job,
        model=options.network,
        frame_size=options.frame_size,
        segment=options.segment,
        batch=options.batch,
        rounds=options.rounds,
        seconds=options.seconds,
        threads=options.threads,
    )
    return {
        "train_shared": found.shared,
        "train_separate": found.separate,
        "train_ratio": found.ratio,
        "train_frames": found.frames,
        "train_trainer": found.trainer,
    }


def atari(options: AtariOptions, job: Job) -> Metrics:
    """Raises `MissingPart` without torch or Stable-Baselines3."""
    require_torch()
    from benchmarks.atari_training import ONE_CORE, bench_atari, gpu

    return bench_atari(
        options.game,
        job,
        rounds=options.rounds,
        seconds=options.seconds,
        hardware=gpu() if options.device == "cuda" else ONE_CORE,
        environments=options.environments,
        batch_size=options.batch_size,
    )


def equal_frames(options: EqualFramesOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game, `MissingPart` without Stable-Baselines3."""
    require_torch()
    from benchmarks.equal_frames import SB3, EqualFramesEntry, bench_equal_frames, equal_frames_table

    entries = [
        EqualFramesEntry(way=way, game=game, seed=seed, decisions=options.decisions)
        for game in _game_ids((options.game,))
        for seed in options.seeds
        for way in _known_algorithms(options.ways, SB3)
    ]
    results = bench_equal_frames(entries, options.kept, job, parallel=options.side_by_side)
    job.emit(equal_frames_table(results))
    return {}


def bakeoff(options: BakeOffOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game."""
    require_torch()
    from benchmarks.bakeoff import BakeOffEntry, bake_off, bake_off_table

    games = _game_ids(options.games)
    entries = [
        BakeOffEntry(
            algorithm=algorithm, game=game, seed=seed, minutes=options.minutes, games=options.episodes
        )
        for seed in range(options.seeds)
        for game in games
        for algorithm in _known_algorithms(options.algorithms)
    ]
    job.emit(bake_off_table(bake_off(entries, options.kept, job, parallel=options.side_by_side)))
    return {}


def learn(options: LearnOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game, `JobFailed` if a training fails."""
    require_torch()
    from benchmarks.learning import CHANCE, LearningEntry, bench_learning, learning_table

    games = _game_ids(options.games)
    entries = [
        LearningEntry(game=game, algorithm=CHANCE, seed=seed, games=options.episodes)
        if algorithm == CHANCE
        else LearningEntry(
            game=game,
            algorithm=algorithm,
            seed=seed,
            minutes=options.minutes,
            cores=options.cores,
            expert_seconds=options.expert_seconds,
            games=options.episodes,
        )
        for seed in options.seeds
        for game in games
        for algorithm in _known_algorithms(options.algorithms, CHANCE)
    ]
    job.emit(learning_table(bench_learning(entries, options.kept, job)))
    return {}


def corrections(options: CorrectionsOptions, job: Job) -> Metrics:
    """Raises `SettingError` for a game without a scripted expert."""
    require_torch()
    from benchmarks.dagger import CloneEntry, bench_corrections, corrections_table

    job.emit(corrections_table(bench_corrections(_entries(CloneEntry, options), options.kept, job)))
    return {}


def practice(options: PracticeOptions, job: Job) -> Metrics:
    """Raises `SettingError` for a game without a scripted expert, `JobFailed` if a command fails."""
    require_torch()
    from benchmarks.dagger import PracticeEntry, bench_practice, practice_table

    job.emit(practice_table(bench_practice(_entries(PracticeEntry, options), options.kept, job)))
    return {}


def imitate(options: ImitationOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown game, `MissingPart` for one that is not installed."""
    require_torch()
    from benchmarks.imitation_suite.suite import ImitationEntry, Training, bench_imitation, imitation_table

    trainings = [
        Training(
            game=game,
            minutes=minutes,
            seed=seed,
            label=options.label,
            frame_size=options.frame_size,
            train_options=options.train_options,
            record_options=options.record_options,
        )
        for seed in options.seeds
        for minutes in _positive("minutes", options.minutes)
        for game in options.games
    ]
    entries = [
        ImitationEntry(training=training, drives=options.drives, drive_seconds=options.drive_seconds)
        for training in trainings
    ]
    results = bench_imitation(entries, options.folder.resolve(), options.kept, job)
    if results:
        job.emit(imitation_table(results))
    return {}


def ui(options: AppOptions, job: Job) -> Metrics:
    """Raises `JobFailed` if a part cannot run."""
    from benchmarks.app.run import ui_metrics

    return ui_metrics(job, options)


def run_every(options: AllOptions, job: Job) -> Measurement:
    """Raises `AgpError` if the results cannot be stored."""
    from benchmarks.run_all import run_all

    parts: dict[str, Callable[[Job], Metrics]] = {
        "pace": partial(pace, PaceOptions()),
        "capture": partial(capture, CaptureOptions()),
        "store": partial(store, StoreOptions()),
        "train": partial(train, TrainOptions()),
        "play": partial(play, DecisionOptions()),
        "play large": _play_large,
        "atari": partial(atari, AtariOptions(seconds=5.0)),
        "ui": partial(ui, AppOptions()),
    }
    return run_all(job, parts, options.kept)


def _play_large(job: Job) -> Metrics:
    found = play(DecisionOptions(network="large", seconds=2.0), job)
    return {f"large_{name}": value for name, value in found.items()}


BENCHMARKS = tuple(
    Benchmark(name, options, measure, CHECKOUT_ONLY[name])
    for name, options, measure in (
        ("store", StoreOptions, store),
        ("train", TrainOptions, train),
        ("atari", AtariOptions, atari),
        ("equal-frames", EqualFramesOptions, equal_frames),
        ("bakeoff", BakeOffOptions, bakeoff),
        ("learn", LearnOptions, learn),
        ("corrections", CorrectionsOptions, corrections),
        ("practice", PracticeOptions, practice),
        ("imitate", ImitationOptions, imitate),
        ("ui", AppOptions, ui),
        ("all", AllOptions, run_every),
    )
)


def _positive(name: str, texts: tuple[str, ...]) -> list[float]:
    """Positive numbers. Raises `SettingError` for anything else."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number < float("inf") for number in numbers):
        raise SettingError(
            f"Expected --{name} to be positive numbers, found {','.join(texts)!r}.",
            f"For example --{name} 1,2,5,10.",
        )
    return numbers


def _game_ids(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.atari import atari_id, rom_name

    return [atari_id(rom_name(game)) for game in games]


def _entries(entry: type[E], options: CorrectionsOptions | PracticeOptions) -> list[E]:
    """An entry per seed and game; its other fields are those of the options."""
    values = {
        field.name: getattr(options, field.name)
        for field in fields(entry)
        if field.name not in ("game", "seed")
    }
    return [
        entry(game=game, seed=seed, **values)
        for seed in options.seeds
        for game in _with_expert(options.games)
    ]


def _with_expert(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.experts import has_expert

    ids = _game_ids(games)
    for game in ids:
        if not has_expert(game):
            raise SettingError(
                f"Expected games with a scripted expert, found {game}.",
                "agp atari list shows the games that have one.",
            )
    return ids


def _known_algorithms(names: tuple[str, ...], *more: str) -> tuple[str, ...]:
    known = (*get_args(Algorithm), *more)
    for name in names:
        if name not in known:
            raise SettingError(f"Expected algorithms of {', '.join(known)}, found {name!r}.")
    return names
