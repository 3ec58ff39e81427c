"""Demonstrations: recordings of an Atari game as observations, actions and rewards of an agent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.returns import monte_carlo_returns
from agp_tui.atari.vector_env import FrameStacks, ObservationSpec
from agp_tui.errors import RecordingError
from agp_tui.games.atari import FRAMES_PER_SECOND, atari_id, keys_for_action, rom_name
from agp_tui.recording.store import Recording

LABEL_OFFSET = 1
"""The action of a frame is given by the keys held this many recorded frames later."""


@dataclass(frozen=True)
class Demonstrations:
    """Decisions of a demonstrator; arrays of (decisions, ...)."""

    frames: NDArray[np.uint8]
    """(decisions, height, width), grayscale."""
    ages: NDArray[np.int64]
    """Number of earlier decisions in the same episode."""
    actions: NDArray[np.int64]
    """Indices of the agent's actions."""
    rewards: NDArray[np.float32]
    """Change of the score until the next decision."""
    excluded: NDArray[np.bool_]
    """Decisions that are not learned from; they are context of others."""

    def __len__(self) -> int:
        return len(self.actions)

    def stacks(self, indices: NDArray[np.int64], depth: int) -> FrameStacks:
        """Observations of these decisions, (batch, depth, height, width); black before the episode."""
        back = np.arange(depth - 1, -1, -1)
        stacks: FrameStacks = self.frames[np.maximum(indices[:, None] - back, 0)]
        stacks[back > self.ages[indices][:, None]] = 0
        return stacks

    def returns(self, discount: float, *, clip: bool) -> NDArray[np.float32]:
        """Monte Carlo returns, (decisions,)."""
        rewards = np.clip(self.rewards, -1, 1) if clip else self.rewards
        starts = np.flatnonzero(self.ages == 0)
        episodes = np.split(rewards, starts[1:])
        return np.concatenate([monte_carlo_returns(episode, discount) for episode in episodes])


def load_demonstrations(
    recordings: Sequence[Path],
    game: str,
    obs_spec: ObservationSpec,
    actions: tuple[str, ...],
    on_progress: Callable[[int], None] | None = None,
) -> Demonstrations:
    """Read recordings of `game`; `on_progress` gets the number of frames read.

    Raises `RecordingError` for a recording of another game, or one whose frame rate is not a multiple of the
    agent's decision rate.
    """
    parts = [_load(Recording.open(path), game, obs_spec, actions, on_progress) for path in recordings]
    if not sum(map(len, parts)):
        raise RecordingError(f"Expected recordings of {game}, found none.", f"agp record --game {game}")
    if all(part.excluded.all() for part in parts):
        raise RecordingError(
            f"Expected frames of {game} to learn from, found that all are excluded.",
            "agp recordings exclude R --clear makes them count again.",
        )
    joined = (np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True))
    return Demonstrations(*joined)


def _load(
    recording: Recording,
    game: str,
    obs_spec: ObservationSpec,
    actions: tuple[str, ...],
    on_progress: Callable[[int], None] | None,
) -> Demonstrations:
    meta = recording.meta
    rom = rom_name(game)
    if atari_id(rom_name(meta.game)) != atari_id(rom):
        raise RecordingError(
            f"Expected a recording of {game}, found one of {meta.game} in {recording.path}.", "Name another."
        )
    stride, rest = divmod(meta.fps * obs_spec.skip, FRAMES_PER_SECOND)
    if rest or not stride:
        raise RecordingError(
            f"Expected a whole number of frames per decision (one in {obs_spec.skip}/{FRAMES_PER_SECOND} s),"
            f" found a recording at {meta.fps} frames per second.",
            "Record at 15, 30 or 60 frames per second.",
        )
    chosen = np.arange(0, len(recording), stride)
    frames = np.empty((len(chosen), obs_spec.height, obs_spec.width), np.uint8)
    size = (obs_spec.width, obs_spec.height)
    for number, pixels in enumerate(recording.frames()):
        if number % stride == 0:
            grayscale = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            cv2.resize(grayscale, size, frames[number // stride], interpolation=cv2.INTER_AREA)
        if on_progress is not None and number % 100 == 0:
            on_progress(number)
    episodes, scores = _episodes_and_scores(recording, chosen)
    starts = np.flatnonzero(np.diff(episodes, prepend=-1))
    ages = np.arange(len(chosen)) - np.repeat(starts, np.diff(starts, append=len(chosen)))
    same_episode = np.diff(episodes, append=episodes[-1]) == 0
    rewards = np.where(same_episode, np.diff(scores, append=scores[-1]), 0)
    excluded = recording.excluded()
    excluded |= excluded[np.minimum(np.arange(len(excluded)) + LABEL_OFFSET, len(excluded) - 1)]
    return Demonstrations(
        frames,
        ages,
        _actions(recording, chosen, actions, rom),
        rewards.astype(np.float32),
        excluded[chosen],
    )


def _episodes_and_scores(
    recording: Recording, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Episode number and score at each of these frames."""
    changes = recording.timeline.scores
    if not changes:
        return np.zeros(len(chosen), np.int64), np.zeros(len(chosen))
    times = np.array([change.time_ns for change in changes])
    at = np.searchsorted(times, recording.times_ns[chosen], side="right") - 1
    episodes = np.array([change.status.episode for change in changes])[np.maximum(at, 0)]
    scores = np.array([change.status.score for change in changes])[np.maximum(at, 0)]
    return episodes, np.where(at < 0, 0.0, scores)


def _actions(
    recording: Recording, chosen: NDArray[np.int64], actions: tuple[str, ...], rom: str
) -> NDArray[np.int64]:
    """The action for the keys held; keys that no action uses are ignored."""
    by_keys = {keys_for_action(action, rom): index for index, action in reversed(list(enumerate(actions)))}
    names, held = recording.meta.keys, recording.labels(LABEL_OFFSET)[chosen]
    indices = []
    for row in held.tolist():
        keys = frozenset(name for name, down in zip(names, row, strict=True) if down)
        closest = max((candidate for candidate in by_keys if candidate <= keys), key=len, default=None)
        indices.append(0 if closest is None else by_keys[closest])
    return np.array(indices, np.int64)
