"""How far two players of one recording agree: a person and the model that watched them.

Frames at which neither holds a key say nothing about it: of the others, agreement on a key is the share at
which both hold it (Jaccard 1912).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.keys.state import Keys, Who
from agp_tui.protocol.events import Table
from agp_tui.recording.store import Recording

GAP_FRAMES = 2
"""Disagreements with no more frames between them are one moment."""


class Agreement:
    """Counts, frame by frame, on which keys two agree."""

    def __init__(self) -> None:
        self._both: Counter[str] = Counter()
        self._either: Counter[str] = Counter()

    def count(self, one: Keys, other: Keys) -> None:
        """What the two hold at a frame."""
        self._both.update(one & other)
        self._either.update(one | other)

    def shares(self) -> dict[str, float]:
        """By key that one of them has held: agreement, 0 to 1."""
        return {key: round(self._both[key] / count, 3) for key, count in sorted(self._either.items())}


@dataclass(frozen=True)
class Disagreement:
    """A stretch of frames at which the two hold something else."""

    start: int
    stop: int
    """Not included."""
    size: int
    """Sum over its frames of the keys on which they differ."""
    keys: tuple[str, ...]
    """On which they differ there, the most frequent first."""


@dataclass(frozen=True)
class PlayerComparison:
    """Two players of one recording beside each other."""

    fps: int
    one: Who
    other: Who
    agreement: dict[str, float]
    """By key that one of them has held, 0 to 1."""
    moments: tuple[Disagreement, ...]
    """Where they disagree, the largest first."""

    def report(self, most: int) -> dict[str, Any]:
        """As plain data, with so many moments."""
        return {
            "players": [self.one, self.other],
            "agreement": self.agreement,
            "moments": [asdict(moment) | {"keys": list(moment.keys)} for moment in self.moments[:most]],
        }


def compare_players(recording: Recording) -> PlayerComparison:
    """Whose keys are the labels, beside the other player. Raises `RecordingError` where there is none."""
    one = recording.meta.labels
    others = [who for who in recording.timeline.players if who != one]
    if len(others) != 1:
        raise RecordingError(
            f"Expected a recording with two players, found {'more' if others else 'one'}.",
            "Let a model watch you: agp record --game G --shadow MODEL",
        )
    mine, theirs = player_states(recording, one), player_states(recording, others[0])
    both, either = (mine & theirs).sum(0), (mine | theirs).sum(0)
    keys = recording.meta.keys
    agreement = {keys[i]: round(float(both[i] / either[i]), 3) for i in np.flatnonzero(either)}
    found = sorted(_moments(keys, mine != theirs), key=lambda moment: (-moment.size, moment.start))
    return PlayerComparison(recording.meta.fps, one, others[0], agreement, tuple(found))


def disagreement_table(found: PlayerComparison, name: str, most: int) -> Table:
    """For people."""
    shares = ", ".join(f"{key} {100 * share:.0f} %" for key, share in found.agreement.items())
    rows: list[list[str | float | int | None]] = [
        [
            moment.start,
            round(moment.start / found.fps, 2),
            round((moment.stop - moment.start) / found.fps, 2),
            " ".join(moment.keys),
        ]
        for moment in found.moments[:most]
    ]
    title = f"{name}: {found.one} and {found.other} agree on {shares or 'nothing held'}"
    return Table(title=title, columns=["frame", "at second", "seconds long", "keys"], rows=rows)


def player_states(recording: Recording, who: Who) -> NDArray[np.bool_]:
    """Shape (N, K): the keys that one of its players holds at each frame."""
    return recording.timeline.key_states(recording.meta.keys, who)[: len(recording)]


def _moments(keys: tuple[str, ...], differ: NDArray[np.bool_]) -> Iterator[Disagreement]:
    """Stretches of rows of `differ` (N, K) with anything in them."""
    places = np.flatnonzero(differ.any(axis=1))
    breaks = np.flatnonzero(np.diff(places) > GAP_FRAMES + 1) + 1
    for part in np.split(places, breaks) if len(places) else ():
        start, stop = int(part[0]), int(part[-1]) + 1
        counts = differ[start:stop].sum(axis=0)
        order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
        yield Disagreement(start, stop, int(counts.sum()), tuple(keys[i] for i in order))
