"""Agreement between the two players of a recording: a person and the model that shadowed them.

The agreement on a key is its Jaccard index: frames at which both hold it, over those at which either does.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.keys.state import Keys, Who
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import DisagreementsResult, Moment
from agp_tui.recording.store import Recording

GAP_FRAMES = 2
"""Disagreements at most this many frames apart are merged."""


class Agreement:
    """Running agreement of two players per key."""

    def __init__(self) -> None:
        self._both: Counter[str] = Counter()
        self._either: Counter[str] = Counter()

    def count(self, one: Keys, other: Keys) -> None:
        """Add the keys that the two hold at a frame."""
        self._both.update(one & other)
        self._either.update(one | other)

    def shares(self) -> dict[str, float]:
        """The agreement, 0 to 1, by key that either has held."""
        return {key: round(self._both[key] / count, 3) for key, count in sorted(self._either.items())}


@dataclass(frozen=True)
class Disagreement:
    """A range of frames at which the two hold different keys."""

    start: int
    stop: int
    """Exclusive."""
    size: int
    """The number of differing keys, summed over the frames."""
    keys: tuple[str, ...]
    """The differing keys, most frequent first."""


@dataclass(frozen=True)
class PlayerComparison:
    """The comparison of the two players of a recording."""

    fps: int
    one: Who
    other: Who
    agreement: dict[str, float]
    """0 to 1, by key that either has held."""
    disagreements: tuple[Disagreement, ...]
    """Largest first."""

    def report(self, limit: int) -> DisagreementsResult:
        """The report of `agp recordings disagreements`, with at most `limit` of them."""
        return DisagreementsResult(
            players=(self.one, self.other),
            agreement=self.agreement,
            moments=tuple(Moment(**asdict(one)) for one in self.disagreements[:limit]),
        )


def compare_players(recording: Recording) -> PlayerComparison:
    """Compare the player of the labels with the other one. Raises `RecordingError` if there is none."""
    one = recording.meta.labels
    others = [who for who in recording.timeline.players if who != one]
    if len(others) != 1:
        raise RecordingError(
            f"Expected a recording with two players, found {len(others) + 1}.",
            "Record with a model as a shadow: agp record --game G --shadow MODEL",
        )
    first, second = player_states(recording, one), player_states(recording, others[0])
    both, either = (first & second).sum(0), (first | second).sum(0)
    keys = recording.meta.keys
    agreement = {keys[i]: round(float(both[i] / either[i]), 3) for i in np.flatnonzero(either)}
    found = sorted(_disagreements(keys, first != second), key=lambda one: (-one.size, one.start))
    return PlayerComparison(recording.meta.fps, one, others[0], agreement, tuple(found))


def disagreement_table(found: PlayerComparison, name: str, limit: int) -> Table:
    """The largest disagreements as a table, at most `limit`."""
    shares = ", ".join(f"{key} {100 * share:.0f} %" for key, share in found.agreement.items())
    rows: list[list[str | float | int | None]] = [
        [
            one.start,
            round(one.start / found.fps, 2),
            round((one.stop - one.start) / found.fps, 2),
            " ".join(one.keys),
        ]
        for one in found.disagreements[:limit]
    ]
    title = f"{name}: {found.one} and {found.other} agree on {shares or 'nothing held'}"
    return Table(title=title, columns=["frame", "at second", "seconds long", "keys"], rows=rows)


def player_states(recording: Recording, who: Who) -> NDArray[np.bool_]:
    """Shape (N, K): the keys that a player holds at each frame."""
    return recording.timeline.key_states(recording.meta.keys, who)[: len(recording)]


def _disagreements(keys: tuple[str, ...], differ: NDArray[np.bool_]) -> Iterator[Disagreement]:
    """The ranges of rows of `differ` (N, K) with a true value, merged over short gaps."""
    places = np.flatnonzero(differ.any(axis=1))
    breaks = np.flatnonzero(np.diff(places) > GAP_FRAMES + 1) + 1
    for part in np.split(places, breaks) if len(places) else ():
        start, stop = int(part[0]), int(part[-1]) + 1
        counts = differ[start:stop].sum(axis=0)
        order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
        yield Disagreement(start, stop, int(counts.sum()), tuple(keys[i] for i in order))
