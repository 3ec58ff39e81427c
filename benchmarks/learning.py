"""How good agents become in a stated time: trained by `agp atari train`, as a person would, and judged by it.

Each training is a run like any other: the app shows it, and it goes on where this benchmark is killed.
What came of it, its curve included, is kept as a line of JSON.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import agp_tui
from agp_tui.atari.run_comparison import shortened
from agp_tui.bench.machine import machine
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import AnyEvent, Evaluated, Progress, Table
from agp_tui.protocol.results import EvaluationResult
from benchmarks.commands import Commands
from benchmarks.result_file import keep, read_kept

POLL_SECONDS = 0.2
CHANCE = "chance"
MEMORY_EVERY = 100_000
"""Memory is kept once in so many decisions."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One training: what, on how many cores, how long. The algorithm `chance` plays at random instead."""

    game: str
    algorithm: str
    seed: int = 0
    minutes: float = 0.0
    cores: int = 1
    expert_seconds: int = 0
    """So much play of the game's scripted expert is recorded first and learned from; 0: from scratch."""
    games: int = 30
    """By which the best agent is judged at the end."""

    def __str__(self) -> str:
        if self.algorithm == CHANCE:
            return f"chance on {self.game}"
        start = f", after {self.expert_seconds} s of the expert" if self.expert_seconds else ""
        time = f"{self.minutes:g} min on {self.cores} cores"
        return f"{self.algorithm} on {self.game}, {time}, seed {self.seed}{start}"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One evaluation on the way."""

    minutes: float
    steps: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What came of an entry."""

    entry: Entry
    machine: str
    version: str
    figures: dict[str, Any]
    """The last judging, of the best agent, as `Evaluation.figures` tells it."""
    curve: tuple[Check, ...] = ()
    steps: int = 0
    steps_per_second: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds of the first process by stage."""
    memory: tuple[tuple[int, float], ...] = ()
    """Decisions so far and megabytes of the first process."""


def learn_all(entries: list[Entry], kept: Path, job: Job) -> list[Learned]:
    """Run all that `kept` (JSON lines, appended to) has no result of; all results.

    Raises `JobFailed` where a training fails; what was done until then is kept.
    """
    done = {learned.entry: learned for learned in read_kept(kept, Learned)}
    missing = [entry for entry in entries if entry not in done]
    with _Runs() as runs:
        waiting: set[Future[Learned | None]] = {runs.submit(entry) for entry in missing}
        while waiting and not job.stopping:
            for future in wait(waiting, POLL_SECONDS, FIRST_COMPLETED).done:
                waiting.remove(future)
                if (learned := future.result()) is not None:
                    done[learned.entry] = learned
                    keep(kept, learned)
                    job.note(f"{learned.entry}: {learned.figures['score_mean']:.1f}")
    return [done[entry] for entry in entries if entry in done]


def table(found: list[Learned]) -> Table:
    """A row for each training."""
    rows: list[list[str | float | int | None]] = []
    for one in found:
        entry, figures = one.entry, one.figures
        rows.append(
            [
                short_name(entry.game),
                entry.algorithm + (" after the expert" if entry.expert_seconds else ""),
                entry.seed,
                f"{entry.minutes:g} x {entry.cores}",
                shortened(one.steps),
                figures["score_mean"],
                f"{figures['score_low']:.1f} to {figures['score_high']:.1f}",
                figures["human_normalised"],
            ]
        )
    columns = ["game", "algorithm", "seed", "min x cores", "steps", "mean", "95 %", "human"]
    return Table(title="The best agent of each training, judged by whole games", columns=columns, rows=rows)


class _Runs:
    """As many entries at a time as there are cores for; what still runs at the end is told to stop."""

    def __init__(self) -> None:
        self._machine = machine()
        self._cores = _Cores()
        self._pool = ThreadPoolExecutor(len(self._cores))
        self._commands = Commands()

    def __enter__(self) -> "_Runs":
        return self

    def __exit__(self, *_error: object) -> None:
        self._commands.end()
        self._pool.shutdown(cancel_futures=True)

    def submit(self, entry: Entry) -> Future[Learned | None]:
        """What comes of the entry; None where it was stopped."""
        return self._pool.submit(self._run, entry)

    def _run(self, entry: Entry) -> Learned | None:
        with self._cores.take(entry.cores):
            if entry.algorithm == CHANCE:
                words = ["eval", CHANCE, "--game", entry.game, "--episodes", str(entry.games)]
                return self._listen(entry, "atari", *words, "--seed", str(entry.seed))
            words = [
                "--game", entry.game, "--algorithm", entry.algorithm, "--seed", str(entry.seed),
                "--minutes", f"{entry.minutes:g}", "--workers", str(entry.cores),
                "--final-games", str(entry.games),
            ]  # fmt: skip
            if entry.expert_seconds:
                flags = ["--game", entry.game, "--by", "expert", "--fast", "--sticky", "0.25"]
                shown = self._commands.run("record", *flags, "--seconds", str(entry.expert_seconds))
                if shown is None or shown.recording is None:
                    return None
                words += ["--from-recordings", shown.recording]
            return self._listen(entry, "atari", "train", *words)

    def _listen(self, entry: Entry, *words: str) -> Learned | None:
        told = _Told()
        end = self._commands.run(*words, hear=told.handle)
        evaluation = end.result(EvaluationResult) if end is not None else None
        if end is None or evaluation is None or end.stopped:
            return None
        return Learned(
            entry=entry,
            machine=self._machine,
            version=agp_tui.__version__,
            figures=msgspec.to_builtins(evaluation),
            curve=tuple(told.curve),
            steps=end.steps or 0,
            steps_per_second=end.steps_per_second or 0.0,
            stages=end.metrics or {},
            memory=tuple(told.memory),
        )


class _Told:
    """What is kept of a training's events."""

    def __init__(self) -> None:
        self.curve: list[Check] = []
        self.memory: list[tuple[int, float]] = []

    def handle(self, event: AnyEvent) -> None:
        match event:
            case Evaluated():
                self.curve.append(
                    Check(
                        minutes=round(event.seconds / 60, 2),
                        steps=event.steps,
                        mean=event.score_mean,
                        low=event.score_low,
                        high=event.score_high,
                    )
                )
            case Progress(metrics={"steps": steps, "memory_mb": megabytes}):
                if not self.memory or steps >= self.memory[-1][0] + MEMORY_EVERY:
                    self.memory.append((int(steps), megabytes))


class _Cores:
    """The cores that this process may use, lent to threads; their children inherit them.

    Where the system does not let threads choose cores, all have all of them.
    """

    def __init__(self) -> None:
        mine = getattr(os, "sched_getaffinity", None)
        self._all: set[int] = set(mine(0)) if mine else set(range(available_cpus()))
        self._free = set(self._all)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._all)

    @contextlib.contextmanager
    def take(self, count: int) -> Iterator[None]:
        """Run this thread on so many cores that no other has, as soon as they are free."""
        with self._changed:
            # More than there are can never be free: all of them, then.
            count = min(count, len(self._all))
            self._changed.wait_for(lambda: len(self._free) >= count)
            mine = set(sorted(self._free)[:count])
            self._free -= mine
        try:
            _run_on(mine)
            yield
        finally:
            _run_on(self._all)
            with self._changed:
                self._free |= mine
                self._changed.notify_all()


def _run_on(cores: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
