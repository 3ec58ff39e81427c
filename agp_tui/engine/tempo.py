"""Time that runs at a speed and can be held: what everything that is played back or watched goes by."""

from agp_tui.engine.events import AnyCommand, Pause, Resume, Speed
from agp_tui.errors import SettingError

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
