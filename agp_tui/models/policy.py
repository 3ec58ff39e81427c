"""The policy interface (frames to key probabilities), and a policy as the driver of a game."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import ModelError
from agp_tui.games.base import Frame, Pixels
from agp_tui.keys.state import Keys, Who
from agp_tui.models.key_filter import KeyFilter, KeyFilterConfig


class Policy(Protocol):
    """Frames in, key probabilities out. Not thread-safe."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    """Shape (keys,): a key is pressed when its probability reaches this value."""
    filter_config: KeyFilterConfig
    fps: float
    """Decisions a second."""
    segment: int
    """Frames in the window of a decision. Frames before the first one are black."""

    def reset(self) -> None:
        """Forget all frames, before a new play."""
        ...

    def observe(self, pixels: Pixels) -> None:
        """Add the newest frame: RGB, any size."""
        ...

    def probabilities(self) -> NDArray[np.float32]:
        """Key probabilities for the frames observed so far: shape (keys,), float32."""
        ...

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        """`observe`, then `probabilities`."""
        ...


class PolicyDriver:
    """A `Driver` that holds the keys of a policy."""

    who: Who = "agent"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._key_filter = KeyFilter(policy)
        self.latest: NDArray[np.float32] = np.zeros(len(policy.keys), np.float32)
        """Probabilities of the last decision."""

    def reset(self) -> None:
        """Forget all frames and decisions."""
        self.policy.reset()
        self._key_filter.reset()

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        self.latest = self.policy.decide(frame.pixels)
        return self._key_filter.update(self.latest)


def check_keys(model_keys: tuple[str, ...], game_keys: tuple[str, ...]) -> None:
    """Raises `ModelError` if the model presses keys that the game does not have."""
    if unknown := [key for key in model_keys if key not in game_keys]:
        raise ModelError(
            f"Expected a model for the keys {', '.join(game_keys)}, found one that presses "
            f"{', '.join(unknown)}.",
            f"Play it on its own game, or give the game the keys {','.join(model_keys)}.",
        )
