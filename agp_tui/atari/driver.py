"""An agent at a console's joystick: it looks at every `skip` frames and holds keys in between.

What it sees is what the training's consoles show: the brighter of the last two frames in ALE's grey, at
the size of its view, and black from before a game's beginning.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.agent import Agent, Judged
from agp_tui.atari.vector_env import Stacks, View
from agp_tui.games.atari import JOYSTICK_KEYS, AtariGame, keys_for_action
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, Keys, Who

Grey = NDArray[np.uint8]
"""One picture: shape (height, width), uint8."""


class Sight:
    """Makes stacks of what is looked at in one game."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._frames: deque[Grey] = deque(maxlen=view.frames)
        self.clear()

    def clear(self) -> None:
        """A game begins."""
        black = np.zeros((self._view.height, self._view.width), np.uint8)
        self._frames.extend([black] * self._view.frames)

    def see(self, before: Grey, now: Grey) -> Stacks:
        """The stack (1, frames, height, width) after one more look at two frames in a row."""
        size = (self._view.width, self._view.height)
        brighter = np.maximum(before, now)
        self._frames.append(np.asarray(cv2.resize(brighter, size, interpolation=cv2.INTER_AREA), np.uint8))
        return np.stack(self._frames)[None]


class AgentDriver:
    """Decides for an agent; watches this game's console, at whatever rate the game is looked at.

    At 60 frames a second it decides exactly as in training; at fewer its keys are held for as many frames
    of the console as come between two looks.
    """

    def __init__(
        self,
        agent: Agent,
        view: View,
        actions: tuple[str, ...],
        game: AtariGame,
        *,
        epsilon: float = 0.0,
        seed: int = 0,
        who: Who = "agent",
    ) -> None:
        """`actions` are ALE's names of the agent's outputs; `epsilon` is the share taken by chance."""
        self.who = who
        self.actions = actions
        self.judged: Judged | None = None
        """What the agent made of the last state that it looked at."""
        self.action = 0
        """What it does now, as a place in `actions`."""
        self._agent, self._game, self._every = agent, game, view.skip
        self._sight = Sight(view)
        self._keys = [keys_for_action(action, game.rom) for action in actions]
        self._epsilon, self._drawing = epsilon, np.random.default_rng(seed)
        self._episode = -1
        self._looked_at = 0
        game.keep_grayscale = True

    @property
    def value(self) -> float | None:
        """What the last state that it looked at is worth to it."""
        return None if self.judged is None else float(self.judged.values[0])

    @property
    def preferences(self) -> dict[str, float]:
        """How much it prefers each action in that state; they sum to 1. Empty before the first look."""
        if self.judged is None:
            return {}
        return dict(zip(self.actions, map(float, self.judged.preferences[0]), strict=True))

    def wishes(self) -> dict[str, float]:
        """By key: the sum of its preferences for the actions that hold it."""
        found: dict[str, float] = {}
        for keys, preference in zip(self._keys, self.preferences.values(), strict=False):
            for key in keys:
                found[key] = found.get(key, 0.0) + preference
        return found

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        episode, now = self._game.status().episode, self._game.emulated_frames
        if episode != self._episode:
            self._episode = episode
            self._sight.clear()
            self._look(now)
        elif now - self._looked_at >= self._every:
            self._look(now)
        return self._keys[self.action]

    def _look(self, now: int) -> None:
        self._looked_at = now
        self.judged = self._agent.judge(self._sight.see(*self._game.grayscale_pair()))
        chance = self._drawing.random() < self._epsilon
        self.action = int(self._drawing.integers(len(self.actions)) if chance else self.judged.best[0])


def keys_for(actions: tuple[str, ...], cartridge: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """A game's own keys, then those that an agent's actions need besides, such as space in Pong."""
    needed: Keys = NO_KEYS.union(*(keys_for_action(action, cartridge) for action in actions))
    return (*own, *(key for key in JOYSTICK_KEYS if key in needed and key not in own))
