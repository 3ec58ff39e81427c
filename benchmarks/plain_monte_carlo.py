"""The plain way to learn an Atari game by Monte Carlo, as a first script would do it, kept for comparison.

One console through gymnasium, grey pictures scaled to numbers at once, whole stacks kept as floats, a
residual network with batch normalisation, one pass over the game when it is over.
"""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 0.5
BATCH = 64


class PlainMonteCarlo:
    """A console, a network and a game that is going on."""

    def __init__(self, game: str) -> None:
        import ale_py
        import gymnasium

        gymnasium.register_envs(ale_py)
        make: Any = gymnasium.make
        options = {"obs_type": "grayscale", "frameskip": 4, "repeat_action_probability": 0.25}
        self._env = make(game, **options)
        self._actions = int(self._env.action_space.n)
        self._network = _network(self._actions)
        self._optimizer = torch.optim.Adam(self._network.parameters(), 2.5e-4)
        self._drawing = np.random.default_rng(0)
        self._begin()

    def turn(self, seconds: float) -> int:
        """Play and learn for so many seconds of processor time; the decisions taken."""
        begun, steps = time.process_time(), 0
        while time.process_time() - begun < seconds:
            self._step()
            steps += 1
        return steps

    def _begin(self) -> None:
        picture, _ = self._env.reset()
        self._stack = np.zeros((4, 210, 160), np.float32)
        self._push(picture)
        self._seen: list[np.ndarray] = []
        self._done: list[int] = []
        self._rewards: list[float] = []

    def _push(self, picture: np.ndarray) -> None:
        self._stack = np.concatenate([self._stack[1:], picture[None].astype(np.float32) / 255])

    def _step(self) -> None:
        if self._drawing.random() < EPSILON:
            action = int(self._drawing.integers(self._actions))
        else:
            with torch.no_grad():
                action = int(self._network(torch.from_numpy(self._stack[None])).argmax())
        self._seen.append(self._stack)
        picture, reward, over, cut, _ = self._env.step(action)
        self._done.append(action)
        self._rewards.append(float(reward))
        self._push(picture)
        if over or cut:
            self._learn()
            self._begin()

    def _learn(self) -> None:
        returns: list[float] = []
        following = 0.0
        for reward in reversed(self._rewards):
            following = reward + 0.99 * following
            returns.insert(0, following)
        order = self._drawing.permutation(len(returns))
        for at in range(0, len(order), BATCH):
            places = order[at : at + BATCH]
            stacks = torch.from_numpy(np.stack([self._seen[place] for place in places]))
            actions = torch.tensor([self._done[place] for place in places])
            aims = torch.tensor([returns[place] for place in places])
            chosen = self._network(stacks).gather(1, actions[:, None])[:, 0]
            self._optimizer.zero_grad()
            torch.autograd.backward(functional.smooth_l1_loss(chosen, aims))
            self._optimizer.step()


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(channels, channels * 4, 4, stride=4)
        self.norm = nn.BatchNorm2d(channels * 4)

    def forward(self, pictures: Tensor) -> Tensor:
        whole = functional.pad(pictures, (0, -pictures.shape[3] % 4, 0, -pictures.shape[2] % 4))
        straight = functional.avg_pool2d(whole, 4).repeat_interleave(4, 1)
        return functional.relu(straight + self.norm(self.shrink(whole)))


def _network(actions: int) -> nn.Module:
    blocks = [_Block(4), _Block(16), _Block(64), _Block(256)]
    return nn.Sequential(
        *blocks, nn.Flatten(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, actions)
    ).eval()
