"""The one clock of everything real-time: absolute deadlines, skipped slots, stage timings.

Slot `i` is due at `start + i / fps`. A slot that can no longer be met is skipped and counted,
never made up for in a burst, so a late frame does not make the next ones late as well.
"""

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from agp_tui.errors import SettingError
from agp_tui.protocol.commands import AnyCommand, Pause, Resume, SetSpeed
from agp_tui.protocol.percentiles import Percentiles

NS = 1_000_000_000
WINDOW = 600
"""Number of latest values that a percentile covers (10 s at 60 fps)."""


class Time(Protocol):
    """A source of time: the machine's monotonic clock or a simulated one. Nanoseconds."""

    def now_ns(self) -> int: ...

    def sleep_until(self, deadline_ns: int) -> None: ...


class RealTime:
    """The machine's monotonic clock, the same for every process on it."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def sleep_until(self, deadline_ns: int) -> None:
        while (left := deadline_ns - time.monotonic_ns()) > 0:
            time.sleep(left / NS)


class SimulatedTime:
    """Jumps to each deadline instead of sleeping, so a game runs as fast as the machine allows.

    Computation takes no time on it: decisions are never late and play is reproducible.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, deadline_ns: int) -> None:
        self._now_ns = max(self._now_ns, deadline_ns)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many slots of a clock were filled so far, and how late they began."""

    slots: int
    """Slots whose time has come."""
    filled: int
    """Slots in which the loop ran."""
    fps: float
    """Frames per second reached, over all slots."""
    jitter_ms: Percentiles
    """Delay between a slot's deadline and its start."""
    stages_ms: dict[str, Percentiles]

    @property
    def missed(self) -> int:
        return self.slots - self.filled


class Clock:
    """Paces a loop at `fps` and times its stages.

    >>> clock = Clock(fps=30)
    >>> for slot in clock.slots(seconds=10):
    ...     with clock.stage("grab"):
    ...         ...
    """

    def __init__(self, fps: float, source: Time | None = None) -> None:
        self.fps = fps
        self.source: Time = source or RealTime()
        self.period_ns = NS / fps
        self._start_ns: int | None = None
        self._next = 0
        self._filled = 0
        self._jitter_ms: deque[float] = deque(maxlen=WINDOW)
        self._stages_ms: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def now_ns(self) -> int:
        return self.source.now_ns()

    def wait(self) -> int:
        """Sleep until the next slot that can still be met; returns its index, from 0."""
        slot = self._due()
        self._meet(slot)
        return slot

    def slots(self, seconds: float | None = None) -> Iterator[int]:
        """The indices of the slots within the first `seconds`, or without end. At least one."""
        end = None if seconds is None else max(1, round(seconds * self.fps))
        while end is None or self._next < end:
            slot = self._due()
            if end is not None and slot >= end:
                # The last slots passed while the loop was busy: they count as missed.
                self._next = end
                return
            self._meet(slot)
            yield slot

    def _due(self) -> int:
        """The next slot whose time has not passed yet."""
        now = self.source.now_ns()
        if self._start_ns is None:
            self._start_ns = now
        return max(self._next, int((now - self._start_ns) // self.period_ns))

    def _meet(self, slot: int) -> None:
        deadline = (self._start_ns or 0) + round(slot * self.period_ns)
        self.source.sleep_until(deadline)
        self._jitter_ms.append((self.source.now_ns() - deadline) / 1e6)
        self._next = slot + 1
        self._filled += 1

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the duration of the block, always in the machine's time."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            self._stages_ms[name].append((time.perf_counter_ns() - start) / 1e6)

    def note(self, stage: str, milliseconds: float) -> None:
        """Add a duration measured elsewhere to a stage."""
        self._stages_ms[stage].append(milliseconds)

    def pace(self) -> Pace:
        """The statistics so far."""
        stages = {name: Percentiles.of(values) for name, values in self._stages_ms.items()}
        return Pace(
            slots=self._next,
            filled=self._filled,
            fps=round(self.fps * self._filled / max(self._next, 1), 2),
            jitter_ms=Percentiles.of(self._jitter_ms),
            stages_ms=stages,
        )


MIN_SPEED, MAX_SPEED = 0.05, 20.0
"""Bounds of a playback speed."""


class PlaybackClock:
    """A position in seconds that advances at `speed` times real time and stands still while paused.

    `now` arguments are seconds on one monotonic clock.
    """

    def __init__(self, now: float, *, speed: float = 1.0, paused: bool = False) -> None:
        self.speed = speed
        self.paused = paused
        self._seconds, self._since = 0.0, now

    def seconds(self, now: float) -> float:
        """The position."""
        return self._seconds if self.paused else self._seconds + (now - self._since) * self.speed

    def seek(self, seconds: float, now: float) -> None:
        """Continue from the position `seconds`."""
        self._seconds, self._since = seconds, now

    def pause(self, now: float) -> None:
        """Stop the position."""
        self.seek(self.seconds(now), now)
        self.paused = True

    def resume(self, now: float) -> None:
        """Continue from the position at which it was paused."""
        self.seek(self.seconds(now), now)
        self.paused = False

    def apply(self, command: AnyCommand, now: float) -> bool:
        """Apply a pause, resume or speed command; returns False for other commands. Clamps speeds."""
        match command:
            case Pause():
                self.pause(now)
            case Resume():
                self.resume(now)
            case SetSpeed():
                self.seek(self.seconds(now), now)
                self.speed = min(max(command.factor, MIN_SPEED), MAX_SPEED)
            case _:
                return False
        return True


def check_speed(speed: float) -> None:
    """Raise `SettingError` for a speed out of bounds."""
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise SettingError(
            f"Expected a speed of {MIN_SPEED:g} to {MAX_SPEED:g}, found {speed:g}.",
            "1 is the original speed.",
        )
