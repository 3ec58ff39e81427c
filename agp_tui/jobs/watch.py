"""The job in which somebody plays an Atari game to be watched; nothing is recorded."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agp_tui.autoplay.manifest import find_model
from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.clock import NS, Clock, RealTime
from agp_tui.engine.events import Finished, Live
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver
from agp_tui.games.names import is_atari
from agp_tui.games.opening import complete
from agp_tui.games.preview import Preview
from agp_tui.jobs.drivers import ModelDriver, expert_driver, random_driver
from agp_tui.keys.state import NO_KEYS

EXPERT, CHANCE = "expert", "chance"
"""Players that need no model."""


@dataclass(frozen=True, kw_only=True)
class WatchGameAsked:
    """What `agp atari watch` asks for."""

    game: str
    by: str
    """`expert`, `chance`, or a model."""
    place: GameSettings
    models: Path
    seconds: float | None = None
    preview: PreviewSettings = PreviewSettings()


def run_watch_game(asked: WatchGameAsked, job: Job) -> Finished:
    """Play in real time until it is stopped. Raises `SettingError` or `ModelError` before the first frame."""
    if not is_atari(asked.game):
        raise SettingError(
            f"Expected an Atari game to watch, found {asked.game}.", "agp atari list shows them all."
        )
    clock = Clock(asked.place.fps, source := RealTime())
    with closing(AtariGame(asked.game, complete(asked.game, asked.place), source)) as game:
        driver = _driver(asked, game)
        return _played(game, driver, clock, asked, job)


def _driver(asked: WatchGameAsked, game: AtariGame) -> Driver:
    if asked.by == EXPERT:
        return expert_driver(game)
    if asked.by == CHANCE:
        return random_driver(game)
    return ModelDriver(find_model(asked.models, asked.by))(game)


def _played(game: AtariGame, driver: Driver, clock: Clock, asked: WatchGameAsked, job: Job) -> Finished:
    preview, held = Preview(asked.preview), NO_KEYS
    status = game.status()
    counts = dict.fromkeys(game.keys, 0)
    decisions = 0
    for slot in clock.slots(asked.seconds):
        if job.stopping:
            break
        frame = game.grab()
        keys = driver.decide(frame)
        decisions += 1
        if keys != held:
            game.hold(keys)
            held = keys
        for key in held:
            counts[key] += 1
        status = game.status()
        if preview.due():
            pace, picture = clock.pace(), preview.thumbnail(frame.pixels)
            job.emit(
                Live(
                    seconds=round(slot * clock.period_ns / NS, 2),
                    fps=pace.fps,
                    fps_asked=clock.fps,
                    frames=pace.filled,
                    missed=pace.missed,
                    held=[key for key in game.keys if key in held],
                    shares={key: round(count / decisions, 3) for key, count in counts.items()},
                    score=status.score,
                    lives=status.lives,
                    thumbnail=picture.rgb,
                    thumbnail_size=picture.size,
                )
            )
    pace, scores = clock.pace(), list(status.finished_scores)
    return Finished(
        job="watch",
        frames=pace.filled,
        seconds=round(pace.slots / clock.fps, 2),
        fps=pace.fps,
        missed=pace.missed,
        decisions=decisions,
        scores=scores or None,
        score_mean=round(sum(scores) / len(scores), 3) if scores else None,
        report={"score": status.score},
    )
