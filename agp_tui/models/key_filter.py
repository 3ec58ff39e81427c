"""From probabilities to held keys, decision by decision: thresholds, and what keeps a hand from trembling."""

from typing import Annotated, Protocol

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agp_tui.errors import ModelError
from agp_tui.keys.state import Keys


class KeyFilterConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model's keys are kept from changing at every decision. As it is made, nothing is kept."""

    hysteresis: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """A key that is down goes up only where its probability is so far below its threshold."""
    min_hold: Annotated[int, Meta(ge=1, le=60)] = 1
    """Decisions for which a pressed key stays down at least."""
    smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share that the smoothed probabilities of before have in those of now."""

    def __str__(self) -> str:
        if self == UNFILTERED:
            return "plain"
        return f"hysteresis {self.hysteresis:g}, min hold {self.min_hold}, smoothing {self.smoothing:g}"


UNFILTERED = KeyFilterConfig()
"""A key is down where its probability reaches its threshold, and not else."""


class FilteredPolicy(Protocol):
    """What a policy says of its keys."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    """Shape (keys,): a key is pressed from this probability on."""
    steadiness: KeyFilterConfig


class KeyFilter:
    """Holds the keys of one policy. Knows the decisions before, so that each play begins with `reset`."""

    def __init__(self, policy: FilteredPolicy) -> None:
        self._keys = policy.keys
        self._press = np.asarray(policy.thresholds, np.float32)
        self._steadiness = policy.steadiness
        self._release = self._press - np.float32(policy.steadiness.hysteresis)
        self.reset()

    def reset(self) -> None:
        """Nothing was decided yet."""
        self._down = np.zeros(len(self._keys), np.bool_)
        self._for = np.zeros(len(self._keys), np.int64)
        """Decisions for which each key has been down."""
        self._smooth: NDArray[np.float32] | None = None

    def hold(self, probabilities: NDArray[np.float32]) -> Keys:
        """The keys to hold after this decision; `probabilities` of shape (keys,), float32.

        Raises `ModelError` where one of them is not a number: such a model plays nothing.
        """
        if not np.isfinite(probabilities).all():
            raise ModelError(
                f"Expected a number for each key from the model, found {probabilities.tolist()}.",
                "The model is damaged or its training failed: export or train it again.",
            )
        smoothed = self._smoothed(probabilities)
        held_on = self._down & ((self._for < self._steadiness.min_hold) | (smoothed >= self._release))
        self._down = held_on | (smoothed >= self._press)
        self._for = np.where(self._down, self._for + 1, 0)
        return frozenset(self._keys[index] for index in np.flatnonzero(self._down))

    def _smoothed(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        before, share = self._smooth, np.float32(self._steadiness.smoothing)
        self._smooth = probabilities if before is None else share * before + (1 - share) * probabilities
        return self._smooth


def filter_sequence(policy: FilteredPolicy, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The keys held at each of decisions in a row: (N, keys) float32 to (N, keys)."""
    hands = KeyFilter(policy)
    rows = [hands.hold(row) for row in probabilities]
    return np.array([[key in row for key in policy.keys] for row in rows], np.bool_).reshape(
        len(rows), len(policy.keys)
    )
