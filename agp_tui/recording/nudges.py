"""Nudges: now and then a wrong key is held for a moment, so that a recording shows how the player recovers.

Disturbances of the demonstrator's actions (DART, Laskey et al. 2017, https://arxiv.org/abs/1703.09327). The
labels remain the player's own keys.
"""

import contextlib
import random
import threading
import time
from dataclasses import dataclass

from agp_tui.config import RecordSettings
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed, SettingError
from agp_tui.games.base import Game
from agp_tui.games.window_focus import WindowFocus
from agp_tui.keys.state import NO_KEYS, Keys, OwnKeys
from agp_tui.keys.xinput2 import X11Listener

ARROWS = ("up", "left", "right", "down")
POLL_SECONDS = 0.02
"""Interval at which the focus is checked on a screen."""
NUDGE_POLL_SECONDS = 0.01
"""The same during a nudge: the longest time that a key stays down after the focus is lost."""
REPRESS_SECONDS = 0.05
"""A key that the person pressed just before its nudge ended is pressed again within this time."""


@dataclass(frozen=True)
class NudgeConfig:
    """Which keys nudges hold, how often and for how long."""

    keys: tuple[str, ...]
    every: float
    """Mean time from the end of a nudge to the next one, in seconds."""
    seconds: float
    """Length of a nudge."""

    @classmethod
    def of(cls, settings: RecordSettings, keys: tuple[str, ...]) -> "NudgeConfig":
        """For a game with these `keys`. Raises `SettingError` for a nudge key that the game does not have."""
        for key in settings.nudge_keys:
            if key not in keys:
                raise SettingError(
                    f"Expected keys of the game for nudges ({', '.join(keys)}), found {key}.",
                    "Name keys of the game, or leave out --nudge-keys.",
                    setting="nudge_keys",
                )
        arrows = tuple(key for key in keys if key in ARROWS)
        return cls(settings.nudge_keys or arrows or keys, settings.nudge_every, settings.nudge_seconds)

    @property
    def text(self) -> str:
        """A sentence for people."""
        return (
            f"Nudges are on: about every {self.every:g} s, {' or '.join(self.keys)} is held for "
            f"{self.seconds:g} s. Correct it as you always do; only your own keys are learnt."
        )


class Nudges:
    """Decides when to hold which key; presses nothing itself."""

    def __init__(self, config: NudgeConfig, rng: random.Random) -> None:
        self.held: Keys = NO_KEYS
        """The key held now; empty between nudges."""
        self._config = config
        self._random = rng
        self._next_ns: int | None = None
        self._until_ns = 0

    def update(self, now_ns: int, player: Keys, *, allowed: bool = True) -> Keys:
        """The key to hold at a time, given the keys that the player holds.

        A nudge begins with a key that the player does not hold. Unless `allowed`, none begins and a running
        one ends.
        """
        if self.held and (not allowed or now_ns >= self._until_ns):
            self.held, self._next_ns = NO_KEYS, None
        if not allowed:
            self._next_ns = None
        elif self._next_ns is None:
            self._next_ns = now_ns + round(self._random.expovariate(1 / self._config.every) * 1e9)
        elif not self.held and now_ns >= self._next_ns:
            self._next_ns = None
            if wrong := [key for key in self._config.keys if key not in player]:
                self.held = frozenset({self._random.choice(wrong)})
                self._until_ns = now_ns + round(self._config.seconds * 1e9)
        return self.held


class ScreenNudger:
    """Presses nudges beside a person who plays on a screen, on a thread of its own, through the key guard.

    Nothing is pressed unless the window in the game's region has the focus. A key that the person holds as
    well when its nudge ends stays down until the person releases it, because a release from here would
    reach the game.
    """

    def __init__(
        self, nudges: Nudges, game: Game, listener: X11Listener, own: OwnKeys, focus: WindowFocus, job: Job
    ) -> None:
        """`listener` must have been opened with `own`. Starts the key guard."""
        self._nudges, self._game, self._listener = nudges, game, listener
        self._own, self._focus, self._job = own, focus, job
        self._released: dict[str, float] = {}
        self._unfocused_noted = False
        self._failure: AgpError | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        game.hold(NO_KEYS)

    @property
    def held(self) -> Keys:
        """The key of the current nudge."""
        return self._nudges.held

    def start(self) -> None:
        """Start the thread, unless it was started before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="nudges")
            self._thread.start()

    def check(self) -> None:
        """Raise the error that ended the thread, if any."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the thread and release every key. May be called twice."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._nudges.update(time.monotonic_ns(), NO_KEYS, allowed=False)
        with contextlib.suppress(AgpError):
            self._hold(NO_KEYS)
        self._focus.close()

    def _run(self) -> None:
        try:
            while not self._ended.wait(NUDGE_POLL_SECONDS if self._own.wanted else POLL_SECONDS):
                self._step()
        except Exception as error:
            # The next frame raises it; until then no key may stay down.
            self._failure = error if isinstance(error, AgpError) else _nudges_failed(error)
            with contextlib.suppress(Exception):
                self._hold(NO_KEYS)

    def _step(self) -> None:
        focused = self._focus.has_focus() and self._focus.has_window
        self._note_focus(focused)
        person = self._listener.down("human")
        if not focused:
            self._released.clear()
        kept = (self._own.wanted | self._just_released()) & person if focused else NO_KEYS
        nudged = self._nudges.update(time.monotonic_ns(), person, allowed=focused)
        self._hold(nudged | kept)

    def _hold(self, keys: Keys) -> None:
        before, self._own.wanted = self._own.wanted, keys
        if keys != before:
            self._game.hold(keys)
            self._released |= dict.fromkeys(before - keys, time.monotonic())

    def _just_released(self) -> Keys:
        now = time.monotonic()
        self._released = {key: at for key, at in self._released.items() if now - at < REPRESS_SECONDS}
        return frozenset(self._released)

    def _note_focus(self, focused: bool) -> None:
        if focused == self._unfocused_noted:
            self._unfocused_noted = not focused
            self._job.note(
                "The game has the focus: nudges go on."
                if focused
                else "The game's window does not have the focus: no nudges until it has."
            )


def check_nudge_window(focus: WindowFocus) -> None:
    """Raise `SettingError` if there is no window in the game's region, whose focus could be checked."""
    focus.has_focus()
    if not focus.has_window:
        focus.close()
        raise SettingError(
            "Expected the game's window in its region for --nudge, found none, which cannot have the focus.",
            "Start the game first, choose its region again, or leave out --nudge.",
            setting="nudge",
        )


def _nudges_failed(error: Exception) -> JobFailed:
    return JobFailed(
        f"Expected to press nudges until the end, found: {type(error).__name__}: {error}.",
        "Every key was released. Start this again.",
    )
