"""One benchmark, or all that can run here, as a job with a result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from agp_tui.benchmarks.asked import (
    AtariBenchAsked,
    BakeOffAsked,
    CaptureAsked,
    CorrectionsAsked,
    DecisionsAsked,
    LearningAsked,
    PaceAsked,
    PracticeBenchAsked,
    TrainingAsked,
)
from agp_tui.benchmarks.machine import machine
from agp_tui.config import Algorithm
from agp_tui.engine.events import Finished, Table
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, MissingPart, SettingError

Metrics = dict[str, float]


def run_capture(asked: CaptureAsked, job: Job) -> Finished:
    """Raises `DisplayError` without a display."""
    return _finished("bench capture", _on_this_machine(job), _capture(asked, job))


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


def run_all(job: Job, more: dict[str, Callable[[], Metrics]]) -> Finished:
    """Every benchmark that can run here, and `more`; of the others, why they could not."""
    parts: dict[str, Callable[[], Metrics]] = {
        "pace": lambda: _pace(PaceAsked(), job),
        "capture": lambda: _capture(CaptureAsked(), job),
        "train": lambda: _training(TrainingAsked(), job),
        "play": lambda: _decisions(DecisionsAsked(), None, job),
        **more,
    }
    name = _on_this_machine(job)
    metrics: Metrics = {}
    rows: list[list[str | float | int | None]] = []
    for number, (part, run) in enumerate(parts.items(), start=1):
        if job.stopping:
            rows.append([part, "not run", "stopped before it"])
            continue
        job.stage(part, number, len(parts))
        try:
            metrics |= run()
            rows.append([part, "run", ""])
        except AgpError as error:
            job.note(f"{part} could not run here. {error}", level="warning")
            rows.append([part, "not run", error.problem])
    job.emit(Table(title=f"Benchmarks on {name}", columns=["benchmark", "", "why not"], rows=rows))
    missing = {str(row[0]): str(row[2]) for row in rows if row[1] == "not run"}
    return _finished("bench all", name, metrics, {"not_run": missing})


def _on_this_machine(job: Job) -> str:
    name = machine()
    job.note(name)
    return name


def _finished(job: str, name: str, metrics: Metrics, more: dict[str, Any] | None = None) -> Finished:
    return Finished(job=job, metrics=metrics, report={"machine": name} | (more or {}))


def _capture(asked: CaptureAsked, job: Job) -> Metrics:
    from agp_tui.benchmarks.capture import bench_capture

    return bench_capture(asked, job).metrics()


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
    return {"train_shared": found.shared, "train_separate": found.separate, "train_ratio": found.ratio}


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
