"""The job in which somebody plays an Atari game to be watched; nothing is recorded."""

import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.agent_files import find_agent
from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.clock import NS, PlaybackClock, SimulatedTime, check_speed
from agp_tui.engine.job import Job
from agp_tui.errors import ModelError, SettingError
from agp_tui.games.atari import FRAMES_PER_SECOND, AtariGame
from agp_tui.games.base import Driver, DriverFactory, Frame
from agp_tui.games.factory import complete
from agp_tui.games.ids import is_atari
from agp_tui.games.live_preview import Preview, Thumbnail, live_event
from agp_tui.jobs.driver_factory import EXPERT, AgentDriverFactory, ModelDriverFactory, driver_factory
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.models.policy import PolicyDriver
from agp_tui.protocol.commands import AnyCommand, Step
from agp_tui.protocol.events import Finished
from agp_tui.protocol.results import WatchResult

LISTEN_SECONDS = 0.01
"""How long a command may wait before it is looked at."""
REPEAT_SECONDS = 1.0
"""Where nothing changes, it is told so often: a reader who was behind misses single events."""
LAG_SECONDS = 0.25
"""Further behind than this, what is due is given up instead of being made up for in a burst."""


class Show:
    """The game, who plays it, and how much of it was played."""

    def __init__(
        self, game: AtariGame, driver: Driver, source: SimulatedTime, preview: Preview, job: Job
    ) -> None:
        self._game, self._driver, self._source = game, driver, source
        self._preview, self._job = preview, job
        self._held: Keys = NO_KEYS
        self._counts = dict.fromkeys(game.keys, 0)
        self._frame: Frame | None = None
        self._played = 0
        self._lost = 0
        """Frames that were due while the machine was busy, and were given up."""
        self._shown_seconds = 0.0
        """Of the machine's time, without pauses."""
        self._told: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=10)
        """When it was told of how many frames."""

    def play(self, speed: float, *, paused: bool, most: int | None) -> None:
        """Frame after frame, `most` at most, or until the job is stopped; obey commands at once."""
        before = time.monotonic()
        clock = PlaybackClock(before, speed=speed, paused=paused)
        applied = False
        while not self._job.stopping and self._played != most:
            now = time.monotonic()
            self._shown_seconds += 0.0 if clock.paused else now - before
            before = now
            for command in self._job.commands():
                applied |= self._apply(command, clock, now)
            if behind := self._due(clock, now) - self._played:
                self._next()
                self._give_up(behind - 1, clock, now)
            then, shown = self._told[-1]
            fresh = self._played != shown and self._preview.due()
            if fresh or (applied and behind <= 1) or now - then >= REPEAT_SECONDS:
                self._tell(clock, now)
                applied = False
            if behind <= 1:
                self._job.wait_for_stop(self._rest(clock))

    def finished(self) -> Finished:
        """What came of it."""
        status = self._game.status()
        scores = list(status.finished_scores)
        return Finished(
            job="watch",
            frames=self._played,
            seconds=round(self._played / self._game.fps, 2),
            fps=round(self._played / self._shown_seconds, 2) if self._shown_seconds else None,
            missed=self._lost,
            decisions=self._played,
            scores=scores or None,
            score_mean=round(sum(scores) / len(scores), 3) if scores else None,
            report=WatchResult(score=status.score),
        )

    def _due(self, clock: PlaybackClock, now: float) -> int:
        """How many frames should have been played; the first one at once."""
        return max(self._played, int(clock.seconds(now) * self._game.fps + 1e-6) + 1)

    def _apply(self, command: AnyCommand, clock: PlaybackClock, now: float) -> bool:
        if not isinstance(command, Step):
            return clock.apply(command, now)
        # There is no way back in a game; from what is due, so that quick steps add up.
        wanted = self._due(clock, now) + max(0, command.frames)
        clock.pause(now)
        clock.seek((wanted - 1) / self._game.fps, now)
        return True

    def _next(self) -> None:
        """One frame: look, decide, hold."""
        self._source.sleep_until(round(self._played * NS / self._game.fps))
        self._frame = self._game.grab()
        keys = self._driver.decide(self._frame)
        if keys != self._held:
            self._game.hold(keys)
            self._held = keys
        for key in self._counts.keys() & self._held:
            self._counts[key] += 1
        self._played += 1

    def _give_up(self, behind: int, clock: PlaybackClock, now: float) -> None:
        if not clock.paused and behind > LAG_SECONDS * self._game.fps * clock.speed:
            self._lost += behind
            clock.seek((self._played - 1) / self._game.fps, now)

    def _rest(self, clock: PlaybackClock) -> float:
        """Seconds until something may happen."""
        if clock.paused:
            return LISTEN_SECONDS
        left = (self._played / self._game.fps - clock.seconds(time.monotonic())) / clock.speed
        return min(max(left, 0.0), LISTEN_SECONDS)

    def _tell(self, clock: PlaybackClock, now: float) -> None:
        then, before = self._told[0]
        self._told.append((now, self._played))
        frame, status = self._frame, self._game.status()
        picture = self._preview.thumbnail(frame.pixels) if frame is not None else Thumbnail()
        mind, asked = _mind_of(self._driver), self._game.fps * clock.speed
        rate = (self._played - before) / max(now - then, 1e-3)
        self._job.emit(
            live_event(
                picture,
                seconds=round(self._played / self._game.fps, 2),
                fps=round(min(rate, asked), 1),
                fps_asked=round(asked, 2),
                frames=self._played,
                missed=self._lost,
                status=status,
                keys=self._game.keys,
                held=self._held,
                shares={key: round(n / max(1, self._played), 3) for key, n in self._counts.items()},
                probabilities=_ordered(mind.wishes, self._game.keys),
                thresholds={key: round(at, 3) for key, at in mind.thresholds.items()},
                value=None if mind.value is None else round(mind.value, 3),
                paused=clock.paused,
                speed=clock.speed,
            )
        )


@runtime_checkable
class Valuing(Protocol):
    """A player that says how much it wants each key, and what the state is worth: an agent."""

    @property
    def value(self) -> float | None: ...

    def wishes(self) -> dict[str, float]: ...


@dataclass(frozen=True)
class _Mind:
    """What a player makes of what it sees, by key; a script or chance makes nothing of it."""

    wishes: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    value: float | None = None


def _mind_of(driver: Driver) -> _Mind:
    if isinstance(driver, PolicyDriver):
        policy = driver.policy
        return _Mind(_by_key(policy.keys, driver.latest), _by_key(policy.keys, policy.thresholds))
    if isinstance(driver, Valuing):
        return _Mind(driver.wishes(), {}, driver.value)
    return _Mind()


def _by_key(keys: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(keys, map(float, values), strict=True))


def _ordered(wishes: dict[str, float], keys: tuple[str, ...]) -> dict[str, float]:
    return {key: round(wishes.get(key, 0.0), 3) for key in keys} if wishes else {}


@dataclass(frozen=True, kw_only=True)
class WatchGameRequest:
    """What `agp atari watch` asks for."""

    what: str
    """An Atari id, or an agent, which plays its own game."""
    by: str | None
    """`expert` (the default for a game), `chance`, a model or an agent; None where `what` is an agent."""
    place: GameSettings
    models: Path
    runs: Path
    seconds: float | None = None
    """Of play, whatever the speed."""
    speed: float = 1.0
    paused: bool = False
    preview: PreviewSettings = PreviewSettings()


def run_watch_game(asked: WatchGameRequest, job: Job) -> Finished:
    """Play until it is stopped; obey Pause, Resume, Step (forwards, pauses) and Speed at once.

    The `probabilities` of an agent's `Live` events are, by key, the sum of its preferences for the actions
    that hold the key. Raises `SettingError` or `ModelError` before the first frame.
    """
    check_speed(asked.speed)
    name, place, seat = _seated(asked)
    source = SimulatedTime()
    with closing(AtariGame(name, place, source)) as game:
        show = Show(game, seat(game), source, Preview(asked.preview), job)
        most = None if asked.seconds is None else max(1, round(asked.seconds * game.fps))
        show.play(asked.speed, paused=asked.paused, most=most)
        return show.finished()


def _seated(asked: WatchGameRequest) -> tuple[str, GameSettings, DriverFactory]:
    """The game, its settings as the player needs them, and the player."""
    if is_atari(asked.what):
        name, seat = asked.what, driver_factory(asked.by or EXPERT, asked.models, asked.runs)
    elif asked.by is not None:
        raise SettingError(
            f"Expected a game with --by, such as ALE/Pong-v5, found {asked.what!r}.",
            "An agent plays its own game: leave out --by, or name the game.",
        )
    else:
        name, seat = "", AgentDriverFactory(_agent(asked))
    if isinstance(seat, AgentDriverFactory):
        return _for_agent(seat, name, asked.place)
    if isinstance(seat, ModelDriverFactory) and (manifest := seat.model.manifest) is not None:
        keys = asked.place.keys or manifest.keys
        return name, complete(name, replace(asked.place, keys=keys, fps=manifest.fps)), seat
    return name, complete(name, asked.place), seat


def _agent(asked: WatchGameRequest) -> Path:
    try:
        return find_agent(asked.what, asked.models, asked.runs)
    except ModelError as error:
        raise ModelError(
            f"Expected an Atari game or an agent to watch, found {asked.what!r}, which is neither.",
            f"A game is an id such as ALE/Pong-v5; agp atari list shows them all. {error.hint}",
        ) from error


def _for_agent(
    seat: AgentDriverFactory, name: str, place: GameSettings
) -> tuple[str, GameSettings, DriverFactory]:
    """Its own game, every frame of it, with every key that its actions need, as sticky as in its training."""
    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.driver import keys_for
    from agp_tui.games.atari import rom_name

    kept = load_agent(seat.checkpoint)
    name = name or kept.game
    keys = keys_for(kept.actions, rom_name(name), complete(name, place).keys)
    sticky = place.sticky or kept.played_under.sticky
    return name, replace(place, keys=keys, fps=FRAMES_PER_SECOND, sticky=sticky), seat
