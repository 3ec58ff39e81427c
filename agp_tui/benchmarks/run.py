"""One benchmark, or all that can run here, as a job with a result."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import agp_tui
from agp_tui.benchmarks.asked import (
    AtariBenchAsked,
    BakeOffAsked,
    CaptureAsked,
    CorrectionsAsked,
    DecisionsAsked,
    LearningAsked,
    PaceAsked,
    PracticeBenchAsked,
    StoringAsked,
    TrainingAsked,
)
from agp_tui.benchmarks.limits import measure_limits
from agp_tui.benchmarks.machine import machine
from agp_tui.benchmarks.report import PartFound, Report, write_report
from agp_tui.benchmarks.roofline import roofline
from agp_tui.config import Algorithm
from agp_tui.engine.events import Event, Finished, Table
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, MissingPart, SettingError

Metrics = dict[str, float]
Part = Callable[[Job], Metrics]
"""A benchmark, told to a job of its own."""


def run_capture(asked: CaptureAsked, job: Job) -> Finished:
    """Raises `DisplayError` without a display."""
    return _finished("bench capture", _on_this_machine(job), _capture(asked, job))


def run_storing(asked: StoringAsked, job: Job) -> Finished:
    """Raises `MissingPart` without the Atari games whose pictures are stored."""
    return _finished("bench store", _on_this_machine(job), _storing(asked, job))


def run_pace(asked: PaceAsked, job: Job) -> Finished:
    return _finished("bench pace", _on_this_machine(job), _pace(asked, job))


def run_decisions(asked: DecisionsAsked, model: Path | None, job: Job) -> Finished:
    """Raises `ModelError` or `MissingPart`."""
    return _finished("bench play", _on_this_machine(job), _decisions(asked, model, job))


def run_training(asked: TrainingAsked, job: Job) -> Finished:
    """Raises `MissingPart` without torch."""
    return _finished("bench train", _on_this_machine(job), _training(asked, job))


def run_atari_bench(asked: AtariBenchAsked, job: Job) -> Finished:
    """Raises `MissingPart` without torch or Stable-Baselines3."""
    return _finished("bench atari", _on_this_machine(job), _atari(asked, job))


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
    name = _on_this_machine(job)
    results = bake_off(entries, asked.kept, job, side_by_side=asked.side_by_side)
    job.emit(table(results))
    return _finished("bench bakeoff", name, {})


def run_corrections(asked: CorrectionsAsked, job: Job) -> Finished:
    """Raises `SettingError` for a game without a scripted expert, `MissingPart` without torch."""
    _need_torch()
    from agp_tui.benchmarks.corrections import Entry, bench_corrections, table

    entries = [
        Entry(
            game=game,
            seed=seed,
            demonstration=asked.demonstration,
            training=asked.training,
            rounds=asked.rounds,
            round_seconds=asked.round_seconds,
            round_training=asked.round_training,
            episodes=asked.episodes,
            game_seconds=asked.game_seconds,
        )
        for seed in asked.seeds
        for game in _with_expert(asked.games)
    ]
    name = _on_this_machine(job)
    job.emit(table(bench_corrections(entries, asked.kept, name, job)))
    return _finished("bench corrections", name, {})


def run_practice_bench(asked: PracticeBenchAsked, job: Job) -> Finished:
    """Raises `SettingError` for a game without an expert, `MissingPart` without torch, `JobFailed`."""
    _need_torch()
    from agp_tui.benchmarks.practice import Entry, bench_practice, table

    entries = [
        Entry(
            game=game,
            seed=seed,
            demonstration=asked.demonstration,
            training=asked.training,
            rounds=asked.rounds,
            round_seconds=asked.round_seconds,
            round_training=asked.round_training,
            patience=asked.patience,
            steady_games=asked.steady_games,
            episodes=asked.episodes,
            game_seconds=asked.game_seconds,
        )
        for seed in asked.seeds
        for game in _with_expert(asked.games)
    ]
    name = _on_this_machine(job)
    job.emit(table(bench_practice(entries, asked.kept, name, job)))
    return _finished("bench practice", name, {})


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
    name = _on_this_machine(job)
    job.emit(table(learn_all(entries, asked.kept, job)))
    return _finished("bench learn", name, {})


def _ids(games: tuple[str, ...]) -> list[str]:
    from agp_tui.games.atari import atari_id, cartridge_of

    return [atari_id(cartridge_of(game)) for game in games]


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


def run_all(job: Job, more: dict[str, Part], kept: Path | None = None) -> Finished:
    """Every benchmark that can run here, and `more`; of the others, why they could not.

    What was found is kept in the file `kept`, whole, at the end. Raises `AgpError` where that cannot be.
    """
    parts: dict[str, Part] = {
        "pace": lambda part: _pace(PaceAsked(), part),
        "capture": lambda part: _capture(CaptureAsked(), part),
        "store": lambda part: _storing(StoringAsked(), part),
        "train": lambda part: _training(TrainingAsked(), part),
        "play": lambda part: _decisions(DecisionsAsked(), None, part),
        "atari": lambda part: _atari(AtariBenchAsked(seconds=5.0), part),
        **more,
    }
    name = _on_this_machine(job)
    began, limits = time.monotonic(), measure_limits()
    found: list[PartFound] = []
    for number, (part, run) in enumerate(parts.items(), start=1):
        if job.stopping:
            found.append(PartFound(part, not_run="stopped before it"))
            continue
        job.stage(part, number, len(parts))
        heard = _Tables(job)
        begun = time.monotonic()
        try:
            metrics = run(job.heard_by(heard))
            found.append(PartFound(part, tuple(heard.tables), metrics, round(time.monotonic() - begun, 1)))
        except AgpError as error:
            job.note(f"{part} could not run here. {error}", level="warning")
            found.append(PartFound(part, not_run=error.problem))
    metrics = {name: value for part in found for name, value in part.metrics.items()}
    limit = roofline(metrics, limits)
    if limit.rows:
        job.emit(limit)
        found.append(PartFound("limits", (limit,)))
    whole = round(time.monotonic() - began)
    rows: list[list[str | float | int | None]] = [
        [part.name, "not run" if part.not_run else "run", part.not_run, part.seconds]
        for part in found
        if part.name in parts
    ]
    columns = ["benchmark", "", "why not", "seconds"]
    job.emit(Table(title=f"Benchmarks on {name}, {whole} s", columns=columns, rows=rows))
    if kept is not None:
        write_report(
            kept, Report(machine=name, version=agp_tui.__version__, seconds=whole, parts=tuple(found))
        )
    missing = {part.name: part.not_run for part in found if part.not_run}
    return _finished("bench all", name, metrics, {"not_run": missing, "seconds": whole})


class _Tables:
    """Keeps the tables that a part tells, and passes on all but its stages."""

    def __init__(self, whole: Job) -> None:
        self._whole = whole.part()
        self.tables: list[Table] = []

    def hear(self, event: Event) -> None:
        if isinstance(event, Table):
            self.tables.append(event)
        self._whole.emit(event)

    def close(self) -> None:
        """The whole job goes on."""


def _on_this_machine(job: Job) -> str:
    name = machine()
    job.note(name)
    return name


def _finished(job: str, name: str, metrics: Metrics, more: dict[str, Any] | None = None) -> Finished:
    return Finished(job=job, metrics=metrics, report={"machine": name} | (more or {}))


def _capture(asked: CaptureAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.capture import bench_capture

    return bench_capture(asked, job).metrics()


def _storing(asked: StoringAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.storing import bench_storing, metrics

    return metrics(bench_storing(asked, job))


def _pace(asked: PaceAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.pace import bench_pace

    return bench_pace(asked, job).metrics()


def _decisions(asked: DecisionsAsked, model: Path | None, job: Job) -> Metrics:
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


def _training(asked: TrainingAsked, job: Job) -> Metrics:
    _need_torch()
    from agp_tui.imitation.bench import bench_train

    found = bench_train(
        job,
        model=asked.network,
        frame_size=asked.frame_size,
        segment=asked.segment,
        rounds=asked.rounds,
        threads=asked.threads,
    )
    return {
        "train_shared": found.shared,
        "train_separate": found.separate,
        "train_ratio": found.ratio,
        "train_frames": found.frames,
    }


def _atari(asked: AtariBenchAsked, job: Job) -> Metrics:
    _need_torch()
    from agp_tui.atari.bench import bench_atari

    return bench_atari(asked.game, job, rounds=asked.rounds, seconds=asked.seconds)


def _need_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingPart(
            "Expected torch for this benchmark, found that it is not installed.",
            "pip install 'agp-tui[train]'",
        )
