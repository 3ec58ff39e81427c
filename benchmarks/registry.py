"""The registry of the benchmarks that need a source checkout: each measures in the modules of this folder."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import TypeVar, get_args

from agp_tui.bench.machine import machine
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
from benchmarks.clones import CloneEntry
from benchmarks.options import (
    AllOptions,
    AppOptions,
    AtariOptions,
    BakeOffOptions,
    CorrectionsOptions,
    EqualFramesOptions,
    LearnOptions,
    PracticeOptions,
    StoreOptions,
    TrainOptions,
)

E = TypeVar("E", bound=CloneEntry)


def store(options: StoreOptions, job: Job) -> Metrics:
    """Raises `MissingPart` without the Atari games whose frames are stored."""
    from benchmarks.storing import bench_storing, metrics

    return metrics(bench_storing(options, job))


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
    from benchmarks.atari_training import ONE_CORE, bench_atari, graphics_card

    return bench_atari(
        options.game,
        job,
        rounds=options.rounds,
        seconds=options.seconds,
        hardware=graphics_card() if options.device == "cuda" else ONE_CORE,
        environments=options.environments,
        batch_size=options.batch_size,
    )


def equal_frames(options: EqualFramesOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game, `MissingPart` without Stable-Baselines3."""
    require_torch()
    from benchmarks.equal_frames import SB3, Entry, bench_equal_frames, table

    entries = [
        Entry(way=way, game=game, seed=seed, decisions=options.decisions)
        for game in _game_ids((options.game,))
        for seed in options.seeds
        for way in _known_algorithms(options.ways, SB3)
    ]
    found = bench_equal_frames(entries, options.kept, machine(), job, side_by_side=options.side_by_side)
    job.emit(table(found))
    return {}


def bakeoff(options: BakeOffOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game."""
    require_torch()
    from benchmarks.bakeoff import Entry, bake_off, table

    games = _game_ids(options.games)
    entries = [
        Entry(algorithm=algorithm, game=game, seed=seed, minutes=options.minutes, games=options.episodes)
        for seed in range(options.seeds)
        for game in games
        for algorithm in _known_algorithms(options.algorithms)
    ]
    job.emit(table(bake_off(entries, options.kept, job, side_by_side=options.side_by_side)))
    return {}


def learn(options: LearnOptions, job: Job) -> Metrics:
    """Raises `SettingError` for an unknown algorithm or game, `JobFailed` if a training fails."""
    require_torch()
    from benchmarks.learning import CHANCE, Entry, learn_all, table

    games = _game_ids(options.games)
    entries = [
        Entry(game=game, algorithm=CHANCE, seed=seed, games=options.episodes)
        if algorithm == CHANCE
        else Entry(
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
    job.emit(table(learn_all(entries, options.kept, job)))
    return {}


def corrections(options: CorrectionsOptions, job: Job) -> Metrics:
    """Raises `SettingError` for a game without a scripted expert."""
    require_torch()
    from benchmarks.corrections import bench_corrections, table

    job.emit(table(bench_corrections(_entries(CloneEntry, options), options.kept, machine(), job)))
    return {}


def practice(options: PracticeOptions, job: Job) -> Metrics:
    """Raises `SettingError` for a game without a scripted expert, `JobFailed` if a command fails."""
    require_torch()
    from benchmarks.practice import Entry, bench_practice, table

    job.emit(table(bench_practice(_entries(Entry, options), options.kept, machine(), job)))
    return {}


def ui(options: AppOptions, job: Job) -> Metrics:
    """Raises `JobFailed` if a part cannot run."""
    from benchmarks.app.run import ui_metrics

    return ui_metrics(job, options)


def every(options: AllOptions, job: Job) -> Measurement:
    """Raises `AgpError` if the results cannot be stored."""
    from benchmarks.every import run_all

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
        ("ui", AppOptions, ui),
        ("all", AllOptions, every),
    )
)


def _game_ids(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.atari import atari_id, rom_name

    return [atari_id(rom_name(game)) for game in games]


def _entries(entry: type[E], options: CorrectionsOptions | PracticeOptions) -> list[E]:
    """An entry per seed and game; its other fields are those of the options."""
    same = {one.name: getattr(options, one.name) for one in fields(entry) if one.name not in ("game", "seed")}
    return [
        entry(game=game, seed=seed, **same) for seed in options.seeds for game in _with_expert(options.games)
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
