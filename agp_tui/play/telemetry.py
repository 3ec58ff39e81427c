"""What a player tells of itself while it plays."""

import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.clock import Clock
from agp_tui.games.base import GameStatus, Pixels
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.keys.state import Keys, Who
from agp_tui.models.policy import Policy
from agp_tui.protocol.events import Live


class PlayTelemetry:
    """Makes `Live` events of a player at the rate at which a person can look."""

    def __init__(self, policy: Policy, clock: Clock, preview: Preview) -> None:
        self._keys = policy.keys
        self._thresholds = _by_key(policy.keys, policy.thresholds)
        self._clock = clock
        self._preview = preview

    def due(self) -> bool:
        """Whether it is time for one, in the machine's own time; True makes the next one wait."""
        return self._preview.due()

    def event(
        self,
        *,
        seconds: float,
        pixels: Pixels,
        held: Keys,
        probabilities: NDArray[np.float32],
        status: GameStatus | None,
        decisions: int,
        overruns: int,
        driver: Who | None = None,
        paused: bool = False,
    ) -> Live:
        """The event; `decisions`, and `overruns` among them, since play began.

        `driver` is who plays now, where two share the keys; `paused`: nobody may.
        """
        pace = self._clock.pace()
        return live_event(
            self._preview.thumbnail(pixels),
            seconds=round(seconds, 2),
            pace=pace,
            fps_asked=self._clock.fps,
            status=status,
            keys=self._keys,
            held=held,
            probabilities=_by_key(self._keys, probabilities),
            thresholds=self._thresholds,
            deadline_misses=overruns + pace.missed,
            decisions=decisions,
            driver=driver,
            paused=paused,
        )


def _by_key(keys: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return {key: round(float(value), 3) for key, value in zip(keys, values, strict=True)}
