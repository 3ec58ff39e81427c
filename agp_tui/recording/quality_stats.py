"""Data-quality statistics of a recording: how its keys are held, and warnings."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations as pairs_of
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.formatting.text import clock_text
from agp_tui.keys.state import Who
from agp_tui.protocol.results import Combination, ExcludedStretch
from agp_tui.recording.exclusions import runs_of
from agp_tui.recording.store import Recording
from agp_tui.recording.timeline import crc_of

MOSTLY_IDLE_SHARE = 0.9
ONE_SIDED_RATIO = 10.0
"""Ratio of the hold times of two opposite keys."""
OPPOSITES = ({"left", "right"}, {"up", "down"}, {"a", "d"}, {"w", "s"})
MAX_MISSED_SHARE = 0.01
MAX_STILL_SHARE = 0.5
MAX_STILL_SECONDS = 5.0
"""A picture that does not change for longer is reported."""
MAX_BLACK_SHARE = 0.1


@dataclass(frozen=True)
class KeyCombination:
    """A set of keys held together (empty: none held), and its share of the frames, 0 to 1."""

    keys: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class RecordingStats:
    """Statistics of the label keys of a recording."""

    shares: dict[str, float]
    """By key: share of the frames at which it is held, 0 to 1."""
    presses: dict[str, int]
    """By key: number of presses, including a key held from the start."""
    combinations: tuple[KeyCombination, ...]
    """Most frequent first; the shares sum to 1."""
    warnings: tuple[str, ...]
    """Sentences for people, to decide whether to keep the recording."""
    nudges: int = 0
    """How often a nudge held a key that the player did not hold."""
    nudge_seconds: float = 0.0
    """For how long, in all."""
    excluded: tuple[ExcludedStretch, ...] = ()
    """What training does not learn from, in order."""

    def report(self) -> dict[str, Any]:
        """The fields that the reports of `agp record` and `agp recordings info` share, rounded."""
        return {
            "shares": {key: round(share, 4) for key, share in self.shares.items()},
            "combinations": tuple(
                Combination(keys=one.keys, share=round(one.share, 4)) for one in self.combinations
            ),
            "warnings": self.warnings,
            "nudges": self.nudges,
            "nudge_seconds": self.nudge_seconds,
            "excluded": self.excluded,
        }


def recording_stats(recording: Recording) -> RecordingStats:
    """Compute the statistics from key states and checksums, without decoding frames.

    Raises `RecordingError` if the exclusions cannot be read.
    """
    meta = recording.meta
    states = recording.key_states(meta.labels)
    shares = held_shares(meta.keys, states)
    downs = np.diff(states.astype(np.int8), axis=0, prepend=0) > 0
    presses = {key: int(downs[:, number].sum()) for number, key in enumerate(meta.keys)}
    warnings = (
        *_key_warnings(shares, states, meta.labels),
        *_missing_frame_warnings(recording),
        *picture_warnings(recording),
    )
    nudged = recording.key_states("nudge") & ~recording.key_states(meta.source)
    return RecordingStats(
        shares,
        presses,
        tuple(_combinations(meta.keys, states)),
        warnings,
        nudges=_nudges(recording),
        nudge_seconds=round(float(nudged.any(axis=1).sum()) / meta.fps, 2),
        excluded=excluded_stretches(recording),
    )


def excluded_stretches(recording: Recording) -> tuple[ExcludedStretch, ...]:
    """The stretches that training does not learn from, in order. Raises `RecordingError`."""
    return tuple(_stretch(recording, start, stop) for start, stop in runs_of(recording.excluded()))


def _stretch(recording: Recording, start: int, stop: int) -> ExcludedStretch:
    since = (recording.times_ns - recording.times_ns[0]) / 1e9
    end = float(since[stop]) if stop < len(since) else recording.seconds
    return ExcludedStretch(
        start=start, stop=stop, start_seconds=round(float(since[start]), 3), stop_seconds=round(end, 3)
    )


def held_shares(keys: tuple[str, ...], states: NDArray[np.bool_]) -> dict[str, float]:
    """By key: share of the frames at which it is held. `states`: shape (N, K), N at least 1."""
    return {key: float(share) for key, share in zip(keys, states.mean(axis=0), strict=True)}


def filled_share(recording: Recording) -> float:
    """Share of the requested frames, from the first to the last, that were recorded."""
    span = float(recording.times_ns[-1] - recording.times_ns[0]) / 1e9
    return min(1.0, len(recording) / (round(span * recording.meta.fps) + 1))


def stands_still(recording: Recording) -> bool:
    """Whether all frames are alike: a paused game, or a region that does not show it.

    Never of a recording shorter than `MAX_STILL_SECONDS`, such as a correction at a quiet moment.
    """
    crcs = recording.timeline.crcs[: len(recording)]
    return recording.seconds >= MAX_STILL_SECONDS and bool((crcs == crcs[0]).all())


def picture_warnings(recording: Recording) -> Iterator[str]:
    """Warnings of frames that suggest a still or invisible game; excluded stretches are left out.

    Raises `RecordingError` if the exclusions cannot be read.
    """
    used = ~recording.excluded()
    crcs = recording.timeline.crcs[: len(recording)]
    same = (np.diff(crcs, prepend=crcs[0] ^ 1) == 0) & used
    still = float(same.sum() / max(1, used.sum() - 1))
    if stands_still(recording):
        yield "All frames are alike: the game stood still, or the region does not show it."
    elif still > MAX_STILL_SHARE:
        share = f"{100 * still:.0f} % of the frames equal the one before"
        yield f"{share}: the game stood still, or is slower than the recording."
    else:
        yield from _long_stills(recording, same)
    black = float(((crcs == crc_of(np.zeros((*recording.meta.frame_size, 3), np.uint8))) & used).mean())
    if black > MAX_BLACK_SHARE:
        yield f"{100 * black:.0f} % of the frames are black: the region may be wrong, or the game covered."


def _nudges(recording: Recording) -> int:
    return sum(edge.down for edge in recording.timeline.edges if edge.who == "nudge")


def _long_stills(recording: Recording, same: NDArray[np.bool_]) -> Iterator[str]:
    """A warning of the longest stretch in which the picture does not change; `same` as the frame before."""
    start, stop = max(runs_of(same), key=lambda run: run[1] - run[0], default=(0, 0))
    if stop - start < MAX_STILL_SECONDS * recording.meta.fps:
        return
    found = _stretch(recording, start, stop)
    begin, end = clock_text(found.start_seconds), clock_text(found.stop_seconds)
    yield (
        f"The picture stands still from {begin} to {end}; "
        f"agp recordings exclude {recording.path.name} --from {found.start_seconds:g} "
        f"--to {found.stop_seconds:g} leaves it out of training."
    )


def _combinations(keys: tuple[str, ...], states: NDArray[np.bool_]) -> list[KeyCombination]:
    rows, counts = np.unique(states, axis=0, return_counts=True)
    found = [
        KeyCombination(
            tuple(key for key, down in zip(keys, row, strict=True) if down), float(count) / len(states)
        )
        for row, count in zip(rows, counts, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.share, one.keys))


def _key_warnings(shares: dict[str, float], states: NDArray[np.bool_], who: Who) -> Iterator[str]:
    idle = float((~states.any(axis=1)).mean())
    if idle == 1.0:
        yield f"No key is ever pressed by {who}: there is nothing to learn from."
        return
    if idle > MOSTLY_IDLE_SHARE:
        yield f"Mostly idle: no key is held in {100 * idle:.0f} % of the frames."
    for one, other in pairs_of(shares, 2):
        if {one, other} not in OPPOSITES:
            continue
        more, less = (one, other) if shares[one] >= shares[other] else (other, one)
        if shares[more] > ONE_SIDED_RATIO * shares[less]:
            held = f"{more} is held {100 * shares[more]:.1f} % of the time, {less} {100 * shares[less]:.1f} %"
            yield f"One-sided: {held}."


def _missing_frame_warnings(recording: Recording) -> Iterator[str]:
    missed = 1.0 - filled_share(recording)
    if missed > MAX_MISSED_SHARE:
        yield f"{100 * missed:.1f} % of the frames requested at {recording.meta.fps} fps are missing."
