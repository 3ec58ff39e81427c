"""Drives a game with an agent: a decision every `skip` emulator frames, with the preprocessing of training.

An observation is the maximum of the last two grayscale frames, resized and stacked; frames from before the
start of the episode are black.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.agent import Agent, PolicyOutput
from agp_tui.atari.vector_env import FrameStacks, ObservationSpec
from agp_tui.games.atari import JOYSTICK_KEYS, AtariGame, keys_for_action
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

Grayscale = NDArray[np.uint8]
"""One frame: shape (height, width), uint8."""


class FrameStacker:
    """Preprocesses and stacks the frames of one environment."""

    def __init__(self, obs_spec: ObservationSpec) -> None:
        self._obs_spec = obs_spec
        self._frames: deque[Grayscale] = deque(maxlen=obs_spec.frames)
        self.reset()

    def reset(self) -> None:
        """Start an episode."""
        black = np.zeros((self._obs_spec.height, self._obs_spec.width), np.uint8)
        self._frames.extend([black] * self._obs_spec.frames)

    def push(self, before: Grayscale, now: Grayscale) -> FrameStacks:
        """Add the max-pooled frame of two consecutive ones; returns the stack (1, frames, height, width)."""
        size = (self._obs_spec.width, self._obs_spec.height)
        pooled = np.maximum(before, now)
        self._frames.append(np.asarray(cv2.resize(pooled, size, interpolation=cv2.INTER_AREA), np.uint8))
        return np.stack(self._frames)[None]


class AgentDriver:
    """Plays `game` with an agent, at any rate of `decide` calls.

    At 60 calls per second it decides exactly as in training; at fewer, its keys are held for as many emulator
    frames as lie between two calls.
    """

    def __init__(
        self,
        agent: Agent,
        obs_spec: ObservationSpec,
        actions: tuple[str, ...],
        game: AtariGame,
        *,
        epsilon: float = 0.0,
        seed: int = 0,
        who: Who = "agent",
    ) -> None:
        """`actions` are ALE's names of the agent's actions; `epsilon` is the share of random actions."""
        self.who = who
        self.actions = actions
        self.output: PolicyOutput | None = None
        """For the last observation."""
        self.action = 0
        """Index of the current action."""
        self._agent, self._game, self._skip = agent, game, obs_spec.skip
        self._stacker = FrameStacker(obs_spec)
        self._keys = [keys_for_action(action, game.rom) for action in actions]
        self._epsilon, self._rng = epsilon, np.random.default_rng(seed)
        self._episode = -1
        self._decided_at = 0
        game.keep_grayscale = True

    @property
    def value(self) -> float | None:
        """Value of the last observation."""
        return None if self.output is None else float(self.output.values[0])

    @property
    def preferences(self) -> dict[str, float]:
        """Preference of each action for the last observation; empty before the first one."""
        if self.output is None:
            return {}
        return dict(zip(self.actions, map(float, self.output.preferences[0]), strict=True))

    def key_preferences(self) -> dict[str, float]:
        """For each key: the sum of the preferences of the actions that hold it."""
        sums: dict[str, float] = {}
        for keys, preference in zip(self._keys, self.preferences.values(), strict=False):
            for key in keys:
                sums[key] = sums.get(key, 0.0) + preference
        return sums

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        episode, now = self._game.status().episode, self._game.emulated_frames
        if episode != self._episode:
            self._episode = episode
            self._stacker.reset()
            self._choose_action(now)
        elif now - self._decided_at >= self._skip:
            self._choose_action(now)
        return self._keys[self.action]

    def _choose_action(self, now: int) -> None:
        self._decided_at = now
        self.output = self._agent.forward(self._stacker.push(*self._game.grayscale_pair()))
        explore = self._rng.random() < self._epsilon
        self.action = int(self._rng.integers(len(self.actions)) if explore else self.output.best[0])


def keys_with_agent(actions: tuple[str, ...], rom: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """A game's `own` keys, then those that an agent's actions need besides, such as space in Pong."""
    needed: Keys = NO_KEYS.union(*(keys_for_action(action, rom) for action in actions))
    return (*own, *(key for key in JOYSTICK_KEYS if key in needed and key not in own))
