"""DAgger: a model plays, a teacher labels the states it reaches, and the model trains on those labels.

Behavior cloning alone leaves a model helpless in states that its teacher never reached. In DAgger (Ross,
Gordon and Bagnell 2011, arXiv:1011.0686) the model's own policy chooses the states and the teacher provides
the labels. Corrections are stored as ordinary recordings, and the scores of the games that produce them
evaluate the model that played.

Games run in worker processes, as fast as the machine allows: emulator, encoder and network would otherwise
compete for one interpreter lock.
"""

import multiprocessing
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch

from agp_tui.config import RecordSettings, TrainSettings
from agp_tui.engine.clock import Clock, SimulatedTime
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import LiveFile
from agp_tui.engine.subprocesses import worker_pool
from agp_tui.errors import JobFailed
from agp_tui.evaluation.rollouts import GameFactory
from agp_tui.evaluation.statistics import bootstrap_interval
from agp_tui.games.base import Driver, DriverFactory
from agp_tui.imitation.checkpoint import BEST, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.dataset import Clip, Dataset, IndexRange, open_clips_for
from agp_tui.imitation.train import SHORT_CHUNKS
from agp_tui.imitation.trainer import Trainer
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.events import Progress, Table
from agp_tui.recording.inputs import PolicyInput
from agp_tui.recording.recorder import record

MIN_ROUNDS_TO_AVERAGE = 3
STOP_POLL_SECONDS = 0.1
FINE_TUNING_LEARNING_RATE = 1e-3


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """Settings of a DAgger training. Factories are sent to worker processes, so they must be picklable."""

    make_game: GameFactory
    make_teacher: DriverFactory
    recordings: Path
    """Folder for the recorded corrections."""
    rounds: int
    games: int
    """Games per round."""
    game_seconds: float
    """Time limit of a game in seconds of play; a truncated game counts with its score so far."""
    minutes: float
    """Training time after the first round."""
    scale_minutes: bool = False
    """Increase the training time in proportion to the data, so that each round makes equally many passes."""
    seed: int
    """Seed of the first game; each game has its own."""
    patience: int | None = None
    """Stop after this many rounds without a better mean score."""
    deadline: float | None = None
    """No round starts after this time on the monotonic clock."""
    threshold: float | None = None
    """Threshold of every key after the first training; None keeps the model's thresholds."""
    average_weights: bool = False
    """After the last round, evaluate the mean of the weights of the later half of the rounds as one more
    round (Izmailov et al. 2018, arXiv:1803.05407)."""
    teacher_plays: bool = False
    """The teacher plays instead of the model: a baseline with the same amount of data without corrections."""
    live_file: Path | None = None
    """`live_file` of the run, where the first game of each round publishes its frames."""


@dataclass(frozen=True)
class DaggerRound:
    """The games of one round, played by the model as it was at the beginning of the round."""

    number: int
    scores: tuple[float, ...]
    corrections: tuple[Path, ...]
    checkpoint: Path
    """The model that played, or with `teacher_plays` the model at that time."""
    averaged: int = 1
    """Number of networks whose weights were averaged."""

    @property
    def mean_score(self) -> float:
        return float(np.mean(self.scores)) if self.scores else float("nan")


def run_dagger(
    trainer: Trainer, model: Checkpoint, dataset: Dataset, config: DaggerConfig, folder: Path, job: Job
) -> list[DaggerRound]:
    """Alternate rounds of games with training; trains the network of `trainer` in place.

    `model` provides keys, frame rate and thresholds. Writes each round's model to `folder` as `round-N.pt`
    and the one with the best score as `best.pt`. No training follows the last round. Returns the rounds
    played so far if the job is stopped.
    """
    with DaggerWorkers(available_cpus()) as workers:
        rounds = _rounds(trainer, model, dataset, config, folder, workers, job)
    if rounds:
        job.emit(round_table(rounds))
    return rounds


def continue_training(
    checkpoint: Path,
    recordings: Sequence[Path],
    config: DaggerConfig,
    folder: Path,
    job: Job,
    *,
    seed: int = 0,
) -> list[DaggerRound]:
    """Run DAgger from a cloned model, whose own `recordings` stay in the training data; nothing is held out.

    Writes the checkpoints as `run_dagger` does to `folder`, which is created.
    """
    model = load_checkpoint(checkpoint)
    clips = open_clips_for(model, recordings)
    ranges = tuple(IndexRange(number, 0, len(clip)) for number, clip in enumerate(clips))
    settings = TrainSettings(
        segment=model.spec.segment, learning_rate=FINE_TUNING_LEARNING_RATE, seed=seed, **SHORT_CHUNKS
    )
    trainer = Trainer(model.network(), settings, model.keys, measure_threads=True)
    folder.mkdir(exist_ok=True)
    dataset = Dataset(clips, ranges, (), segment=model.spec.segment)
    return run_dagger(trainer, model, dataset, config, folder, job)


def _rounds(
    trainer: Trainer,
    model: Checkpoint,
    dataset: Dataset,
    config: DaggerConfig,
    folder: Path,
    workers: "DaggerWorkers",
    job: Job,
) -> list[DaggerRound]:
    rounds: list[DaggerRound] = []
    clips: list[Clip] = list(dataset.clips)
    ranges = list(dataset.train)
    first_size = 0
    for number in range(config.rounds + 1):
        checkpoint = folder / f"round-{number}.pt"
        thresholds = _thresholds(model, config) if number else model.thresholds
        current = replace(model, weights=trainer.network.state_dict(), thresholds=thresholds, training={})
        save_checkpoint(checkpoint, current)
        played = _play_round(checkpoint, model.fps, config, number, workers, job)
        if job.stopping:
            break
        rounds.append(played)
        if played.mean_score >= max(one.mean_score for one in rounds):
            save_checkpoint(folder / BEST, current)
        _report_round(rounds, config, job)
        if number == config.rounds or (config.deadline is not None and time.monotonic() > config.deadline):
            break
        if config.patience is not None and rounds_since_best(rounds) >= config.patience:
            job.note(f"No better score for {config.patience} rounds.")
            break
        new = open_clips_for(model, played.corrections)
        ranges += [IndexRange(len(clips) + index, 0, len(clip)) for index, clip in enumerate(new)]
        clips += new
        aggregated = replace(dataset, clips=tuple(clips), train=tuple(ranges), validation=())
        size = sum(map(len, ranges))
        first_size = first_size or size
        trainer.fit(
            aggregated, job, minutes=config.minutes * (size / first_size if config.scale_minutes else 1.0)
        )
        if job.stopping:
            break
    if config.average_weights and len(rounds) >= MIN_ROUNDS_TO_AVERAGE and not job.stopping:
        _play_averaged(rounds, model, config, folder, workers, job)
    return rounds


def _play_averaged(
    rounds: list[DaggerRound],
    model: Checkpoint,
    config: DaggerConfig,
    folder: Path,
    workers: "DaggerWorkers",
    job: Job,
) -> None:
    """Append a round played by the mean of the weights of the later half of `rounds`."""
    later = [load_checkpoint(one.checkpoint).weights for one in rounds[len(rounds) // 2 :]]
    weights = {name: torch.stack([one[name] for one in later]).mean(dim=0) for name in later[0]}
    averaged = replace(model, weights=weights, thresholds=_thresholds(model, config), training={})
    checkpoint = folder / "mean.pt"
    save_checkpoint(checkpoint, averaged)
    played = _play_round(checkpoint, model.fps, config, len(rounds), workers, job)
    if job.stopping:
        return
    rounds.append(replace(played, averaged=len(later)))
    if best_round(rounds) is rounds[-1]:
        save_checkpoint(folder / BEST, averaged)
    _report_round(rounds, config, job)


def _thresholds(model: Checkpoint, config: DaggerConfig) -> tuple[float, ...]:
    if config.threshold is None:
        return model.thresholds
    return (config.threshold,) * len(model.keys)


def best_round(rounds: Sequence[DaggerRound]) -> DaggerRound:
    """The round with the best mean score, which provides the final model.

    Averaged weights win unless a round is better by more than one standard error of the difference: the
    maximum over many rounds of few games is biased upwards.
    """
    best, last = max(rounds, key=lambda one: one.mean_score), rounds[-1]
    if last.averaged > 1 and best.mean_score - last.mean_score <= _standard_error(best, last):
        return last
    return best


def _standard_error(one: DaggerRound, other: DaggerRound) -> float:
    """Standard error of the difference of the mean scores; infinite if either has only one game."""
    squares = (
        np.var(r.scores, ddof=1) / len(r.scores) if len(r.scores) > 1 else np.inf for r in (one, other)
    )
    return float(np.sqrt(sum(squares)))


def rounds_since_best(rounds: Sequence[DaggerRound]) -> int:
    """Number of rounds after the first of the best ones."""
    means = [one.mean_score for one in rounds]
    return len(means) - 1 - means.index(max(means))


def _play_round(
    checkpoint: Path, fps: int, config: DaggerConfig, number: int, workers: "DaggerWorkers", job: Job
) -> DaggerRound:
    first = config.seed + number * config.games
    episodes = [
        DaggerEpisode(
            None if config.teacher_plays else checkpoint,
            config.make_game,
            config.make_teacher,
            config.recordings,
            fps,
            config.game_seconds,
            seed,
            config.live_file if seed == first else None,
        )
        for seed in range(first, first + config.games)
    ]
    played = workers.play(episodes, job)
    return DaggerRound(
        number, tuple(one.score for one in played), tuple(one.recording for one in played), checkpoint
    )


def _report_round(rounds: Sequence[DaggerRound], config: DaggerConfig, job: Job) -> None:
    last = rounds[-1]
    scores = " ".join(f"{score:g}" for score in last.scores)
    title = f"Mean of {last.averaged} networks" if last.averaged > 1 else f"Round {last.number}"
    job.note(f"{title}: mean score {last.mean_score:.1f} ({scores}).")
    metrics = {"score_mean": last.mean_score}
    done = min(last.number, config.rounds)
    job.emit(Progress(done=done, total=config.rounds, unit="rounds", metrics=metrics))


def round_table(rounds: Sequence[DaggerRound]) -> Table:
    """Scores by round, as a table."""
    rows: list[list[str | float | int | None]] = []
    for one in rounds:
        interval = bootstrap_interval(one.scores)
        games = " ".join(f"{score:g}" for score in one.scores)
        number = one.number if one.averaged == 1 else f"mean of {one.averaged}"
        rows.append([number, round(one.mean_score, 2), f"{interval.low:.1f} to {interval.high:.1f}", games])
    return Table(title="Practice", columns=["after round", "mean score", "95 %", "games"], rows=rows)


@dataclass(frozen=True)
class DaggerEpisode:
    """One game to play and label."""

    checkpoint: Path | None
    """The model that plays; None lets the teacher play."""
    make_game: GameFactory
    make_teacher: DriverFactory
    recordings: Path
    """Folder for the recording; the teacher's keys are its labels."""
    fps: int
    """Decisions per second."""
    seconds: float
    """Time limit in seconds of play."""
    seed: int
    live_file: Path | None = None


@dataclass(frozen=True)
class DaggerEpisodeResult:
    """Score and recording of one game."""

    score: float
    recording: Path


class DaggerWorkers:
    """Worker processes that play games; a context manager."""

    def __init__(self, workers: int) -> None:
        self._stop = multiprocessing.get_context("spawn").Event()
        self._pool = worker_pool(workers, _initialize_worker, self._stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def play(self, episodes: Sequence[DaggerEpisode], job: Job) -> list[DaggerEpisodeResult]:
        """Play all episodes in parallel; results in the same order, empty if the job is stopped.

        Raises `JobFailed` if a game has no score, and what the game and the recorder raise.
        """
        futures = [self._pool.submit(_play, episode) for episode in episodes]
        while not all(future.done() for future in futures):
            if job.wait_for_stop(STOP_POLL_SECONDS):
                return []
        return [future.result() for future in futures]


_job = Job()
"""Job of this worker process; stops together with the main process's job."""


def _initialize_worker(stop: Event) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_stop_on_event, args=(stop,), daemon=True, name="stop").start()


def _stop_on_event(stop: Event) -> None:
    stop.wait()
    _job.stop()


def _play(episode: DaggerEpisode) -> DaggerEpisodeResult:
    time_source = SimulatedTime()
    job = _job.with_listeners(LiveFile(episode.live_file)) if episode.live_file else _job
    with closing(episode.make_game(episode.seed, time_source)) as game:
        teacher = episode.make_teacher(game)
        clock = Clock(episode.fps, time_source)
        if episode.checkpoint:
            player = PolicyInput(game, clock, _model_driver(episode.checkpoint), teacher=teacher)
        else:
            player = PolicyInput(game, clock, teacher)
        recorded = record(
            player,
            RecordSettings(),
            job,
            root=episode.recordings,
            seconds=episode.seconds,
            episodes=1,
        )
        status = game.status()
    if status is None or recorded.path is None:
        raise JobFailed("Expected a game with frames and a score, found none.")
    return DaggerEpisodeResult((recorded.scores or (status.score,))[0], recorded.path)


def _model_driver(checkpoint: Path) -> Driver:
    from agp_tui.imitation.network_policy import NetworkPolicy

    model = load_checkpoint(checkpoint)
    return PolicyDriver(NetworkPolicy(model.network(), model.keys, model.thresholds, model.fps))
