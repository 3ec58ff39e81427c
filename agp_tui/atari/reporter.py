"""What a training tells: the table of its tries, how far it is, a picture of its game."""

import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from agp_tui.atari.trainer import Counters, Round
from agp_tui.atari.vector_env import Consoles, Ended
from agp_tui.config import PreviewSettings
from agp_tui.engine.job import Job
from agp_tui.games.atari import FRAMES_PER_SECOND
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.protocol.events import EpisodeFinished, Evaluated, Event, Progress


class TensorBoard:
    """Writes what it hears to event files in a folder; the x axis counts decisions."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        self._steps = 0

    def handle(self, event: Event) -> None:
        """Keep its figures."""
        match event:
            case Progress(metrics=metrics) if "steps" in metrics:
                self._steps = int(metrics["steps"])
                names = {"steps_per_second": "time/fps", "epsilon": "rollout/exploration_rate"}
                for name, value in metrics.items():
                    self._put(names.get(name, f"train/{name}"), value)
            case EpisodeFinished():
                self._put("rollout/ep_rew", event.score)
                self._put("rollout/ep_rew_mean", event.average)
                self._put("rollout/ep_len", event.frames)
            case Evaluated():
                self._steps = event.steps
                self._put("eval/mean_reward", event.score_mean)
                self._put("eval/median_reward", event.score_median)
                self._writer.flush()

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()

    def _put(self, name: str, value: float) -> None:
        self._writer.add_scalar(name, value, self._steps)


TELL_SECONDS = 1.0
AVERAGE_OF = 100
"""The rolling average is of so many tries."""


class Teller:
    """Tells a job's listeners and TensorBoard; `preview` None shows no game."""

    def __init__(self, job: Job, board: TensorBoard, preview: PreviewSettings | None) -> None:
        self._job, self._board = job, board
        self._preview = Preview(preview) if preview is not None else None
        self._scores: deque[float] = deque(maxlen=AVERAGE_OF)
        self._high = float("-inf")
        self._number = 0
        self._loss: float | None = None
        self._told = 0.0

    def state(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return {"scores": list(self._scores), "high_score": self._high, "number": self._number}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the table where it was."""
        self._scores.extend(state["scores"])
        self._high, self._number = float(state["high_score"]), int(state["number"])

    def watch(self, consoles: Consoles, counters: Counters, processes: int) -> None:
        """Show the first console, as often as a person can look."""
        if self._preview is None or not self._preview.due():
            return
        grey = consoles.stacks[0, -1]
        each = counters.frames / consoles.count / processes
        self._job.emit(
            live_event(
                self._preview.thumbnail(np.repeat(grey[..., None], 3, 2)),
                seconds=round(counters.seconds, 1),
                fps=round(each / counters.seconds, 1) if counters.seconds else 0.0,
                fps_asked=FRAMES_PER_SECOND,
                frames=counters.frames,
                missed=0,
                score=consoles.score(0),
            )
        )

    def tell(self, played: Round, progress: float) -> None:
        """The games that ended, and now and then how far it is."""
        if "value_loss" in played.figures:
            self._loss = round(played.figures["value_loss"], 5)
        for game in played.ended:
            self._try(game, played)
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            self.handle(_progress(played, progress))

    def handle(self, event: EpisodeFinished | Evaluated | Progress) -> None:
        """Pass an event on to everybody."""
        self._job.emit(event)
        self._board.handle(event)

    def _try(self, game: Ended, played: Round) -> None:
        self._scores.append(game.score)
        self._high = max(self._high, game.score)
        self._number += 1
        self.handle(
            EpisodeFinished(
                number=self._number,
                score=game.score,
                high_score=self._high,
                average=round(sum(self._scores) / len(self._scores), 3),
                frames=game.frames,
                seconds=round(played.counters.seconds, 1),
                epsilon=round(played.epsilon, 4),
                loss=self._loss,
            )
        )


def _progress(played: Round, progress: float) -> Progress:
    counters = played.counters
    spent = sum(counters.stages.values()) or 1.0
    rate = round(counters.steps / counters.seconds, 1)
    left = round(counters.seconds * (1 - progress) / progress) if progress else None
    figures = {
        "steps": counters.steps,
        "frames": counters.frames,
        "games": counters.games,
        "steps_per_second": rate,
        "epsilon": round(played.epsilon, 4),
        "memory_mb": round(psutil.Process().memory_info().rss / 1e6, 1),
    }
    shares = {f"{stage}_share": round(part / spent, 3) for stage, part in counters.stages.items()}
    learnt = {name: round(float(value), 5) for name, value in played.figures.items()}
    return Progress(
        done=round(100 * progress, 2),
        total=100,
        unit="%",
        rate=rate,
        seconds_left=left,
        metrics={**figures, **shares, **learnt},
    )
