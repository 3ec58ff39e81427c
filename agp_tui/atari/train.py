"""The training job: an agent learns a game; its run folder holds checkpoints and curves.

`checkpoints/last.pt` has all that is needed to go on exactly, `checkpoints/best.pt` the agent with the best
evaluation. The run's own process is rank 0 of a team; the others end with it.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agp_tui.atari.checkpoint import BEST, LAST, AgentCheckpoint, load_agent, save_agent
from agp_tui.atari.evaluate import Evaluation, Judge, Judged
from agp_tui.atari.process_group import Alone, ProcessLost, Team, Together
from agp_tui.atari.reporter import Teller, TensorBoard
from agp_tui.atari.trainer import AgentTrainer, Counters
from agp_tui.config import AtariSettings, PreviewSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from agp_tui.errors import JobFailed
from agp_tui.protocol.events import Evaluated

JUDGED = "judged.pt"
VIDEOS = "videos"
"""The folder in a run where `record_tries` games of each evaluation are recorded."""
POLL_SECONDS = 0.2
MINUTES = 60.0
"""How long a training is where nothing else is asked for."""


@dataclass(frozen=True)
class Goal:
    """When a training is over."""

    minutes: float | None
    steps: int | None
    tries: int | None

    @classmethod
    def of(cls, settings: AtariSettings) -> "Goal":
        given = (settings.minutes, settings.steps, settings.tries)
        return cls(*given) if any(given) else cls(MINUTES, None, None)

    def progress(self, seconds: float, steps: int, tries: int) -> float:
        """The share that is over, 1 at the end."""
        shares = [
            seconds / 60 / self.minutes if self.minutes else 0.0,
            steps / self.steps if self.steps else 0.0,
            tries / self.tries if self.tries else 0.0,
        ]
        return min(1.0, max(shares))


@dataclass(frozen=True)
class Trained:
    """What came of it."""

    best: Path
    """The checkpoint with the best evaluation, or the last one where none was judged."""
    evaluation: Evaluation | None
    """Of the best checkpoint, with more games; None where a stop came first."""
    counters: Counters


def workers_for(settings: AtariSettings, device: str) -> int:
    """How many processes train."""
    if settings.algorithm == "monte_carlo" or device != "cpu":
        return 1
    return settings.workers or available_cpus()


def train_agent(
    settings: AtariSettings, job: Job, run: Run, *, preview: PreviewSettings | None = None
) -> Trained:
    """Train, or go on with a run that has a `last.pt`. Stops soon, with a checkpoint, when told to.

    Raises `SettingError`, `MissingPart`, `ModelError` where the settings do not fit, `JobFailed` where a
    process of the team is lost.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    last = run.checkpoints / LAST
    # A training goes on with as many processes as it had: each has consoles of its own.
    size = len(load_agent(last).training) if last.is_file() else workers_for(settings, device)
    threads = max(1, available_cpus() // size)
    with _team(settings, size, last, threads) as team:
        trainer = AgentTrainer(settings, team, device=device, threads=threads)
        try:
            return _Lead(settings, trainer, job, run, preview).train()
        except ProcessLost as error:
            raise JobFailed(error.message, f"Resume with: agp atari train --resume {run.id}") from error
        finally:
            trainer.close()


@contextmanager
def _team(settings: AtariSettings, size: int, last: Path, threads: int) -> Iterator[Team]:
    """The other processes of the team, begun and ended; this one is rank 0.

    All have as many threads: sums in another order would part their weights.
    """
    if size == 1:
        yield Alone()
        return
    with tempfile.TemporaryDirectory(prefix="agp-team-") as folder:
        meeting = Path(folder) / "meeting"
        pool = worker_pool(size - 1)
        try:
            for rank in range(1, size):
                pool.submit(_follow, rank, size, meeting, settings, last, threads)
            yield Together(0, size, meeting)
            pool.shutdown()
        finally:
            terminate_pool(pool)


def _follow(rank: int, size: int, meeting: Path, settings: AtariSettings, last: Path, threads: int) -> None:
    """What the processes beside rank 0 do: the same, silently."""
    trainer = AgentTrainer(settings, Together(rank, size, meeting), threads=threads)
    try:
        if last.is_file():
            trainer.restore(load_agent(last).training[rank])
        elif settings.from_model:
            trainer.learner.network.load_state_dict(load_agent(Path(settings.from_model)).weights)
        while True:
            going, progress, saving = trainer.team.same((True, 0.0, False))
            if saving:
                trainer.team.gather(trainer.state())
            if not going:
                return
            trainer.round(progress)
    finally:
        trainer.close()


class _Lead:
    """Rank 0: says when to go on, when to save and when to judge."""

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
        self._goal = Goal.of(settings)
        self._judge = Judge(
            settings.evaluate_games, settings.seed, tries=settings.record_tries, videos=run.path / VIDEOS
        )
        self._board = TensorBoard(run.path / "tensorboard")
        self._teller = Teller(job, self._board, preview if settings.render else None)
        self._best: float | None = None
        self._saved = float("-inf")
        self._judged_at = 0.0

    def train(self) -> Trained:
        """The whole of it."""
        trainer, counters = self._trainer, self._trainer.counters
        self._begin()
        self._job.stage("learn", 1, 2)
        try:
            while True:
                counters = trainer.counters
                progress = self._goal.progress(counters.seconds, counters.steps, counters.games)
                going = progress < 1.0 and not self._job.stopping
                saving = not going or self._due_to_save()
                trainer.team.same((going, progress, saving))
                if saving:
                    self._save()
                if not going:
                    return self._end()
                self._hear_the_judge()
                if self._due_to_judge():
                    self._have_judged()
                self._teller.tell(trainer.round(progress, self._teller.watch), progress)
        finally:
            self._judge.close()
            self._board.close()

    def _begin(self) -> None:
        """Go on where the run was, or from the weights of another agent."""
        trainer, last = self._trainer, self._folder / LAST
        if last.is_file():
            kept = load_agent(last)
            trainer.restore(kept.training[0])
            self._teller.restore(kept.counters["told"])
            self._best = kept.counters["best"]
            self._judged_at = trainer.counters.seconds
        elif self._settings.from_model:
            trainer.learner.network.load_state_dict(load_agent(Path(self._settings.from_model)).weights)

    def _checkpoint(self, training: list[dict[str, Any]]) -> AgentCheckpoint:
        trainer, settings = self._trainer, self._settings
        return AgentCheckpoint(
            spec=trainer.learner.network.spec,
            game=settings.game,
            actions=trainer.consoles.actions,
            algorithm=settings.algorithm,
            skip=settings.skip_frames,
            protocol=settings.protocol,
            weights=trainer.learner.network.state_dict(),
            counters={**asdict(trainer.counters), "told": self._teller.state(), "best": self._best},
            settings=asdict(settings),
            training=training,
        )

    def _due_to_save(self) -> bool:
        return time.monotonic() - self._saved > self._settings.save_seconds

    def _save(self) -> None:
        """Keep all that is needed to go on, of every process."""
        states = self._trainer.team.gather(self._trainer.state())
        save_agent(self._folder / LAST, self._checkpoint(states))
        self._saved = time.monotonic()

    def _due_to_judge(self) -> bool:
        since = self._trainer.counters.seconds - self._judged_at
        return not self._judge.busy and since > 60 * self._settings.evaluate_minutes

    def _have_judged(self) -> None:
        self._judged_at = self._trainer.counters.seconds
        save_agent(self._folder / JUDGED, self._checkpoint([]))
        self._judge.begin(self._folder / JUDGED)

    def _hear_the_judge(self) -> None:
        if (judged := self._judge.found()) is not None:
            self._keep_if_best(judged)
        self._tell_what_the_judge_says()

    def _wait_for_the_judge(self) -> Judged | None:
        """What it finds; None where it fails, or a stop is asked for first."""
        while self._judge.judging and not self._job.wait_for_stop(POLL_SECONDS):
            if (judged := self._judge.found()) is not None:
                return judged
        return None

    def _tell_what_the_judge_says(self) -> None:
        for word in self._judge.told():
            self._job.note(word.text, word.level)

    def _keep_if_best(self, judged: Judged) -> None:
        figures, counters = judged.evaluation.figures(), judged.counters
        better = self._best is None or figures["score_mean"] > self._best
        if better:
            self._best = figures["score_mean"]
            kept = replace(load_agent(judged.checkpoint), evaluation=figures)
            save_agent(self._folder / BEST, kept)
        names = ("games", "score_mean", "score_low", "score_high", "score_median", "human_normalised")
        self._teller.handle(
            Evaluated(
                steps=counters["steps"],
                frames=counters["frames"],
                seconds=round(counters["seconds"], 1),
                best=better,
                **{name: figures[name] for name in names},
            )
        )

    def _end(self) -> Trained:
        """Judge what came of it, and the best once more with more games; not where a stop was asked for."""
        counters, best = self._trainer.counters, self._folder / BEST
        found: Evaluation | None = None
        if not self._job.stopping:
            self._job.stage("judge the agent", 2, 2)
            if judged := self._wait_for_the_judge():
                self._keep_if_best(judged)
            self._have_judged()
            if judged := self._wait_for_the_judge():
                self._keep_if_best(judged)
            found = self._judge_the_best(best)
            self._wait_for_videos()
        return Trained(
            best=best if best.is_file() else self._folder / LAST,
            evaluation=found,
            counters=counters,
        )

    def _judge_the_best(self, best: Path) -> Evaluation | None:
        """Once more with more games, which it did not become the best by."""
        if self._job.stopping or not best.is_file():
            return None
        self._judge.begin(best, games=self._settings.final_games, seed=self._settings.seed + 1)
        if (judged := self._wait_for_the_judge()) is None:
            return None
        save_agent(best, replace(load_agent(best), evaluation=judged.evaluation.figures()))
        self._job.emit(judged.evaluation.table())
        return judged.evaluation

    def _wait_for_videos(self) -> None:
        """Of the last evaluation; not where a stop is asked for."""
        if self._judge.filming:
            self._job.note("Videos of the last evaluation are still being recorded.")
        while self._judge.filming and not self._job.wait_for_stop(POLL_SECONDS):
            pass
        self._tell_what_the_judge_says()
