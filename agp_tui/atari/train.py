"""The training job: trains an agent in one or several processes, with checkpoints, evaluations and resume.

A run's `checkpoints/last.pt` has all that an exact resume needs, `checkpoints/best.pt` the agent with the
best evaluation. The run's own process is rank 0 of the process group and ends the others.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agp_tui.atari.checkpoint import BEST, LAST, AgentCheckpoint, load_agent, save_agent
from agp_tui.atari.evaluate import CheckpointEvaluation, Evaluation, Evaluator
from agp_tui.atari.process_group import GlooGroup, ProcessGroup, ProcessLost, SingleProcess
from agp_tui.atari.reporter import AgentTrainingReporter, TensorBoardWriter
from agp_tui.atari.trainer import AgentTrainer, TrainCounters
from agp_tui.config import AtariSettings, PreviewSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import Evaluated

EVALUATED = "judged.pt"
"""The checkpoint under evaluation."""
VIDEOS = "videos"
"""Folder of a run for videos of `record_tries` episodes of each evaluation."""
POLL_SECONDS = 0.2
DEFAULT_MINUTES = 60.0
"""Duration of a training without a limit of its own."""


@dataclass(frozen=True)
class TrainBudget:
    """The limits of a training; the first one reached ends it."""

    minutes: float | None
    steps: int | None
    episodes: int | None

    @classmethod
    def of(cls, settings: AtariSettings) -> "TrainBudget":
        limits = (settings.minutes, settings.steps, settings.tries)
        return cls(*limits) if any(limits) else cls(DEFAULT_MINUTES, None, None)

    def progress(self, seconds: float, steps: int, episodes: int) -> float:
        """The elapsed share, 1 at the end."""
        shares = [
            seconds / 60 / self.minutes if self.minutes else 0.0,
            steps / self.steps if self.steps else 0.0,
            episodes / self.episodes if self.episodes else 0.0,
        ]
        return min(1.0, max(shares))


@dataclass(frozen=True)
class AgentTrainingResult:
    """The result of a training."""

    best: Path
    """The checkpoint with the best evaluation; without evaluations the last one."""
    evaluation: Evaluation | None
    """Final evaluation of the best checkpoint; None if the training was stopped before."""
    counters: TrainCounters


def num_processes(settings: AtariSettings, device: str) -> int:
    """Number of processes for a new training."""
    if settings.algorithm == "monte_carlo" or device != "cpu":
        return 1
    return settings.workers or available_cpus()


def train_agent(
    settings: AtariSettings, job: Job, run: Run, *, preview: PreviewSettings | None = None
) -> AgentTrainingResult:
    """Train, or resume a run that has a `last.pt`. When the job is stopped it saves a checkpoint and returns.

    Raises `SettingError`, `MissingPart`, `ModelError` for settings that do not fit together, `JobFailed` if a
    process is lost.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    last = run.checkpoints / LAST
    # A resumed training needs its number of processes: each has environments of its own.
    size = len(load_agent(last).training) if last.is_file() else num_processes(settings, device)
    threads = max(1, available_cpus() // size)
    with _process_group(settings, size, last, threads) as group:
        trainer = AgentTrainer(settings, group, device=device, threads=threads)
        try:
            return _RankZero(settings, trainer, job, run, preview).train()
        except ProcessLost as error:
            raise JobFailed(error.message, f"Resume with: agp atari train --resume {run.id}") from error
        finally:
            trainer.close()


@contextmanager
def _process_group(settings: AtariSettings, size: int, last: Path, threads: int) -> Iterator[ProcessGroup]:
    """Starts and ends the other processes of the group; this process is rank 0.

    All have the same number of threads: another order of summation would make their weights diverge.
    """
    if size == 1:
        yield SingleProcess()
        return
    with tempfile.TemporaryDirectory(prefix="agp-team-") as folder:
        rendezvous = Path(folder) / "rendezvous"
        pool = worker_pool(size - 1)
        try:
            for rank in range(1, size):
                pool.submit(_run_rank, rank, size, rendezvous, settings, last, threads)
            yield GlooGroup(0, size, rendezvous)
            pool.shutdown()
        finally:
            terminate_pool(pool)


def _run_rank(
    rank: int, size: int, rendezvous: Path, settings: AtariSettings, last: Path, threads: int
) -> None:
    """The training in the processes other than rank 0: they follow its decisions and report nothing."""
    trainer = AgentTrainer(settings, GlooGroup(rank, size, rendezvous), threads=threads)
    try:
        if last.is_file():
            trainer.restore(load_agent(last).training[rank])
        elif settings.from_model:
            trainer.learner.network.load_state_dict(load_agent(Path(settings.from_model)).weights)
        while True:
            running, progress, saving = trainer.group.broadcast((True, 0.0, False))
            if saving:
                trainer.group.gather(trainer.state())
            if not running:
                return
            trainer.iterate(progress)
    finally:
        trainer.close()


class _RankZero:
    """The training in rank 0, which decides when to save, to evaluate and to stop."""

    def __init__(
        self,
        settings: AtariSettings,
        trainer: AgentTrainer,
        job: Job,
        run: Run,
        preview: PreviewSettings | None,
    ) -> None:
        self._settings, self._trainer, self._job = settings, trainer, job
        self._folder = run.checkpoints
        self._folder.mkdir(parents=True, exist_ok=True)
        self._budget = TrainBudget.of(settings)
        self._evaluator = Evaluator(
            settings.evaluate_games, settings.seed, episodes=settings.record_tries, videos=run.path / VIDEOS
        )
        self._tensorboard = TensorBoardWriter(run.path / "tensorboard")
        self._reporter = AgentTrainingReporter(job, self._tensorboard, preview if settings.render else None)
        self._best: float | None = None
        self._saved_at = float("-inf")
        self._evaluated_at = 0.0

    def train(self) -> AgentTrainingResult:
        """Train to the end of the budget, or until the job is stopped."""
        trainer = self._trainer
        self._load_weights()
        self._job.stage("learn", 1, 2)
        try:
            while True:
                counters = trainer.counters
                progress = self._budget.progress(counters.seconds, counters.steps, counters.games)
                running = progress < 1.0 and not self._job.stopping
                saving = not running or self._save_due()
                trainer.group.broadcast((running, progress, saving))
                if saving:
                    self._save()
                if not running:
                    return self._finish()
                if (found := self._evaluator.poll()) is not None:
                    self._report_evaluation(found)
                self._report_notes()
                if self._evaluation_due():
                    self._start_evaluation()
                self._reporter.report(trainer.iterate(progress, self._reporter.report_frame), progress)
        finally:
            self._evaluator.close()
            self._tensorboard.close()

    def _load_weights(self) -> None:
        """Resume from the last checkpoint, or start from the weights of another agent."""
        trainer, last = self._trainer, self._folder / LAST
        if last.is_file():
            checkpoint = load_agent(last)
            trainer.restore(checkpoint.training[0])
            self._reporter.restore(checkpoint.counters["told"])
            self._best = checkpoint.counters["best"]
            self._evaluated_at = trainer.counters.seconds
        elif self._settings.from_model:
            trainer.learner.network.load_state_dict(load_agent(Path(self._settings.from_model)).weights)

    def _checkpoint(self, training: list[dict[str, Any]]) -> AgentCheckpoint:
        trainer, settings = self._trainer, self._settings
        return AgentCheckpoint(
            spec=trainer.learner.network.spec,
            game=settings.game,
            actions=trainer.env.actions,
            algorithm=settings.algorithm,
            skip=settings.skip_frames,
            protocol=settings.protocol,
            weights=trainer.learner.network.state_dict(),
            counters={**asdict(trainer.counters), "told": self._reporter.state(), "best": self._best},
            settings=asdict(settings),
            training=training,
        )

    def _save_due(self) -> bool:
        return time.monotonic() - self._saved_at > self._settings.save_seconds

    def _save(self) -> None:
        """Save a checkpoint with the state of every process."""
        states = self._trainer.group.gather(self._trainer.state())
        save_agent(self._folder / LAST, self._checkpoint(states))
        self._saved_at = time.monotonic()

    def _evaluation_due(self) -> bool:
        since = self._trainer.counters.seconds - self._evaluated_at
        return not self._evaluator.busy and since > 60 * self._settings.evaluate_minutes

    def _start_evaluation(self) -> None:
        self._evaluated_at = self._trainer.counters.seconds
        save_agent(self._folder / EVALUATED, self._checkpoint([]))
        self._evaluator.submit(self._folder / EVALUATED)

    def _wait_for_evaluation(self) -> CheckpointEvaluation | None:
        """The pending evaluation; None if it fails or the job is stopped before."""
        while self._evaluator.evaluating and not self._job.wait_for_stop(POLL_SECONDS):
            if (found := self._evaluator.poll()) is not None:
                return found
        return None

    def _report_notes(self) -> None:
        for note in self._evaluator.take_notes():
            self._job.note(note.text, note.level)

    def _report_evaluation(self, found: CheckpointEvaluation) -> None:
        """Report an evaluation; save its checkpoint if it is the best so far."""
        figures, counters = found.evaluation.figures(), found.counters
        better = self._best is None or figures["score_mean"] > self._best
        if better:
            self._best = figures["score_mean"]
            save_agent(self._folder / BEST, replace(load_agent(found.checkpoint), evaluation=figures))
        names = ("games", "score_mean", "score_low", "score_high", "score_median", "human_normalised")
        self._reporter.handle(
            Evaluated(
                steps=counters["steps"],
                frames=counters["frames"],
                seconds=round(counters["seconds"], 1),
                best=better,
                **{name: figures[name] for name in names},
            )
        )

    def _finish(self) -> AgentTrainingResult:
        """Evaluate the last weights, then the best checkpoint with more episodes, unless stopped."""
        counters, best = self._trainer.counters, self._folder / BEST
        evaluation: Evaluation | None = None
        if not self._job.stopping:
            self._job.stage("evaluate the agent", 2, 2)
            if found := self._wait_for_evaluation():
                self._report_evaluation(found)
            self._start_evaluation()
            if found := self._wait_for_evaluation():
                self._report_evaluation(found)
            evaluation = self._evaluate_best(best)
            self._wait_for_videos()
        return AgentTrainingResult(
            best=best if best.is_file() else self._folder / LAST,
            evaluation=evaluation,
            counters=counters,
        )

    def _evaluate_best(self, best: Path) -> Evaluation | None:
        """Final evaluation, on other episodes than those that selected the best checkpoint."""
        if self._job.stopping or not best.is_file():
            return None
        self._evaluator.submit(best, games=self._settings.final_games, seed=self._settings.seed + 1)
        if (found := self._wait_for_evaluation()) is None:
            return None
        save_agent(best, replace(load_agent(best), evaluation=found.evaluation.figures()))
        self._job.emit(found.evaluation.table())
        return found.evaluation

    def _wait_for_videos(self) -> None:
        """Wait for the videos of the last evaluation, unless the job is stopped."""
        if self._evaluator.recording:
            self._job.note("Videos of the last evaluation are still being recorded.")
        while self._evaluator.recording and not self._job.wait_for_stop(POLL_SECONDS):
            pass
        self._report_notes()
