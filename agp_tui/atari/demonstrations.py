"""Recordings of an Atari game as an agent would have seen and played them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.returns import monte_carlo_returns
from agp_tui.atari.vector_env import Stacks, View
from agp_tui.errors import RecordingError
from agp_tui.games.atari import FRAMES_PER_SECOND, atari_id, keys_for_action, rom_name
from agp_tui.recording.store import Recording

LEAD = 1
"""A decision's keys are those held so many frames of the recording after its picture."""


@dataclass(frozen=True)
class Demonstrations:
    """Decisions of somebody who plays well; arrays of (decisions, ...)."""

    frames: NDArray[np.uint8]
    """(decisions, height, width), grey."""
    ages: NDArray[np.int64]
    """How many decisions of its game came before."""
    actions: NDArray[np.int64]
    """Indices of the agent's actions."""
    rewards: NDArray[np.float32]
    """The change of the score until the next decision."""

    def __len__(self) -> int:
        return len(self.actions)

    def stacks(self, places: NDArray[np.int64], depth: int) -> Stacks:
        """What is seen at these decisions, (batch, depth, height, width); black before a game's beginning."""
        back = np.arange(depth - 1, -1, -1)
        found: Stacks = self.frames[np.maximum(places[:, None] - back, 0)]
        found[back > self.ages[places][:, None]] = 0
        return found

    def returns(self, discount: float, *, clip: bool) -> NDArray[np.float32]:
        """What each decision led to, (decisions,), game by game."""
        rewards = np.clip(self.rewards, -1, 1) if clip else self.rewards
        begins = np.flatnonzero(self.ages == 0)
        games = np.split(rewards, begins[1:])
        return np.concatenate([monte_carlo_returns(game, discount) for game in games])


def demonstrations(
    recordings: Sequence[Path],
    game: str,
    view: View,
    actions: tuple[str, ...],
    told: Callable[[int], None] | None = None,
) -> Demonstrations:
    """Read recordings of `game`; `told` hears how many frames were read.

    Raises `RecordingError` where one is of another game, or has not a whole number of its frames for
    each decision.
    """
    parts = [_read(Recording.open(path), game, view, actions, told) for path in recordings]
    if not sum(map(len, parts)):
        raise RecordingError(f"Expected recordings of {game}, found none.", f"agp record --game {game}")
    joined = (np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True))
    return Demonstrations(*joined)


def _read(
    recording: Recording,
    game: str,
    view: View,
    actions: tuple[str, ...],
    told: Callable[[int], None] | None,
) -> Demonstrations:
    meta = recording.meta
    cartridge = rom_name(game)
    if atari_id(rom_name(meta.game)) != atari_id(cartridge):
        raise RecordingError(
            f"Expected a recording of {game}, found one of {meta.game} in {recording.path}.", "Name another."
        )
    every, rest = divmod(meta.fps * view.skip, FRAMES_PER_SECOND)
    if rest or not every:
        raise RecordingError(
            f"Expected a whole number of frames for each decision (one in {view.skip}/{FRAMES_PER_SECOND} s),"
            f" found a recording at {meta.fps} frames a second.",
            "Record at 15, 30 or 60 frames a second.",
        )
    chosen = np.arange(0, len(recording), every)
    frames = np.empty((len(chosen), view.height, view.width), np.uint8)
    for number, pixels in enumerate(recording.frames()):
        if number % every == 0:
            grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            cv2.resize(grey, (view.width, view.height), frames[number // every], interpolation=cv2.INTER_AREA)
        if told is not None and number % 100 == 0:
            told(number)
    games, scores = _play(recording, chosen)
    begins = np.flatnonzero(np.diff(games, prepend=-1))
    ages = np.arange(len(chosen)) - np.repeat(begins, np.diff(begins, append=len(chosen)))
    rewards = np.where(np.diff(games, append=games[-1]) == 0, np.diff(scores, append=scores[-1]), 0)
    return Demonstrations(
        frames, ages, _actions(recording, chosen, actions, cartridge), rewards.astype(np.float32)
    )


def _play(recording: Recording, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The number of the game and the score at each of these frames."""
    changes = recording.timeline.scores
    if not changes:
        return np.zeros(len(chosen), np.int64), np.zeros(len(chosen))
    times = np.array([change.time_ns for change in changes])
    at = np.searchsorted(times, recording.times_ns[chosen], side="right") - 1
    games = np.array([change.status.episode for change in changes])[np.maximum(at, 0)]
    scores = np.array([change.status.score for change in changes])[np.maximum(at, 0)]
    return games, np.where(at < 0, 0.0, scores)


def _actions(
    recording: Recording, chosen: NDArray[np.int64], actions: tuple[str, ...], cartridge: str
) -> NDArray[np.int64]:
    """The agent's action for the keys held; keys that none of its actions stands for are left out."""
    by_keys = {
        keys_for_action(action, cartridge): number for number, action in reversed(list(enumerate(actions)))
    }
    names, held = recording.meta.keys, recording.labels(LEAD)[chosen]
    found = []
    for row in held.tolist():
        keys = frozenset(name for name, down in zip(names, row, strict=True) if down)
        nearest = max((known for known in by_keys if known <= keys), key=len, default=None)
        found.append(0 if nearest is None else by_keys[nearest])
    return np.array(found, np.int64)
