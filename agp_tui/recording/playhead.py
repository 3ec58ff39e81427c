"""Where a replay is: the frame that is due at a moment, moved by commands. Knows no pictures."""

import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.events import AnyCommand, Pause, Resume, Seek, Speed, Step

SLOWEST, FASTEST = 0.05, 20.0


class Playhead:
    """Runs through the recorded times of frames; all moments are seconds on one monotonic clock.

    Frame `i` is due when `times[i]` seconds of the recording have passed at the asked speed, counted
    from the last command on: a late look shows the frame of that moment, it does not delay the rest.
    """

    def __init__(
        self, times: NDArray[np.float64], now: float, *, frame: int = 0, speed: float = 1.0, paused: bool
    ) -> None:
        """`times`: shape (N,), N at least 1, seconds since the first frame. `frame` is clamped."""
        self._times = np.maximum.accumulate(times)
        self.last = len(times) - 1
        self.speed = speed
        self.paused = True
        self._frame = 0
        self._seconds = 0.0
        self._since = now
        self._put(frame, now)
        self.paused = paused

    def frame(self, now: float) -> int:
        """The frame that is due. Having come to the last one, it pauses there."""
        if not self.paused:
            seconds = self._seconds + (now - self._since) * self.speed
            # From where it was put: frames that share a moment do not run away before it passes.
            due = int(np.searchsorted(self._times, seconds, side="right")) - 1
            self._frame = max(self._frame, min(due, self.last))
            if self._frame == self.last:
                self._put(self.last, now)
                self.paused = True
        return self._frame

    def obey(self, command: AnyCommand, now: float) -> bool:
        """Do what a command says; False where it is none of a replay's.

        Frames and speeds out of bounds are clamped. Resumed at its end it begins again.
        """
        frame = self.frame(now)
        match command:
            case Pause():
                self._hold(now)
                self.paused = True
            case Resume():
                self._hold(now)
                if frame == self.last:
                    self._put(0, now)
                self.paused = False
            case Step():
                self._put(frame + command.frames, now)
                self.paused = True
            case Seek():
                self._put(command.frame, now)
            case Speed():
                self._hold(now)
                self.speed = min(max(command.factor, SLOWEST), FASTEST)
            case _:
                return False
        return True

    def _put(self, frame: int, now: float) -> None:
        self._frame = min(max(frame, 0), self.last)
        self._seconds, self._since = float(self._times[self._frame]), now

    def _hold(self, now: float) -> None:
        """Count from this moment on, between two frames as it may be."""
        if not self.paused:
            self._seconds += (now - self._since) * self.speed
        self._since = now
