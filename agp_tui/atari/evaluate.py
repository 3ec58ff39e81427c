"""Evaluation of agents: whole episodes with unclipped scores under a stated protocol, apart from training."""

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.human_scores import TABLE_NAME, human_normalised
from agp_tui.atari.vector_env import (
    EVAL_EPSILON,
    EpisodeResult,
    EvalProtocol,
    FrameStacks,
    ObservationSpec,
    VectorEnv,
)
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from agp_tui.errors import AgpError
from agp_tui.evaluation.statistics import Interval, bootstrap_interval
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import EvaluationResult

NUM_ENVS = 8
EVAL_SEED = 500_000_003
"""Added to the seed, so that evaluation episodes differ from training episodes."""


class ActionPolicy(Protocol):
    """Chooses actions: an `Agent`, or `RandomPolicy`."""

    def act(self, stacks: FrameStacks, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class RandomPolicy:
    """Uniformly random actions."""

    actions: int

    def act(self, stacks: FrameStacks, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.integers(0, self.actions, len(stacks))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of whole episodes and the conditions they were played under."""

    game: str
    rom: str
    protocol: str
    epsilon: float
    scores: tuple[float, ...]
    frames: tuple[int, ...]
    """Lengths of the episodes in emulator frames."""
    truncated: int
    """Episodes that the frame cap ended; they count with the score they had."""
    seconds: float

    @property
    def mean(self) -> Interval:
        return bootstrap_interval(self.scores)

    @property
    def median(self) -> float:
        return float(np.median(self.scores))

    @property
    def human_normalised(self) -> float | None:
        """The mean on the scale where random play is 0 and a human 1."""
        return human_normalised(self.rom, float(np.mean(self.scores)))

    def result(self) -> EvaluationResult:
        """The evaluation as the result of a job."""
        return msgspec.convert(self.figures(), EvaluationResult)

    def figures(self) -> dict[str, Any]:
        """Plain data, for checkpoints and JSON."""
        mean, human = self.mean, self.human_normalised
        return {
            "game": self.game,
            "protocol": self.protocol,
            "epsilon": self.epsilon,
            "games": len(self.scores),
            "scores": list(self.scores),
            "score_mean": round(mean.value, 3),
            "score_low": round(mean.low, 3),
            "score_high": round(mean.high, 3),
            "score_median": round(self.median, 3),
            "human_normalised": None if human is None else round(human, 4),
            "cut": self.truncated,
            "frames_mean": round(float(np.mean(self.frames)), 1),
            "seconds": round(self.seconds, 2),
        }

    def table(self) -> Table:
        """The scores as a table of text."""
        mean, human = self.mean, self.human_normalised
        rows: list[list[str | float | int | None]] = [
            ["mean", round(mean.value, 2)],
            ["95 % interval", f"{mean.low:.2f} to {mean.high:.2f}"],
            ["median", round(self.median, 2)],
            ["best and worst", f"{max(self.scores):g}, {min(self.scores):g}"],
            ["human-normalised", None if human is None else round(human, 3)],
            ["episodes", f"{len(self.scores)}, {self.truncated} truncated"],
            ["minutes per episode", round(float(np.mean(self.frames)) / 3600, 2)],
        ]
        title = f"{self.game}: {self.protocol}; epsilon {self.epsilon:g}"
        if human is not None:
            title += f"; human and random scores: {TABLE_NAME}"
        return Table(title=title, columns=["", "score"], rows=rows)


def evaluate(
    policy: ActionPolicy,
    game: str,
    obs_spec: ObservationSpec,
    *,
    protocol: EvalProtocol,
    games: int,
    epsilon: float = EVAL_EPSILON,
    seed: int = 0,
    on_progress: Callable[[int], bool] | None = None,
) -> Evaluation:
    """Play `games` whole episodes. `on_progress` gets the number finished and returns whether to go on.

    Each environment plays its share of the episodes, so that short ones are not over-represented.
    Raises `SettingError`, `MissingPart`; `ValueError` if no episode was finished.
    """
    started = time.perf_counter()
    rng = np.random.default_rng([seed, 77])
    env = VectorEnv(game, min(NUM_ENVS, games), protocol=protocol, obs_spec=obs_spec, seed=seed)
    left = [games // env.num_envs + (at < games % env.num_envs) for at in range(env.num_envs)]
    episodes: list[EpisodeResult] = []
    try:
        while any(left):
            for episode in env.step(policy.act(env.stacks, epsilon, rng)).episodes:
                if left[episode.env]:
                    left[episode.env] -= 1
                    episodes.append(episode)
            if on_progress is not None and not on_progress(len(episodes)):
                break
    finally:
        env.close()
    if not episodes:
        raise ValueError("Expected at least one whole game.")
    return Evaluation(
        game=game,
        rom=env.rom,
        protocol=str(protocol),
        epsilon=epsilon,
        scores=tuple(one.score for one in episodes),
        frames=tuple(one.frames for one in episodes),
        truncated=sum(one.truncated for one in episodes),
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class CheckpointEvaluation:
    """An evaluation with the training counters of its checkpoint."""

    evaluation: Evaluation
    counters: dict[str, Any]
    checkpoint: Path


@dataclass(frozen=True)
class EvaluatorNote:
    """A message for the user; `level` as in `Note`."""

    text: str
    level: str = "info"


class Evaluator:
    """Evaluates checkpoints in a background process, and records videos of `episodes` episodes of each."""

    def __init__(self, games: int, seed: int, *, episodes: int = 0, videos: Path | None = None) -> None:
        self._games, self._seed = games, seed
        self._episodes, self._videos = episodes, videos
        self._pool = worker_pool(1, _lower_priority)
        self._pending: Future[CheckpointEvaluation] | None = None
        self._recordings: list[Future[EvaluatorNote]] = []
        self._failures: list[EvaluatorNote] = []

    @property
    def evaluating(self) -> bool:
        """Whether an evaluation is pending."""
        return self._pending is not None

    @property
    def recording(self) -> bool:
        """Whether a video is pending."""
        return any(not one.done() for one in self._recordings)

    @property
    def busy(self) -> bool:
        """Whether an evaluation or a video is pending."""
        return self.evaluating or self.recording

    def submit(self, checkpoint: Path, *, games: int | None = None, seed: int | None = None) -> None:
        """Evaluate a checkpoint, which must not change while this is busy.

        With `games` or `seed` no video is recorded.
        """
        custom = games is not None or seed is not None
        arguments = (games or self._games, self._seed if seed is None else seed)
        self._pending = self._pool.submit(evaluate_checkpoint, checkpoint, *arguments)
        if self._episodes and self._videos is not None and not custom:
            seed = EVAL_SEED + self._seed
            video = self._pool.submit(record_episodes, checkpoint, self._videos, self._episodes, seed)
            self._recordings.append(video)

    def poll(self) -> CheckpointEvaluation | None:
        """The result of the last evaluation, once; None while it is pending, and if it failed."""
        if self._pending is None or not self._pending.done():
            return None
        pending, self._pending = self._pending, None
        if (error := pending.exception()) is not None:
            self._failures.append(EvaluatorNote(f"An evaluation failed: {error}", "warning"))
            return None
        return pending.result()

    def take_notes(self) -> list[EvaluatorNote]:
        """Messages about videos and failures since the last call."""
        done = [one for one in self._recordings if one.done()]
        self._recordings = [one for one in self._recordings if not one.done()]
        failures, self._failures = self._failures, []
        return [*failures, *map(_video_note, done)]

    def close(self) -> None:
        """Terminate the background process."""
        terminate_pool(self._pool)


def evaluate_checkpoint(path: Path, games: int, seed: int) -> CheckpointEvaluation:
    """Evaluate an agent under the protocol of its training."""
    checkpoint = load_agent(path)
    evaluation = evaluate(
        Agent(checkpoint.network()), checkpoint.game, checkpoint.obs_spec,
        protocol=checkpoint.eval_protocol, games=games, seed=EVAL_SEED + seed,
    )  # fmt: skip
    return CheckpointEvaluation(evaluation, checkpoint.counters, path)


def record_episodes(path: Path, folder: Path, episodes: int, seed: int) -> EvaluatorNote:
    """Record videos of an agent's episodes, named by training steps and score; a failure is a warning."""
    from agp_tui.atari.video import record_episode, remove_partial_videos

    checkpoint = load_agent(path)
    steps, names = checkpoint.counters.get("steps", 0), []
    try:
        remove_partial_videos(folder)
        for number in range(episodes):
            name = f"step_{steps:010}_try_{number + 1}"
            if (video := record_episode(checkpoint, folder, name=name, seed=seed + number)) is not None:
                names.append(video.path.name)
    except AgpError as error:
        return EvaluatorNote(f"No video after {steps} steps: {error}", "warning")
    return EvaluatorNote(f"Recorded in {folder}: {', '.join(names)}")


def _video_note(done: Future[EvaluatorNote]) -> EvaluatorNote:
    if (error := done.exception()) is not None:
        return EvaluatorNote(f"A video could not be recorded: {error}", "warning")
    return done.result()


def _lower_priority() -> None:
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
