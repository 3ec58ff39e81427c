"""Scores of agents after a given training time with `agp atari train`.

Each training is an ordinary run: the app shows it, and it can be resumed if this benchmark is killed. The
result with the learning curve is stored as a JSON line.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import agp_tui
from agp_tui.atari.run_comparison import shortened
from agp_tui.bench.registry import machine
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import AnyEvent, Evaluated, Progress, Table
from agp_tui.protocol.results import EvaluationResult
from benchmarks.command_runner import CommandRunner
from benchmarks.results import run_missing

CHANCE = "chance"
MEMORY_INTERVAL = 100_000
"""Decisions between two stored values of the memory use."""


@dataclass(frozen=True, kw_only=True)
class LearningEntry:
    """One training. The algorithm `chance` is random play."""

    game: str
    algorithm: str
    seed: int = 0
    minutes: float = 0.0
    cores: int = 1
    expert_seconds: int = 0
    """Seconds of the scripted expert to record first, for pretraining; 0 trains from scratch."""
    games: int = 30
    """Episodes of the final evaluation of the best agent."""

    def __str__(self) -> str:
        if self.algorithm == CHANCE:
            return f"chance on {self.game}"
        start = f", after {self.expert_seconds} s of the expert" if self.expert_seconds else ""
        time = f"{self.minutes:g} min on {self.cores} cores"
        return f"{self.algorithm} on {self.game}, {time}, seed {self.seed}{start}"


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One evaluation during the training, with the 95 % interval of the mean."""

    minutes: float
    steps: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LearningResult:
    """The result of an entry."""

    entry: LearningEntry
    machine: str
    version: str
    figures: dict[str, Any]
    """Fields of `EvaluationResult` of the final evaluation of the best agent."""
    curve: tuple[CurvePoint, ...] = ()
    steps: int = 0
    steps_per_second: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds per stage in the main process."""
    memory: tuple[tuple[int, float], ...] = ()
    """Decisions, and megabytes used by the main process."""


def bench_learning(entries: list[LearningEntry], path: Path, job: Job) -> list[LearningResult]:
    """Run the entries without a result in `path`, as many at a time as there are cores; returns all results.

    Raises `JobFailed` if a training fails.
    """
    with _Trainings() as trainings:
        return run_missing(entries, path, LearningResult, trainings.run, _describe, job, trainings.executor)


def _describe(result: LearningResult) -> str:
    return f"{result.entry}: {result.figures['score_mean']:.1f}"


def learning_table(results: list[LearningResult]) -> Table:
    """A row per training."""
    rows: list[list[str | float | int | None]] = []
    for result in results:
        entry, figures = result.entry, result.figures
        rows.append(
            [
                short_name(entry.game),
                entry.algorithm + (" after the expert" if entry.expert_seconds else ""),
                entry.seed,
                f"{entry.minutes:g} x {entry.cores}",
                shortened(result.steps),
                figures["score_mean"],
                f"{figures['score_low']:.1f} to {figures['score_high']:.1f}",
                figures["human_normalised"],
            ]
        )
    columns = ["game", "algorithm", "seed", "min x cores", "steps", "mean", "95 %", "human-normalised"]
    return Table(title="Best agent of each training", columns=columns, rows=rows)


class _Trainings:
    """Runs entries in threads, each on cores of its own; commands still running at exit are interrupted."""

    def __init__(self) -> None:
        self._cores = _Cores()
        self._commands = CommandRunner()
        self.executor = ThreadPoolExecutor(len(self._cores))

    def __enter__(self) -> "_Trainings":
        return self

    def __exit__(self, *_error: object) -> None:
        self._commands.stop()
        self.executor.shutdown(cancel_futures=True)

    def run(self, entry: LearningEntry) -> LearningResult | None:
        """Train and evaluate; None if it was stopped."""
        with self._cores.allocate(entry.cores):
            if entry.algorithm == CHANCE:
                arguments = ["eval", CHANCE, "--game", entry.game, "--episodes", str(entry.games)]
                return self._run_command(entry, *arguments, "--seed", str(entry.seed))
            arguments = [
                "train", "--game", entry.game, "--algorithm", entry.algorithm, "--seed", str(entry.seed),
                "--minutes", f"{entry.minutes:g}", "--workers", str(entry.cores),
                "--final-games", str(entry.games),
            ]  # fmt: skip
            if entry.expert_seconds:
                flags = ["--game", entry.game, "--by", "expert", "--fast", "--sticky", "0.25"]
                recorded = self._commands.run("record", *flags, "--seconds", str(entry.expert_seconds))
                if recorded is None or recorded.recording is None:
                    return None
                arguments += ["--from-recordings", recorded.recording]
            return self._run_command(entry, *arguments)

    def _run_command(self, entry: LearningEntry, *arguments: str) -> LearningResult | None:
        collector = _EventCollector()
        finished = self._commands.run("atari", *arguments, on_event=collector.handle)
        evaluation = finished.result(EvaluationResult) if finished is not None else None
        if finished is None or evaluation is None or finished.stopped:
            return None
        return LearningResult(
            entry=entry,
            machine=machine(),
            version=agp_tui.__version__,
            figures=msgspec.to_builtins(evaluation),
            curve=tuple(collector.curve),
            steps=finished.steps or 0,
            steps_per_second=finished.steps_per_second or 0.0,
            stages=finished.metrics or {},
            memory=tuple(collector.memory),
        )


class _EventCollector:
    """Collects the learning curve and the memory from the events of a training."""

    def __init__(self) -> None:
        self.curve: list[CurvePoint] = []
        self.memory: list[tuple[int, float]] = []

    def handle(self, event: AnyEvent) -> None:
        match event:
            case Evaluated():
                self.curve.append(
                    CurvePoint(
                        minutes=round(event.seconds / 60, 2),
                        steps=event.steps,
                        mean=event.score_mean,
                        low=event.score_low,
                        high=event.score_high,
                    )
                )
            case Progress(metrics={"steps": steps, "memory_mb": megabytes}):
                if not self.memory or steps >= self.memory[-1][0] + MEMORY_INTERVAL:
                    self.memory.append((int(steps), megabytes))


class _Cores:
    """Allocates the cores of this process to threads; their child processes inherit the affinity.

    On systems without thread affinity, each thread uses all cores.
    """

    def __init__(self) -> None:
        affinity = getattr(os, "sched_getaffinity", None)
        self._all: set[int] = set(affinity(0)) if affinity else set(range(available_cpus()))
        self._free = set(self._all)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._all)

    @contextlib.contextmanager
    def allocate(self, count: int) -> Iterator[None]:
        """Run this thread on `count` cores of its own (at most all cores), once they are free."""
        with self._changed:
            count = min(count, len(self._all))
            self._changed.wait_for(lambda: len(self._free) >= count)
            cores = set(sorted(self._free)[:count])
            self._free -= cores
        try:
            _set_affinity(cores)
            yield
        finally:
            _set_affinity(self._all)
            with self._changed:
                self._free |= cores
                self._changed.notify_all()


def _set_affinity(cores: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
