"""A game's own delay: how long after a key press its picture changes beyond what moves by itself."""

import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.clock import NS, RealTime, Time
from agp_tui.errors import JobStopped, SettingError
from agp_tui.files import write_atomically
from agp_tui.games.base import FocusMonitor, Game
from agp_tui.keys.state import NO_KEYS

FILE_NAME = "key_delay.json"
"""In the folder of the game's recordings."""
ROUNDS = 5
"""Presses of each key."""
WINDOW_SECONDS = 0.5
"""The longest delay. Twice as long, the picture is watched without a press before each one."""
REST_SECONDS = (0.25, 0.5)
"""Between a release and the next measurement, so that its effect is over."""
BLOCKS = 16
"""The picture is compared in 16 x 16 blocks."""
MARGIN = 0.25
"""Of the range in which a block changes by itself."""
MIN_CHANGE = 4.0
"""Change of a block's mean brightness (0 to 255), beyond its own movement, that counts."""
ANSWERED = 0.6
"""Share of the presses of a key after which the picture must change."""
FALSE_ALARMS = 0.2
"""Largest share of the windows without a press in which the picture may change as much."""

Blocks = NDArray[np.float32]


class WindowMonitor(FocusMonitor, Protocol):
    """Also knows whether the game has a window."""

    @property
    def has_window(self) -> bool: ...


class KeyDelay(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement, as it is stored."""

    game: str
    milliseconds: float | None = None
    """Median from the press to the changed picture; None if it could not be determined."""
    reason: str = ""
    """Why it could not be determined."""
    presses: int = 0
    """Presses that were answered and count."""
    keys: tuple[str, ...] = ()
    """Keys that changed the picture."""
    measured_at: float = 0.0
    """Wall clock, seconds since 1970."""

    @property
    def text(self) -> str:
        """For people."""
        if self.milliseconds is None:
            return f"not determined: {self.reason}"
        return f"{self.milliseconds:.0f} ms from a key to the picture ({self.presses} presses)"


@dataclass(frozen=True)
class _Press:
    key: str
    milliseconds: float | None
    false_alarm: bool
    """Whether the picture changed as much in the window before the press."""


class Stopping(Protocol):
    """The job that may be stopped."""

    @property
    def stopping(self) -> bool: ...


def keys_to_press(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The arrow keys of a game, or else its first ones, at most four."""
    arrows = tuple(key for key in keys if key in ("up", "left", "right", "down"))
    return (arrows or keys)[:4]


def measure_key_delay(
    game: Game, keys: tuple[str, ...], focus: WindowMonitor, job: Stopping, source: Time | None = None
) -> KeyDelay:
    """Press each of `keys` a few times and watch the picture. Every key is released afterwards.

    Raises `SettingError` if the game's window has not the focus before a press, `JobStopped` after a stop.
    """
    presses = []
    try:
        for _ in range(ROUNDS):
            for key in keys:
                presses.append(_press(game, key, focus, job, source or RealTime()))
    finally:
        game.hold(NO_KEYS)
    return _evaluated(game.name, presses)


def _press(game: Game, key: str, focus: WindowMonitor, job: Stopping, source: Time) -> _Press:
    source.sleep_until(source.now_ns() + round(random.uniform(*REST_SECONDS) * NS))
    watched = [_blocks(game)]
    until_ns = source.now_ns() + round(2 * WINDOW_SECONDS * NS)
    while source.now_ns() < until_ns:
        watched.append(_blocks(game))
    # The second half against the first one, as the window after the press is against the second one.
    middle = len(watched) // 2
    first, second = _Movement.of(watched[: middle + 1]), _Movement.of(watched[middle:])
    false_alarm = any(first.is_left_by(one) for one in watched[middle:])
    if job.stopping:
        raise JobStopped("Stopped before the delay was measured.", "Start it again.")
    if not (focus.has_focus() and focus.has_window):
        raise SettingError(
            "Expected the game's window to have the keyboard focus for the measurement, found another one.",
            "Click on the game, and do not use keyboard or mouse until it is done.",
        )
    pressed_ns = source.now_ns()
    game.hold(frozenset({key}))
    try:
        while (at_ns := source.now_ns()) - pressed_ns < WINDOW_SECONDS * NS:
            if not focus.has_focus():
                return _Press(key, None, false_alarm)
            if second.is_left_by(_blocks(game)):
                return _Press(key, (at_ns - pressed_ns) / 1e6, false_alarm)
        return _Press(key, None, false_alarm)
    finally:
        game.hold(NO_KEYS)


def _blocks(game: Game) -> Blocks:
    """Mean brightness of the blocks of the current picture."""
    import cv2

    gray = cv2.cvtColor(game.grab().pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class _Movement:
    """The range in which each block changes by itself."""

    low: Blocks
    high: Blocks

    @classmethod
    def of(cls, pictures: list[Blocks]) -> "_Movement":
        return cls(np.min(pictures, axis=0), np.max(pictures, axis=0))

    def is_left_by(self, now: Blocks) -> bool:
        margin = MIN_CHANGE + MARGIN * (self.high - self.low)
        return bool(((now < self.low - margin) | (now > self.high + margin)).any())


def _evaluated(game: str, presses: list[_Press]) -> KeyDelay:
    measured_at = round(time.time(), 3)
    alarms = sum(press.false_alarm for press in presses) / len(presses)
    if alarms > FALSE_ALARMS:
        reason = f"the picture moves by itself too much ({100 * alarms:.0f} % of the time like after a key)"
        return KeyDelay(game=game, reason=reason, measured_at=measured_at)
    found: dict[str, list[float]] = {}
    for key in dict.fromkeys(press.key for press in presses):
        of_key = [press for press in presses if press.key == key]
        times = [press.milliseconds for press in of_key if press.milliseconds is not None]
        if len(times) >= ANSWERED * len(of_key):
            found[key] = times
    if not found:
        reason = "the picture does not change after a key; start a round of the game first"
        return KeyDelay(game=game, reason=reason, measured_at=measured_at)
    times = [one for of_key in found.values() for one in of_key]
    return KeyDelay(
        game=game,
        milliseconds=round(statistics.median(times), 1),
        presses=len(times),
        keys=tuple(found),
        measured_at=measured_at,
    )


def save_key_delay(folder: Path, found: KeyDelay) -> None:
    """Store a measurement in the folder of the game's recordings."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


def stored_key_delay(folder: Path) -> KeyDelay | None:
    """The stored measurement; None if there is none that can be read."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=KeyDelay)
    except (OSError, msgspec.DecodeError):
        return None
