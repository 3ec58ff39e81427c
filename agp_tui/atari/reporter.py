"""Progress reports of a training: episodes, metrics and a live picture, as job events and to TensorBoard."""

import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from agp_tui.atari.trainer import IterationResult, TrainCounters
from agp_tui.atari.vector_env import EpisodeResult, VectorEnv
from agp_tui.config import PreviewSettings
from agp_tui.engine.job import Job
from agp_tui.games.atari import FRAMES_PER_SECOND
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.protocol.events import EpisodeFinished, Evaluated, Event, Progress


class TensorBoardWriter:
    """Writes events to TensorBoard event files in a folder; the x axis is decisions."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        self._steps = 0

    def handle(self, event: Event) -> None:
        """Write the event's metrics."""
        match event:
            case Progress(metrics=metrics) if "steps" in metrics:
                self._steps = int(metrics["steps"])
                names = {"steps_per_second": "time/fps", "epsilon": "rollout/exploration_rate"}
                for name, value in metrics.items():
                    self._add(names.get(name, f"train/{name}"), value)
            case EpisodeFinished():
                self._add("rollout/ep_rew", event.score)
                self._add("rollout/ep_rew_mean", event.average)
                self._add("rollout/ep_len", event.frames)
            case Evaluated():
                self._steps = event.steps
                self._add("eval/mean_reward", event.score_mean)
                self._add("eval/median_reward", event.score_median)
                self._writer.flush()

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()

    def _add(self, name: str, value: float) -> None:
        self._writer.add_scalar(name, value, self._steps)


REPORT_SECONDS = 1.0
ROLLING_WINDOW = 100
"""Episodes in the rolling average."""


class AgentTrainingReporter:
    """Reports to a job's listeners and to TensorBoard; without `preview` no live picture."""

    def __init__(self, job: Job, tensorboard: TensorBoardWriter, preview: PreviewSettings | None) -> None:
        self._job, self._tensorboard = job, tensorboard
        self._preview = Preview(preview) if preview is not None else None
        self._scores: deque[float] = deque(maxlen=ROLLING_WINDOW)
        self._high = float("-inf")
        self._number = 0
        self._loss: float | None = None
        self._reported = 0.0
        """When progress was last reported."""

    def state(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return {"scores": list(self._scores), "high_score": self._high, "number": self._number}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._scores.extend(state["scores"])
        self._high, self._number = float(state["high_score"]), int(state["number"])

    def report_frame(self, env: VectorEnv, counters: TrainCounters, processes: int) -> None:
        """Show the first environment, if the next picture is due."""
        if self._preview is None or not self._preview.due():
            return
        frame = env.stacks[0, -1]
        frames_per_env = counters.frames / env.num_envs / processes
        self._job.emit(
            live_event(
                self._preview.thumbnail(np.repeat(frame[..., None], 3, 2)),
                seconds=round(counters.seconds, 1),
                fps=round(frames_per_env / counters.seconds, 1) if counters.seconds else 0.0,
                fps_asked=FRAMES_PER_SECOND,
                frames=counters.frames,
                missed=0,
                score=env.score(0),
            )
        )

    def report(self, iteration: IterationResult, progress: float) -> None:
        """Report the finished episodes, and once in `REPORT_SECONDS` the progress."""
        if "value_loss" in iteration.metrics:
            self._loss = round(iteration.metrics["value_loss"], 5)
        for episode in iteration.episodes:
            self._report_episode(episode, iteration)
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self._reported = time.monotonic()
            self.handle(_progress(iteration, progress))

    def handle(self, event: EpisodeFinished | Evaluated | Progress) -> None:
        """Send an event to the job's listeners and to TensorBoard."""
        self._job.emit(event)
        self._tensorboard.handle(event)

    def _report_episode(self, episode: EpisodeResult, iteration: IterationResult) -> None:
        self._scores.append(episode.score)
        self._high = max(self._high, episode.score)
        self._number += 1
        self.handle(
            EpisodeFinished(
                number=self._number,
                score=episode.score,
                high_score=self._high,
                average=round(sum(self._scores) / len(self._scores), 3),
                frames=episode.frames,
                seconds=round(iteration.counters.seconds, 1),
                epsilon=round(iteration.epsilon, 4),
                loss=self._loss,
            )
        )


def _progress(iteration: IterationResult, progress: float) -> Progress:
    counters = iteration.counters
    total = sum(counters.stages.values()) or 1.0
    rate = round(counters.steps / counters.seconds, 1)
    left = round(counters.seconds * (1 - progress) / progress) if progress else None
    totals = {
        "steps": counters.steps,
        "frames": counters.frames,
        "games": counters.games,
        "steps_per_second": rate,
        "epsilon": round(iteration.epsilon, 4),
        "memory_mb": round(psutil.Process().memory_info().rss / 1e6, 1),
    }
    shares = {f"{stage}_share": round(seconds / total, 3) for stage, seconds in counters.stages.items()}
    metrics = {name: round(float(value), 5) for name, value in iteration.metrics.items()}
    return Progress(
        done=round(100 * progress, 2),
        total=100,
        unit="%",
        rate=rate,
        seconds_left=left,
        metrics={**totals, **shares, **metrics},
    )
