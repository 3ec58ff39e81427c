"""The demo job: the whole imitation loop on an Atari game, from nothing to a table of scores."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agp_tui.config import DemoSettings, ExportSettings, GameSettings, PlaySettings, RecordSettings, convert
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
from agp_tui.recording.inputs import PolicyInput
from agp_tui.recording.meta import game_slug
from agp_tui.recording.recorder import record
from agp_tui.recording.store import find_recordings

EXPERT, PRACTISED, PLAIN, RANDOM = "expert", "clone after practice", "plain clone", "random"
"""The players, as the table calls them."""

Rows = list[list[str | float | int | None]]


def way_to_expert(scores: dict[str, ScoreSummary]) -> dict[str, float]:
    """How far each is on the way from random play (0) to the expert (1), by mean score."""
    whole = scores[EXPERT].mean - scores[RANDOM].mean
    gained = {who: result.mean - scores[RANDOM].mean for who, result in scores.items()}
    return {who: points / whole if whole else 0.0 for who, points in gained.items()}


def score_table(game: str, scores: dict[str, ScoreSummary]) -> Table:
    """A row for each player: mean, interval, games, and how far it came."""
    way = way_to_expert(scores)
    rows: Rows = [
        [
            who,
            round(result.mean, 1),
            f"{result.low:.1f} to {result.high:.1f}",
            len(result.scores),
            result.truncated,
            round(way[who], 2),
        ]
        for who, result in scores.items()
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
    """The rest that is worth knowing. `live` is play in real time, `validation` is of the plain clone."""
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


def _f1(validation: dict[str, Any], who: str) -> str:
    figures = validation.get(who)
    return f"{figures['f1']:.2f}, at changes {figures['change_f1']:.2f}" if figures else "-"


def _megabytes(folders: list[Path]) -> str:
    return f"{sum(map(size_of, folders)) / 1e6:.1f} MB"


STAGES = 6
DEMONSTRATIONS = 4
"""Recordings that the expert's play is spread over, so that one can be held out."""

TRAIN_SHARE, PRACTICE_SHARE = 0.2, 0.73
"""Of the whole time: when training and when practice are to be over."""

EXAM_SEED, PRACTICE_SEED = 100, 1_000
"""Nobody is judged in games that were recorded or practised on."""

ROUNDS, ROUND_GAMES, ROUND_GAME_SECONDS, ROUND_MINUTES = 30, 4, 60.0, 0.4
"""Practice goes on round by round until its share of the time is over."""


@dataclass(frozen=True)
class _Demo:
    """The parts of one demonstration share these."""

    asked: DemoRequest
    games: AtariGameFactory
    job: Job
    run: Run
    begun: float
    """On the monotonic clock."""

    @property
    def settings(self) -> DemoSettings:
        return self.asked.settings

    def minutes_until(self, share: float) -> float:
        """Minutes left until that share of the whole time has gone; a little, if it has already."""
        return max((self.moment(share) - time.monotonic()) / 60, 0.1)

    def moment(self, share: float) -> float:
        """When that share of the whole time has gone, on the monotonic clock."""
        return self.begun + share * self.settings.minutes * 60

    def begin(self, name: str, number: int) -> None:
        """The next part begins. Raises `JobFailed` where a person has asked for the end."""
        if self.job.stopping:
            raise JobStopped(f"Stopped before the part: {name}.", "What was made so far is kept.")
        self.job.stage(name, number, STAGES)


def run_demo(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Record an expert, train, practise, export, let everybody play whole games, play in real time."""
    asked = convert(request, DemoRequest)
    settings = asked.settings
    find_teacher(settings.game, "expert", asked.models, run.path.parent)
    place = GameSettings(keys=default_keys(settings.game), fps=settings.fps, sticky=settings.sticky)
    games = AtariGameFactory(settings.game, place)
    demo = _Demo(asked, games, job, run, time.monotonic())
    recordings = _demonstrate(demo)
    plain = _train(demo, recordings)
    practised = _practise(demo, plain, recordings)
    models = _export(demo, plain, practised)
    scores = _exam(demo, models)
    live = _play(demo, models[PRACTISED])
    return _told(demo, scores, live, models, recordings)


def _demonstrate(demo: _Demo) -> list[Path]:
    demo.begin(f"an expert plays {demo.settings.game} and is recorded", 1)
    seconds = demo.settings.demonstration * 60 / DEMONSTRATIONS
    shown = demo.job.subjob()

    def one(seed: int) -> Path:
        source = SimulatedTime()
        with closing(demo.games(seed, source)) as game:
            recorded = record(
                PolicyInput(game, Clock(demo.settings.fps, source), expert_driver(game)),
                RecordSettings(),
                # They are played side by side; a person can watch one.
                shown if seed == 0 else demo.job.muted(),
                root=demo.asked.recordings,
                seconds=seconds,
            )
        if recorded.path is None:
            raise JobStopped("Stopped before the expert had played.")
        return recorded.path

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(DEMONSTRATIONS)))


def _train(demo: _Demo, recordings: list[Path]) -> Path:
    """The checkpoint of a clone that has only watched."""
    from agp_tui.imitation.recipes import train_bc

    demo.begin("a model learns from the recordings", 2)
    return train_bc(
        recordings,
        demo.run,
        demo.job.subjob(),
        minutes=demo.minutes_until(TRAIN_SHARE),
        segment=demo.settings.segment,
        frame_size=demo.settings.frame_size,
    )


def _practise(demo: _Demo, plain: Path, recordings: list[Path]) -> Path:
    """The checkpoint of the clone after it was corrected in the states it got itself into."""
    from agp_tui.imitation.checkpoint import BEST
    from agp_tui.imitation.dagger import DaggerConfig
    from agp_tui.imitation.recipes import continue_training

    demo.begin("it practises and the expert corrects it", 3)
    folder = demo.run.path / "practice"
    lesson = DaggerConfig(
        make_game=demo.games,
        make_teacher=expert_driver,
        recordings=demo.asked.recordings,
        rounds=ROUNDS,
        games=ROUND_GAMES,
        game_seconds=ROUND_GAME_SECONDS,
        minutes=ROUND_MINUTES,
        seed=PRACTICE_SEED,
        until=demo.moment(PRACTICE_SHARE),
        live_file=demo.run.live_file,
    )
    continue_training(plain, recordings, lesson, folder, demo.job)
    return folder / BEST


def _export(demo: _Demo, plain: Path, practised: Path) -> dict[str, Path]:
    """Both clones as models, by what they are called in the table."""
    from agp_tui.imitation.export import export

    demo.begin("both clones are exported as .tflite", 4)
    name = game_slug(demo.settings.game).lower()
    wanted = {PLAIN: (plain, f"{name}-demo-plain"), PRACTISED: (practised, f"{name}-demo")}
    quiet = demo.job.muted()
    with ThreadPoolExecutor(len(wanted)) as pool:
        exports = {
            who: pool.submit(export, checkpoint, ExportSettings(), demo.asked.models, quiet, model)
            for who, (checkpoint, model) in wanted.items()
        }
        for done, _ in enumerate(as_completed(exports.values()), 1):
            demo.job.emit(Progress(done=done, total=len(exports), unit="models"))
        models = {who: one.result() for who, one in exports.items()}
    # The newest model of a game is the one that the app offers first.
    os.utime(models[PRACTISED])
    return models


def _exam(demo: _Demo, models: dict[str, Path]) -> dict[str, ScoreSummary]:
    """Games of everybody, from the same seeds."""
    demo.begin(f"everybody plays {demo.settings.games} games", 5)
    players: dict[str, DriverFactory] = {
        EXPERT: expert_driver,
        PRACTISED: ModelDriverFactory(StoredModel(models[PRACTISED])),
        PLAIN: ModelDriverFactory(StoredModel(models[PLAIN])),
        RANDOM: random_driver,
    }
    scores = {}
    for who, player in players.items():
        demo.job.note(f"{who} plays.")
        scores[who] = play_episodes(
            demo.games,
            player,
            episodes=demo.settings.games,
            fps=demo.settings.fps,
            max_seconds=demo.settings.game_seconds,
            seed=EXAM_SEED,
            workers=available_cpus(),
            job=demo.job,
        )
        demo.job.note(f"{who}: {scores[who].mean:.1f} points on average")
    return scores


def _play(demo: _Demo, model: Path) -> Finished:
    """The practised clone against the clock."""
    demo.begin("the practised clone plays in real time", 6)
    settings = PlaySettings(seconds=demo.settings.live_seconds)
    source = SimulatedTime() if demo.settings.fast else RealTime()
    policy = load_policy(model, settings)
    with closing(demo.games(EXAM_SEED, source)) as game:
        return play(game, policy, settings, demo.job, Clock(policy.fps, source))


def _told(
    demo: _Demo,
    scores: dict[str, ScoreSummary],
    live: Finished,
    models: dict[str, Path],
    recordings: list[Path],
) -> Finished:
    """The tables, and where everything is."""
    way = way_to_expert(scores)
    demo.job.emit(score_table(demo.settings.game, scores))
    known = find_recordings(demo.asked.recordings, demo.settings.game)
    demo.job.emit(
        figure_table(
            live,
            budget_ms=1000 / demo.settings.fps,
            validation=read_manifest(models[PLAIN]).validation,
            recordings=recordings,
            others=[path for path in known if path not in recordings],
            model=models[PRACTISED],
            seconds=time.monotonic() - demo.begun,
        )
    )
    demo.job.note(f"Watch it with its keys in any video player: {recordings[0] / 'frames.mkv'}")
    demo.job.note(f"Let it play again: agp play {models[PRACTISED].name} --seconds 60")
    return Finished(
        job="demo",
        run=demo.run.id,
        model=str(models[PRACTISED]),
        recordings=[str(path) for path in recordings],
        latency_ms=live.latency_ms,
        deadline_misses=live.deadline_misses,
        decisions=live.decisions,
        scores=list(scores[PRACTISED].scores),
        score_mean=round(scores[PRACTISED].mean, 2),
        metrics={"way_to_expert": round(way[PRACTISED], 3), "way_to_expert_plain": round(way[PLAIN], 3)},
        report={who: asdict(result) for who, result in scores.items()},
    )
