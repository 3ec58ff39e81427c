"""The job `watch`: plays an Atari game on the screen, with playback controls; records nothing."""

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

COMMAND_POLL_SECONDS = 0.01
"""Time between checks for commands."""
KEEPALIVE_SECONDS = 1.0
"""Time between events if nothing changes: a slow reader may have missed single ones."""
MAX_LAG_SECONDS = 0.25
"""With a greater lag, due frames are skipped instead of played in a burst."""


class WatchLoop:
    """Plays a game with a driver, in step with a playback clock."""

    def __init__(
        self, game: AtariGame, driver: Driver, source: SimulatedTime, preview: Preview, job: Job
    ) -> None:
        self._game, self._driver, self._source = game, driver, source
        self._preview, self._job = preview, job
        self._held: Keys = NO_KEYS
        self._counts = dict.fromkeys(game.keys, 0)
        self._frame: Frame | None = None
        self._played = 0
        self._skipped = 0
        """Frames skipped because of the lag."""
        self._shown_seconds = 0.0
        """Wall-clock time, without pauses."""
        self._reports: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=10)
        """Times of the last events, with the number of frames played."""

    def play(self, speed: float, *, paused: bool, max_frames: int | None) -> None:
        """Play up to `max_frames` frames, or until the job is stopped."""
        before = time.monotonic()
        clock = PlaybackClock(before, speed=speed, paused=paused)
        applied = False
        while not self._job.stopping and self._played != max_frames:
            now = time.monotonic()
            self._shown_seconds += 0.0 if clock.paused else now - before
            before = now
            for command in self._job.commands():
                applied |= self._apply(command, clock, now)
            if behind := self._due(clock, now) - self._played:
                self._play_frame()
                self._skip_lag(behind - 1, clock, now)
            then, reported = self._reports[-1]
            fresh = self._played != reported and self._preview.due()
            if fresh or (applied and behind <= 1) or now - then >= KEEPALIVE_SECONDS:
                self._report(clock, now)
                applied = False
            if behind <= 1:
                self._job.wait_for_stop(self._wait_seconds(clock))

    def finished(self) -> Finished:
        """The result."""
        status = self._game.status()
        scores = list(status.finished_scores)
        return Finished(
            job="watch",
            frames=self._played,
            seconds=round(self._played / self._game.fps, 2),
            fps=round(self._played / self._shown_seconds, 2) if self._shown_seconds else None,
            missed=self._skipped,
            decisions=self._played,
            scores=scores or None,
            score_mean=round(sum(scores) / len(scores), 3) if scores else None,
            report=WatchResult(score=status.score),
        )

    def _due(self, clock: PlaybackClock, now: float) -> int:
        """Number of frames that should have been played by now; at least one."""
        return max(self._played, int(clock.seconds(now) * self._game.fps + 1e-6) + 1)

    def _apply(self, command: AnyCommand, clock: PlaybackClock, now: float) -> bool:
        if not isinstance(command, Step):
            return clock.apply(command, now)
        # A game cannot step back. From the due frame, so that quick steps add up.
        target = self._due(clock, now) + max(0, command.frames)
        clock.pause(now)
        clock.seek((target - 1) / self._game.fps, now)
        return True

    def _play_frame(self) -> None:
        """Play one frame."""
        self._source.sleep_until(round(self._played * NS / self._game.fps))
        self._frame = self._game.grab()
        keys = self._driver.decide(self._frame)
        if keys != self._held:
            self._game.hold(keys)
            self._held = keys
        for key in self._counts.keys() & self._held:
            self._counts[key] += 1
        self._played += 1

    def _skip_lag(self, behind: int, clock: PlaybackClock, now: float) -> None:
        if not clock.paused and behind > MAX_LAG_SECONDS * self._game.fps * clock.speed:
            self._skipped += behind
            clock.seek((self._played - 1) / self._game.fps, now)

    def _wait_seconds(self, clock: PlaybackClock) -> float:
        """Seconds to the next frame or check for commands."""
        if clock.paused:
            return COMMAND_POLL_SECONDS
        left = (self._played / self._game.fps - clock.seconds(time.monotonic())) / clock.speed
        return min(max(left, 0.0), COMMAND_POLL_SECONDS)

    def _report(self, clock: PlaybackClock, now: float) -> None:
        then, before = self._reports[0]
        self._reports.append((now, self._played))
        frame, status = self._frame, self._game.status()
        picture = self._preview.thumbnail(frame.pixels) if frame is not None else Thumbnail()
        output, target_fps = _driver_output(self._driver), self._game.fps * clock.speed
        rate = (self._played - before) / max(now - then, 1e-3)
        self._job.emit(
            live_event(
                picture,
                seconds=round(self._played / self._game.fps, 2),
                fps=round(min(rate, target_fps), 1),
                fps_asked=round(target_fps, 2),
                frames=self._played,
                missed=self._skipped,
                status=status,
                keys=self._game.keys,
                held=self._held,
                shares={key: round(n / max(1, self._played), 3) for key, n in self._counts.items()},
                probabilities=_in_key_order(output.probabilities, self._game.keys),
                thresholds={key: round(at, 3) for key, at in output.thresholds.items()},
                value=None if output.value is None else round(output.value, 3),
                paused=clock.paused,
                speed=clock.speed,
            )
        )


@runtime_checkable
class ActionValueDriver(Protocol):
    """A driver with key preferences and a value of the state: an agent."""

    @property
    def value(self) -> float | None: ...

    def key_preferences(self) -> dict[str, float]: ...


@dataclass(frozen=True)
class _DriverOutput:
    """The driver's outputs by key; empty for scripts and random play."""

    probabilities: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    value: float | None = None


def _driver_output(driver: Driver) -> _DriverOutput:
    if isinstance(driver, PolicyDriver):
        policy = driver.policy
        return _DriverOutput(_by_key(policy.keys, driver.latest), _by_key(policy.keys, policy.thresholds))
    if isinstance(driver, ActionValueDriver):
        return _DriverOutput(driver.key_preferences(), {}, driver.value)
    return _DriverOutput()


def _by_key(keys: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(keys, map(float, values), strict=True))


def _in_key_order(values: dict[str, float], keys: tuple[str, ...]) -> dict[str, float]:
    return {key: round(values.get(key, 0.0), 3) for key in keys} if values else {}


@dataclass(frozen=True, kw_only=True)
class WatchGameRequest:
    """Request of `agp atari watch`."""

    what: str
    """An Atari id, or an agent, which plays its own game."""
    by: str | None
    """`expert` (the default for a game), `chance`, a model or an agent; None where `what` is an agent."""
    place: GameSettings
    models: Path
    runs: Path
    seconds: float | None = None
    """Game time, independent of the speed."""
    speed: float = 1.0
    paused: bool = False
    preview: PreviewSettings = PreviewSettings()


def run_watch_game(request: WatchGameRequest, job: Job) -> Finished:
    """Play until stopped; follows the commands Pause, Resume, Step (forwards, pauses) and Speed.

    The `probabilities` of an agent's `Live` events are, by key, the sum of its preferences for the actions
    that hold the key. Raises `SettingError` or `ModelError` before the first frame.
    """
    check_speed(request.speed)
    name, game_settings, factory = _resolve(request)
    source = SimulatedTime()
    with closing(AtariGame(name, game_settings, source)) as game:
        loop = WatchLoop(game, factory(game), source, Preview(request.preview), job)
        max_frames = None if request.seconds is None else max(1, round(request.seconds * game.fps))
        loop.play(request.speed, paused=request.paused, max_frames=max_frames)
        return loop.finished()


def _resolve(request: WatchGameRequest) -> tuple[str, GameSettings, DriverFactory]:
    """The game, its settings for the driver, and the driver's factory."""
    if is_atari(request.what):
        name, factory = request.what, driver_factory(request.by or EXPERT, request.models, request.runs)
    elif request.by is not None:
        raise SettingError(
            f"Expected a game with --by, such as ALE/Pong-v5, found {request.what!r}.",
            "An agent plays its own game: leave out --by, or name the game.",
        )
    else:
        name, factory = "", AgentDriverFactory(_agent(request))
    if isinstance(factory, AgentDriverFactory):
        return _for_agent(factory, name, request.place)
    if isinstance(factory, ModelDriverFactory) and (manifest := factory.model.manifest) is not None:
        keys = request.place.keys or manifest.keys
        return name, complete(name, replace(request.place, keys=keys, fps=manifest.fps)), factory
    return name, complete(name, request.place), factory


def _agent(request: WatchGameRequest) -> Path:
    try:
        return find_agent(request.what, request.models, request.runs)
    except ModelError as error:
        raise ModelError(
            f"Expected an Atari game or an agent to watch, found {request.what!r}, which is neither.",
            f"A game is an id such as ALE/Pong-v5; agp atari list shows them all. {error.hint}",
        ) from error


def _for_agent(
    factory: AgentDriverFactory, name: str, game_settings: GameSettings
) -> tuple[str, GameSettings, DriverFactory]:
    """The agent's game at 60 frames per second, with its keys and the sticky actions of its training."""
    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.driver import keys_with_agent
    from agp_tui.games.atari import rom_name

    checkpoint = load_agent(factory.checkpoint)
    name = name or checkpoint.game
    keys = keys_with_agent(checkpoint.actions, rom_name(name), complete(name, game_settings).keys)
    sticky = game_settings.sticky or checkpoint.eval_protocol.sticky
    return name, replace(game_settings, keys=keys, fps=FRAMES_PER_SECOND, sticky=sticky), factory
