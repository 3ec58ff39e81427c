"""From key probabilities to held keys: thresholds, hysteresis, minimum hold and smoothing."""

from typing import Annotated, Protocol

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agp_tui.errors import ModelError
from agp_tui.keys.state import Keys


class KeyFilterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a `KeyFilter`. The defaults apply the thresholds alone."""

    hysteresis: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """A held key is released only when its probability is this far below its threshold."""
    min_hold: Annotated[int, Meta(ge=1, le=60)] = 1
    """Minimum number of decisions for which a pressed key stays down."""
    smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Weight of the previous smoothed probabilities in an exponential moving average."""

    def __str__(self) -> str:
        if self == UNFILTERED:
            return "plain"
        return f"hysteresis {self.hysteresis:g}, min hold {self.min_hold}, smoothing {self.smoothing:g}"


UNFILTERED = KeyFilterConfig()
"""Thresholds alone: a key is down exactly when its probability reaches its threshold."""


class FilteredPolicy(Protocol):
    """The parts of a policy that a key filter needs."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    """Shape (keys,): a key is pressed when its probability reaches this value."""
    filter_config: KeyFilterConfig


class KeyFilter:
    """Turns the probabilities of one policy into held keys. Stateful: call `reset` before each play."""

    def __init__(self, policy: FilteredPolicy) -> None:
        self._keys = policy.keys
        self._press = np.asarray(policy.thresholds, np.float32)
        self._config = policy.filter_config
        self._release = self._press - np.float32(policy.filter_config.hysteresis)
        self.reset()

    def reset(self) -> None:
        """Forget previous decisions."""
        self._down = np.zeros(len(self._keys), np.bool_)
        self._held_for = np.zeros(len(self._keys), np.int64)
        """Decisions for which each key has been down."""
        self._smoothed: NDArray[np.float32] | None = None

    def update(self, probabilities: NDArray[np.float32]) -> Keys:
        """The keys to hold after this decision; `probabilities` of shape (keys,), float32.

        Raises `ModelError` if a probability is not finite.
        """
        if not np.isfinite(probabilities).all():
            raise ModelError(
                f"Expected a number for each key from the model, found {probabilities.tolist()}.",
                "The model is damaged or its training failed: export or train it again.",
            )
        smoothed = self._smooth(probabilities)
        stay_down = self._down & ((self._held_for < self._config.min_hold) | (smoothed >= self._release))
        self._down = stay_down | (smoothed >= self._press)
        self._held_for = np.where(self._down, self._held_for + 1, 0)
        return frozenset(self._keys[index] for index in np.flatnonzero(self._down))

    def _smooth(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        previous, weight = self._smoothed, np.float32(self._config.smoothing)
        self._smoothed = (
            probabilities if previous is None else weight * previous + (1 - weight) * probabilities
        )
        return self._smoothed


def filter_sequence(policy: FilteredPolicy, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The keys held at each of consecutive decisions: (N, keys) float32 to (N, keys) bool."""
    key_filter = KeyFilter(policy)
    rows = [key_filter.update(row) for row in probabilities]
    return np.array([[key in row for key in policy.keys] for row in rows], np.bool_).reshape(
        len(rows), len(policy.keys)
    )
