"""An agent at a console's joystick in real time: frames in colour come in, keys go out.

What the training's consoles do in one (grey, the brighter of two frames, area interpolation, every
`skip` frames) is done here from the frames that a real-time game gives.
"""

from collections import deque

import numpy as np

from agp_tui.atari.agents import Agent, Judged
from agp_tui.atari.consoles import Stacks, View
from agp_tui.games.atari import FRAMES_A_SECOND, AtariGame, keys_of
from agp_tui.games.base import Frame, Pixels
from agp_tui.keys.state import NO_KEYS, Keys, Who


class Sight:
    """Makes stacks of the frames of one game; what was before its first frame is black."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._frames: deque[np.ndarray] = deque(maxlen=view.frames)
        self.clear()

    def clear(self) -> None:
        """A game begins."""
        black = np.zeros((self._view.height, self._view.width), np.uint8)
        self._frames.extend([black] * self._view.frames)

    def see(self, *pictures: Pixels) -> Stacks:
        """The stack (1, frames, height, width) after one more look: the brighter of these pictures (RGB)."""
        import cv2

        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
        brightest = np.maximum.reduce(grey)
        size = (self._view.width, self._view.height)
        self._frames.append(cv2.resize(brightest, size, interpolation=cv2.INTER_AREA))
        return np.stack(self._frames)[None]


class AgentDriver:
    """Decides for an agent at every `skip` frames of the console, and holds the keys in between."""

    who: Who = "agent"

    def __init__(self, agent: Agent, view: View, actions: tuple[str, ...], game: AtariGame) -> None:
        """`actions` are ALE's names of the agent's outputs."""
        self._agent, self._game = agent, game
        self._sight = Sight(view)
        self._every = max(1, round(view.skip * game.fps / FRAMES_A_SECOND))
        self._keys = [keys_of(action, game.cartridge) for action in actions]
        self._held: Keys = NO_KEYS
        self._before: Pixels | None = None
        self._frame = 0
        self._episode = game.status().episode
        self.judged: Judged | None = None
        """What the agent made of the last state that it looked at."""

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        if (episode := self._game.status().episode) != self._episode:
            self._episode, self._frame, self._before = episode, 0, None
            self._sight.clear()
        if self._frame % self._every == 0:
            # At full rate two frames in a row are seen as one, since some games draw things in turn.
            both = self._before is not None and self._game.fps == FRAMES_A_SECOND
            pictures = (self._before, frame.pixels) if both else (frame.pixels,)
            self.judged = self._agent.judge(self._sight.see(*(one for one in pictures if one is not None)))
            self._held = self._keys[int(self.judged.best[0])]
        self._frame += 1
        self._before = frame.pixels
        return self._held
