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
from agp_tui.protocol.events import AnyCommand, Pause, Resume, Speed
from agp_tui.protocol.percentiles import Percentiles

NS = 1_000_000_000
WINDOW = 600
"""How many of the latest values a percentile looks at (10 s at 60 fps)."""


class Time(Protocol):
    """Where the time comes from: the machine's, or a simulated one."""

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
    """A clock that jumps to each deadline: a game plays as fast as the machine allows.

    Nothing takes time on it, so decisions are never late and play is reproducible.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, deadline_ns: int) -> None:
        self._now_ns = max(self._now_ns, deadline_ns)


@dataclass(frozen=True, slots=True)
class Pace:
    """How well the clock was kept so far."""

    slots: int
    """Slots that came due."""
    filled: int
    """Slots that were met."""
    fps: float
    """Frames a second reached, over all slots that came due."""
    jitter_ms: Percentiles
    """How long after its deadline a slot began."""
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
        """Sleep until the next slot that can still be met and return its number, from 0."""
        slot = self._due()
        self._meet(slot)
        return slot

    def slots(self, seconds: float | None = None) -> Iterator[int]:
        """The slots of the clock's first `seconds`, or for ever. At least one."""
        end = None if seconds is None else max(1, round(seconds * self.fps))
        while end is None or self._next < end:
            slot = self._due()
            if end is not None and slot >= end:
                # The last ones came due while the loop was busy: they are missed, none after them.
                self._next = end
                return
            self._meet(slot)
            yield slot

    def _due(self) -> int:
        """The next slot whose time is not over yet."""
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
        """Time what happens inside, always in the machine's own time."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            self._stages_ms[name].append((time.perf_counter_ns() - start) / 1e6)

    def note(self, stage: str, milliseconds: float) -> None:
        """Add a duration that was measured elsewhere to a stage."""
        self._stages_ms[stage].append(milliseconds)

    def pace(self) -> Pace:
        """The figures so far."""
        stages = {name: Percentiles.of(values) for name, values in self._stages_ms.items()}
        return Pace(
            slots=self._next,
            filled=self._filled,
            fps=round(self.fps * self._filled / max(self._next, 1), 2),
            jitter_ms=Percentiles.of(self._jitter_ms),
            stages_ms=stages,
        )


SLOWEST, FASTEST = 0.05, 20.0
"""Bounds of a speed."""


class Tempo:
    """Seconds that pass `speed` times as fast as those of a clock, and stand still while paused.

    All moments are seconds on one monotonic clock.
    """

    def __init__(self, now: float, *, speed: float = 1.0, paused: bool = False) -> None:
        self.speed = speed
        self.paused = paused
        self._seconds, self._since = 0.0, now

    def seconds(self, now: float) -> float:
        """How many have passed."""
        return self._seconds if self.paused else self._seconds + (now - self._since) * self.speed

    def put(self, seconds: float, now: float) -> None:
        """Go on from there."""
        self._seconds, self._since = seconds, now

    def pause(self, now: float) -> None:
        """Stand still."""
        self.put(self.seconds(now), now)
        self.paused = True

    def resume(self, now: float) -> None:
        """Go on."""
        self.put(self.seconds(now), now)
        self.paused = False

    def obey(self, command: AnyCommand, now: float) -> bool:
        """Do what a command says; False where it is not about time. Speeds out of bounds are clamped."""
        match command:
            case Pause():
                self.pause(now)
            case Resume():
                self.resume(now)
            case Speed():
                self.put(self.seconds(now), now)
                self.speed = min(max(command.factor, SLOWEST), FASTEST)
            case _:
                return False
        return True


def check_speed(speed: float) -> None:
    """Raises `SettingError` for one out of bounds."""
    if not SLOWEST <= speed <= FASTEST:
        raise SettingError(
            f"Expected a speed of {SLOWEST:g} to {FASTEST:g}, found {speed:g}.",
            "1 is as fast as it was, or as the console is.",
        )
