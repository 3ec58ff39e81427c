"""The demo job: the whole imitation loop on an Atari game, from the first recording to a table of scores."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import Any

from agp_tui.config import ExportSettings, GameSettings, PlaySettings, RecordSettings, convert
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped
from agp_tui.evaluation.rollouts import ScoreSummary, play_episodes
from agp_tui.files import size_of
from agp_tui.games.atari import AtariGameFactory, default_keys
from agp_tui.games.base import DriverFactory
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.jobs.driver_factory import ModelDriverFactory
from agp_tui.jobs.practice import find_teacher
from agp_tui.models.loading import StoredModel, load_policy
from agp_tui.models.manifest import read_manifest
from agp_tui.play.player import play
from agp_tui.protocol.events import Finished, Progress, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.requests import DemoRequest
from agp_tui.protocol.results import DemoResult, PlayerScores
from agp_tui.recording.inputs import PolicyInput
from agp_tui.recording.meta import game_slug
from agp_tui.recording.recorder import record
from agp_tui.recording.store import find_recordings

EXPERT, PRACTISED, PLAIN, RANDOM = "expert", "clone after practice", "plain clone", "random"
"""The players, as named in the tables and the report: the clones are the model after and before DAgger."""

STAGES = 6
DEMONSTRATIONS = 4
"""Number of recordings of the expert, so that one can be held out."""

TRAIN_SHARE, PRACTICE_SHARE = 0.2, 0.73
"""Shares of the time at which behavior cloning and DAgger end."""

EVAL_SEED, PRACTICE_SEED = 100, 1_000
"""Evaluation uses other games than recording and practice."""

ROUNDS, ROUND_GAMES, ROUND_GAME_SECONDS, ROUND_MINUTES = 30, 4, 60.0, 0.4
"""DAgger normally ends before the last round, when its share of the time is over."""

Rows = list[list[str | float | int | None]]


def run_demo(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Record an expert, clone it, run DAgger, export, evaluate all players, and play in real time."""
    demo = _Demo(convert(request, DemoRequest), job, run)
    recordings = demo.record_expert()
    plain = demo.clone_expert(recordings)
    practised = demo.run_dagger(plain, recordings)
    models = demo.export_models(plain, practised)
    scores = demo.evaluate_players(models)
    live = demo.play_live(models[PRACTISED])
    return demo.report(scores, live, models, recordings)


class _Demo:
    """The stages of a demo."""

    def __init__(self, request: DemoRequest, job: Job, run: Run) -> None:
        settings = request.settings
        find_teacher(settings.game, "expert", request.models, run.path.parent)
        self.request, self.settings, self.job, self.run = request, settings, job, run
        game = GameSettings(keys=default_keys(settings.game), fps=settings.fps, sticky=settings.sticky)
        self.make_game = AtariGameFactory(settings.game, game)
        self.started = time.monotonic()

    def time_at(self, share: float) -> float:
        """The monotonic time at which this share of the demo's minutes is over."""
        return self.started + share * self.settings.minutes * 60

    def start_stage(self, name: str, number: int) -> None:
        """Raises `JobStopped` if the job is stopped."""
        if self.job.stopping:
            raise JobStopped(f"Stopped before the part: {name}.", "The files made so far remain.")
        self.job.stage(name, number, STAGES)

    def record_expert(self) -> list[Path]:
        """Record the scripted expert in games on simulated time."""
        self.start_stage(f"an expert plays {self.settings.game} and is recorded", 1)
        seconds = self.settings.demonstration * 60 / DEMONSTRATIONS
        visible = self.job.subjob()

        def record_one(seed: int) -> Path:
            time_source = SimulatedTime()
            with closing(self.make_game(seed, time_source)) as game:
                recorded = record(
                    PolicyInput(game, Clock(self.settings.fps, time_source), expert_driver(game)),
                    RecordSettings(),
                    # Games are played in parallel; one of them is shown.
                    visible if seed == 0 else self.job.muted(),
                    root=self.request.recordings,
                    seconds=seconds,
                )
            if recorded.path is None:
                raise JobStopped("Stopped before the expert had played.")
            return recorded.path

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(record_one, range(DEMONSTRATIONS)))

    def clone_expert(self, recordings: list[Path]) -> Path:
        """Behavior cloning; returns the checkpoint."""
        from agp_tui.imitation.train import train_bc

        self.start_stage("a model learns from the recordings", 2)
        return train_bc(
            recordings,
            self.run,
            self.job.subjob(),
            minutes=max((self.time_at(TRAIN_SHARE) - time.monotonic()) / 60, 0.1),
            segment=self.settings.segment,
            frame_size=self.settings.frame_size,
        )

    def run_dagger(self, plain: Path, recordings: list[Path]) -> Path:
        """DAgger with the expert as the teacher; returns the checkpoint of the best round."""
        from agp_tui.imitation.checkpoint import BEST
        from agp_tui.imitation.dagger import DaggerConfig, continue_training

        self.start_stage("it practises and the expert corrects it", 3)
        folder = self.run.path / "practice"
        config = DaggerConfig(
            make_game=self.make_game,
            make_teacher=expert_driver,
            recordings=self.request.recordings,
            rounds=ROUNDS,
            games=ROUND_GAMES,
            game_seconds=ROUND_GAME_SECONDS,
            minutes=ROUND_MINUTES,
            seed=PRACTICE_SEED,
            deadline=self.time_at(PRACTICE_SHARE),
            live_file=self.run.live_file,
        )
        continue_training(plain, recordings, config, folder, self.job)
        return folder / BEST

    def export_models(self, plain: Path, practised: Path) -> dict[str, Path]:
        """Export both clones; returns the model folders by player."""
        from agp_tui.imitation.export import export

        self.start_stage("both clones are exported as .tflite", 4)
        name = game_slug(self.settings.game).lower()
        checkpoints = {PLAIN: (plain, f"{name}-demo-plain"), PRACTISED: (practised, f"{name}-demo")}
        job = self.job.muted()
        with ThreadPoolExecutor(len(checkpoints)) as pool:
            exports = {
                player: pool.submit(export, checkpoint, ExportSettings(), self.request.models, job, model)
                for player, (checkpoint, model) in checkpoints.items()
            }
            for done, _ in enumerate(as_completed(exports.values()), 1):
                self.job.emit(Progress(done=done, total=len(exports), unit="models"))
            models = {player: future.result() for player, future in exports.items()}
        # The app selects the newest model of a game by default.
        os.utime(models[PRACTISED])
        return models

    def evaluate_players(self, models: dict[str, Path]) -> dict[str, ScoreSummary]:
        """Scores of all players in games with the same seeds."""
        self.start_stage(f"everybody plays {self.settings.games} games", 5)
        drivers: dict[str, DriverFactory] = {
            EXPERT: expert_driver,
            PRACTISED: ModelDriverFactory(StoredModel(models[PRACTISED])),
            PLAIN: ModelDriverFactory(StoredModel(models[PLAIN])),
            RANDOM: random_driver,
        }
        scores = {}
        for player, driver in drivers.items():
            self.job.note(f"{player} plays.")
            scores[player] = play_episodes(
                self.make_game,
                driver,
                episodes=self.settings.games,
                fps=self.settings.fps,
                max_seconds=self.settings.game_seconds,
                seed=EVAL_SEED,
                workers=available_cpus(),
                job=self.job,
            )
            self.job.note(f"{player}: mean score {scores[player].mean:.1f}")
        return scores

    def play_live(self, model: Path) -> Finished:
        """Let the model play in real time, which measures its latency."""
        self.start_stage("the practised clone plays in real time", 6)
        settings = PlaySettings(seconds=self.settings.live_seconds)
        time_source = SimulatedTime() if self.settings.fast else RealTime()
        policy = load_policy(model, settings)
        with closing(self.make_game(EVAL_SEED, time_source)) as game:
            return play(game, policy, settings, self.job, Clock(policy.fps, time_source))

    def report(
        self,
        scores: dict[str, ScoreSummary],
        live: Finished,
        models: dict[str, Path],
        recordings: list[Path],
    ) -> Finished:
        """Emit the tables; returns the result of the job."""
        share = expert_share(scores)
        self.job.emit(score_table(self.settings.game, scores))
        known = find_recordings(self.request.recordings, self.settings.game)
        self.job.emit(
            figure_table(
                live,
                budget_ms=1000 / self.settings.fps,
                validation=read_manifest(models[PLAIN]).validation,
                recordings=recordings,
                others=[path for path in known if path not in recordings],
                model=models[PRACTISED],
                seconds=time.monotonic() - self.started,
            )
        )
        self.job.note(f"Watch it with its keys in any video player: {recordings[0] / 'frames.mkv'}")
        self.job.note(f"Let it play again: agp play {models[PRACTISED].name} --seconds 60")
        return Finished(
            job="demo",
            run=self.run.id,
            model=str(models[PRACTISED]),
            recordings=[str(path) for path in recordings],
            latency_ms=live.latency_ms,
            deadline_misses=live.deadline_misses,
            decisions=live.decisions,
            scores=list(scores[PRACTISED].scores),
            score_mean=round(scores[PRACTISED].mean, 2),
            metrics={
                "way_to_expert": round(share[PRACTISED], 3),
                "way_to_expert_plain": round(share[PLAIN], 3),
            },
            report=DemoResult(
                expert=_player_scores(scores[EXPERT]),
                practised=_player_scores(scores[PRACTISED]),
                plain=_player_scores(scores[PLAIN]),
                random=_player_scores(scores[RANDOM]),
            ),
        )


def _player_scores(result: ScoreSummary) -> PlayerScores:
    return PlayerScores(
        scores=result.scores,
        mean=result.mean,
        low=result.low,
        high=result.high,
        capped=result.truncated,
        decisions=result.decisions,
    )


def expert_share(scores: dict[str, ScoreSummary]) -> dict[str, float]:
    """Mean scores normalized to 0 for random play and 1 for the expert."""
    lowest = scores[RANDOM].mean
    distance = scores[EXPERT].mean - lowest
    return {
        player: (result.mean - lowest) / distance if distance else 0.0 for player, result in scores.items()
    }


def score_table(game: str, scores: dict[str, ScoreSummary]) -> Table:
    """A row per player: mean, interval, games, and normalized score."""
    share = expert_share(scores)
    rows: Rows = [
        [
            player,
            round(result.mean, 1),
            f"{result.low:.1f} to {result.high:.1f}",
            len(result.scores),
            result.truncated,
            round(share[player], 2),
        ]
        for player, result in scores.items()
    ]
    columns = ["player", "mean score", "95 % interval", "games", "capped", "way to the expert"]
    return Table(title=f"Scores in {game}", columns=columns, rows=rows)


def figure_table(
    live: Finished,
    *,
    budget_ms: float,
    validation: dict[str, Any],
    recordings: list[Path],
    others: list[Path],
    model: Path,
    seconds: float,
) -> Table:
    """Validation metrics of the plain clone, latency of `live` (play in real time), sizes and time."""
    latency = live.latency_ms or Percentiles(0.0, 0.0, 0.0)
    rows: Rows = [
        ["plain clone, F1 on held-out frames", _f1(validation, "model")],
        ["repeating the last keys, F1", _f1(validation, "repeat")],
        ["the most frequent keys, F1", _f1(validation, "majority")],
        ["decision latency p50, p99", f"{latency.p50:.1f}, {latency.p99:.1f} ms of {budget_ms:.0f} ms"],
        ["decisions, deadlines missed", f"{live.decisions}, {live.deadline_misses}"],
        ["the expert's recordings", f"{_megabytes(recordings)} in {len(recordings)}"],
        ["corrections and older recordings", f"{_megabytes(others)} in {len(others)}"],
        ["model", f"{_megabytes([model])} in {model}"],
        ["seconds in all", f"{seconds:.0f}"],
    ]
    return Table(title="Figures", columns=["what", "value"], rows=rows)


def _f1(validation: dict[str, Any], predictor: str) -> str:
    scores = validation.get(predictor)
    return f"{scores['f1']:.2f}, at changes {scores['change_f1']:.2f}" if scores else "-"


def _megabytes(folders: list[Path]) -> str:
    return f"{sum(map(size_of, folders)) / 1e6:.1f} MB"
