"""Where a replay is: the frame that is due at a moment, moved by commands. Knows no pictures."""

import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.events import AnyCommand, Resume, Seek, Step
from agp_tui.engine.tempo import Tempo


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
        self._tempo = Tempo(now, speed=speed, paused=paused)
        self._frame = 0
        self._put(frame, now)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._tempo.paused

    @property
    def speed(self) -> float:
        """So many times as fast as it was recorded."""
        return self._tempo.speed

    def frame(self, now: float) -> int:
        """The frame that is due. Having come to the last one, it pauses there."""
        if not self.paused:
            # From where it was put: frames that share a moment do not run away before it passes.
            due = int(np.searchsorted(self._times, self._tempo.seconds(now), side="right")) - 1
            self._frame = max(self._frame, min(due, self.last))
            if self._frame == self.last:
                self._stand(self.last, now)
        return self._frame

    def obey(self, command: AnyCommand, now: float) -> bool:
        """Do what a command says; False where it is none of a replay's.

        Frames and speeds out of bounds are clamped. Resumed at its end it begins again.
        """
        frame = self.frame(now)
        match command:
            case Step():
                self._stand(frame + command.frames, now)
            case Seek():
                self._put(command.frame, now)
            case _:
                if isinstance(command, Resume) and frame == self.last:
                    self._put(0, now)
                return self._tempo.obey(command, now)
        return True

    def _put(self, frame: int, now: float) -> None:
        self._frame = min(max(frame, 0), self.last)
        self._tempo.put(float(self._times[self._frame]), now)

    def _stand(self, frame: int, now: float) -> None:
        self._tempo.pause(now)
        self._put(frame, now)
