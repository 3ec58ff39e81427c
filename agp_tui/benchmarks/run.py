"""Each benchmark as a job with a result."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from agp_tui.benchmarks.asked import (
    AtariBenchAsked,
    BakeOffAsked,
    CaptureAsked,
    CorrectionsAsked,
    DecisionsAsked,
    EqualFramesAsked,
    LearningAsked,
    PaceAsked,
    PracticeBenchAsked,
    StoringAsked,
    TrainingAsked,
)
from agp_tui.benchmarks.machine import machine
from agp_tui.config import Algorithm
from agp_tui.engine.job import Job
from agp_tui.errors import MissingPart, SettingError
from agp_tui.protocol.events import Finished

if TYPE_CHECKING:
    from agp_tui.benchmarks.clones import CloneEntry

Metrics = dict[str, float]
E = TypeVar("E", bound="CloneEntry")


def run_capture(asked: CaptureAsked, job: Job) -> Finished:
    """Raises `DisplayError` without a display."""
    return finished("bench capture", on_this_machine(job), capture(asked, job))


def run_storing(asked: StoringAsked, job: Job) -> Finished:
    """Raises `MissingPart` without the Atari games whose pictures are stored."""
    return finished("bench store", on_this_machine(job), storing(asked, job))


def run_pace(asked: PaceAsked, job: Job) -> Finished:
    return finished("bench pace", on_this_machine(job), pace(asked, job))


def run_decisions(asked: DecisionsAsked, model: Path | None, job: Job) -> Finished:
    """Raises `ModelError` or `MissingPart`."""
    return finished("bench play", on_this_machine(job), decisions(asked, model, job))


def run_training(asked: TrainingAsked, job: Job) -> Finished:
    """Raises `MissingPart` without torch."""
    return finished("bench train", on_this_machine(job), training(asked, job))


def run_atari_bench(asked: AtariBenchAsked, job: Job) -> Finished:
    """Raises `MissingPart` without torch or Stable-Baselines3."""
    return finished("bench atari", on_this_machine(job), atari(asked, job))


def run_equal_frames(asked: EqualFramesAsked, job: Job) -> Finished:
    """Raises `SettingError` for what is no way or no game, `MissingPart` without torch or their library."""
    _need_torch()
    from agp_tui.benchmarks.equal_frames import SB3, Entry, bench_equal_frames, table

    entries = [
        Entry(way=way, game=game, seed=seed, decisions=asked.decisions)
        for game in _ids((asked.game,))
        for seed in asked.seeds
        for way in _check_algorithms(asked.ways, SB3)
    ]
    name = on_this_machine(job)
    job.emit(table(bench_equal_frames(entries, asked.kept, name, job, side_by_side=asked.side_by_side)))
    return finished("bench equal-frames", name, {})


def run_bakeoff(asked: BakeOffAsked, job: Job) -> Finished:
    """Raises `SettingError` for what is no algorithm or no game, `MissingPart` without torch."""
    _need_torch()
    from agp_tui.benchmarks.bakeoff import Entry, bake_off, table

    games = _ids(asked.games)
    entries = [
        Entry(algorithm=algorithm, game=game, seed=seed, minutes=asked.minutes, games=asked.episodes)
        for seed in range(asked.seeds)
        for game in games
        for algorithm in _check_algorithms(asked.algorithms)
    ]
    name = on_this_machine(job)
    results = bake_off(entries, asked.kept, job, side_by_side=asked.side_by_side)
    job.emit(table(results))
    return finished("bench bakeoff", name, {})


def run_corrections(asked: CorrectionsAsked, job: Job) -> Finished:
    """Raises `SettingError` for a game without a scripted expert, `MissingPart` without torch."""
    _need_torch()
    from agp_tui.benchmarks.clones import CloneEntry
    from agp_tui.benchmarks.corrections import bench_corrections, table

    entries = _clones(CloneEntry, asked)
    name = on_this_machine(job)
    job.emit(table(bench_corrections(entries, asked.kept, name, job)))
    return finished("bench corrections", name, {})


def run_practice_bench(asked: PracticeBenchAsked, job: Job) -> Finished:
    """Raises `SettingError` for a game without an expert, `MissingPart` without torch, `JobFailed`."""
    _need_torch()
    from agp_tui.benchmarks.practice import Entry, bench_practice, table

    entries = _clones(Entry, asked)
    name = on_this_machine(job)
    job.emit(table(bench_practice(entries, asked.kept, name, job)))
    return finished("bench practice", name, {})


def run_learning(asked: LearningAsked, job: Job) -> Finished:
    """Raises `SettingError` for what is no algorithm or no game, `MissingPart` without torch, `JobFailed`."""
    _need_torch()
    from agp_tui.benchmarks.learning import CHANCE, Entry, learn_all, table

    games = _ids(asked.games)
    entries = [
        Entry(game=game, algorithm=CHANCE, seed=seed, games=asked.episodes)
        if algorithm == CHANCE
        else Entry(
            game=game,
            algorithm=algorithm,
            seed=seed,
            minutes=asked.minutes,
            cores=asked.cores,
            expert_seconds=asked.expert_seconds,
            games=asked.episodes,
        )
        for seed in asked.seeds
        for game in games
        for algorithm in _check_algorithms(asked.algorithms, CHANCE)
    ]
    name = on_this_machine(job)
    job.emit(table(learn_all(entries, asked.kept, job)))
    return finished("bench learn", name, {})


def _ids(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.atari import atari_id, rom_name

    return [atari_id(rom_name(game)) for game in games]


def _clones(kind: type[E], asked: CorrectionsAsked | PracticeBenchAsked) -> list[E]:
    """An entry for each seed and game; its fields but these two are those of the flags."""
    same = {one.name: getattr(asked, one.name) for one in fields(kind) if one.name not in ("game", "seed")}
    return [kind(game=game, seed=seed, **same) for seed in asked.seeds for game in _with_expert(asked.games)]


def _with_expert(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.experts import has_expert

    ids = _ids(games)
    for game in ids:
        if not has_expert(game):
            raise SettingError(
                f"Expected games with a scripted expert, found {game}.",
                "agp atari list shows those with one.",
            )
    return ids


def _check_algorithms(names: tuple[str, ...], *more: str) -> tuple[str, ...]:
    known = (*get_args(Algorithm), *more)
    for name in names:
        if name not in known:
            raise SettingError(f"Expected algorithms of {', '.join(known)}, found {name!r}.")
    return names


def on_this_machine(job: Job) -> str:
    name = machine()
    job.note(name)
    return name


def finished(job: str, name: str, metrics: Metrics, more: dict[str, Any] | None = None) -> Finished:
    return Finished(job=job, metrics=metrics, report={"machine": name} | (more or {}))


def capture(asked: CaptureAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.capture import bench_capture

    return bench_capture(asked, job).metrics()


def storing(asked: StoringAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.storing import bench_storing, metrics

    return metrics(bench_storing(asked, job))


def pace(asked: PaceAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.pace import bench_pace

    return bench_pace(asked, job).metrics()


def decisions(asked: DecisionsAsked, model: Path | None, job: Job) -> Metrics:
    _need_torch()
    from agp_tui.benchmarks.decisions import bench_decisions
    from agp_tui.benchmarks.reaction import metrics as reaction_metrics

    found, reactions = bench_decisions(asked, model, job)
    return {
        "play_streaming_ms": found.streaming_ms.p50,
        "play_whole_window_ms": found.whole_ms.p50,
        "play_ratio": found.ratio,
        "play_max_difference": found.max_difference,
        **reaction_metrics(reactions),
    }


def training(asked: TrainingAsked, job: Job) -> Metrics:
    _need_torch()
    from agp_tui.benchmarks.imitation_training import bench_train

    found = bench_train(
        job,
        model=asked.network,
        frame_size=asked.frame_size,
        segment=asked.segment,
        batch=asked.batch,
        rounds=asked.rounds,
        seconds=asked.seconds,
        threads=asked.threads,
    )
    return {
        "train_shared": found.shared,
        "train_separate": found.separate,
        "train_ratio": found.ratio,
        "train_frames": found.frames,
        "train_trainer": found.trainer,
    }


def atari(asked: AtariBenchAsked, job: Job) -> Metrics:
    _need_torch()
    from agp_tui.benchmarks.atari_training import ONE_CORE, bench_atari, graphics_card

    return bench_atari(
        asked.game,
        job,
        rounds=asked.rounds,
        seconds=asked.seconds,
        hardware=graphics_card() if asked.device == "cuda" else ONE_CORE,
        environments=asked.environments,
        batch_size=asked.batch_size,
    )


def _need_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingPart(
            "Expected torch for this benchmark, found that it is not installed.",
            "pip install 'agp-tui[train]'",
        )
