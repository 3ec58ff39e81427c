"""Many consoles with one game, stepped together; every option of the emulator is said here.

Each game is begun with a seed of its own, so it is a function of that seed and the actions: consoles
whose memory nobody kept are brought back to where they were by pressing the same again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agp_tui.games.atari import rom_name

Stacks = NDArray[np.uint8]
"""What is seen: shape (consoles, frames, height, width), uint8, grey, the newest frame last."""

FRAME_CAP = 108_000
"""A game is cut after so many frames of the console: half an hour, as in Machado et al. 2018."""
MAX_NOOPS = 30


@dataclass(frozen=True)
class Protocol:
    """What the game is played under; scores under different ones must not be compared."""

    sticky: float
    """Probability that the console repeats its last action instead of taking ours."""
    frame_cap: int = FRAME_CAP
    noops: int = MAX_NOOPS
    """A game begins with up to so many idle frames."""

    def __str__(self) -> str:
        minutes = self.frame_cap / 60 / 60
        return (
            f"sticky actions {self.sticky:g}, up to {self.noops} idle frames, cut after {minutes:g} minutes"
        )


PROTOCOLS: dict[Literal["sticky", "classic"], Protocol] = {
    "sticky": Protocol(0.25),
    "classic": Protocol(0.0),
}
"""`sticky` is the usual one since Machado et al. 2018; `classic` is for comparison with older tables."""


@dataclass(frozen=True)
class View:
    """How an agent sees the console."""

    frames: int = 4
    """How many frames are seen at once."""
    skip: int = 4
    """Frames of the console for each decision; the brighter pixel of the last two is seen."""
    height: int = 84
    width: int = 84

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one stack: (frames, height, width)."""
        return self.frames, self.height, self.width


@dataclass(frozen=True)
class Ended:
    """A game that ended: its score, unclipped, and its length in frames of the console."""

    score: float
    frames: int
    console: int
    cut: bool


@dataclass(frozen=True)
class Moved:
    """What one decision of every console led to; arrays of shape (consoles,)."""

    rewards: NDArray[np.float32]
    """The change of the score, unclipped."""
    over: NDArray[np.bool_]
    """The game ended."""
    cut: NDArray[np.bool_]
    """The game was still going on when the frame cap ended it."""
    lost_life: NDArray[np.bool_]
    stacks: Stacks
    """What the consoles showed after it, before any of them began anew."""
    ended: tuple[Ended, ...]


@dataclass
class _Begun:
    """A game that is going on: how it began and what was pressed since."""

    number: int
    actions: list[int] = field(default_factory=list)
    score: float = 0.0


class Consoles:
    """`count` consoles with one game, in threads of their own. Raises `SettingError`, `MissingPart`.

    The actions are the indices of `actions`, ALE's minimal set for the game. `stacks` is what is seen
    now; frames from before a game's beginning are black.
    """

    def __init__(
        self,
        game: str,
        count: int,
        *,
        protocol: Protocol,
        view: View = View(),
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        from ale_py.vector_env import AtariVectorEnv
        from gymnasium.vector import AutoresetMode

        self.game, self.count, self.protocol, self.view = game, count, protocol, view
        self.cartridge = rom_name(game)
        self._seed = seed
        self._env: Any = AtariVectorEnv(
            self.cartridge,
            count,
            batch_size=count,
            num_threads=min(threads, count),
            thread_affinity_offset=-1,
            max_num_frames_per_episode=protocol.frame_cap,
            repeat_action_probability=protocol.sticky,
            full_action_space=False,
            continuous=False,
            autoreset_mode=AutoresetMode.NEXT_STEP,
            img_height=view.height,
            img_width=view.width,
            grayscale=True,
            stack_num=view.frames,
            frameskip=view.skip,
            maxpool=True,
            noop_max=protocol.noops,
            episodic_life=False,
            life_loss_info=False,
            reward_clipping=False,
            use_fire_reset=False,
        )
        self.actions: tuple[str, ...] = tuple(
            str(getattr(action, "name", action)) for action in self._env.ale.get_action_set()
        )
        self.frames = 0
        """Frames of the console in all games so far, idle ones at their beginning not counted."""
        self._games = [_Begun(0) for _ in range(count)]
        self.stacks, info = self._env.reset(seed=self._seeds(range(count)))
        self._lives: NDArray[np.int32] = info["lives"].copy()

    def step(self, actions: NDArray[np.int64]) -> Moved:
        """Take one action, shape (consoles,), on each; games that are over begin anew in `stacks`."""
        stacks, rewards, over, cut, info = self._env.step(actions)
        over, cut = over.copy(), cut & ~over
        rewards = rewards.astype(np.float32)
        lost_life = (info["lives"] < self._lives) & ~over
        self._lives = info["lives"].copy()
        self.frames += self.count * self.view.skip
        for game, action, reward in zip(self._games, actions.tolist(), rewards.tolist(), strict=True):
            game.actions.append(action)
            game.score += reward
        ended = tuple(
            Ended(self._games[at].score, int(info["episode_frame_number"][at]), int(at), bool(cut[at]))
            for at in np.flatnonzero(over | cut)
        )
        moved = Moved(rewards, over, cut, lost_life, stacks, ended)
        self.stacks = stacks
        if ended:
            self._begin_anew(over | cut)
        return moved

    def score(self, console: int) -> float:
        """Of the game that is going on there."""
        return self._games[console].score

    def state(self) -> dict[str, Any]:
        """Plain data from which `restore` brings the consoles back to where they are.

        Actions are the codes of a text's letters: short in a checkpoint, and no bytes, since torch writes
        empty ones in a way that it does not read again.
        """
        games = [{"number": game.number, "actions": "".join(map(chr, game.actions))} for game in self._games]
        return {"games": games, "frames": self.frames}

    def restore(self, state: dict[str, Any], watch: Callable[[Stacks], None] = lambda stacks: None) -> None:
        """Play the games that were going on again, action by action, so that all of them end up in time.

        `watch` sees what the consoles show before each action.
        """
        pasts = [list(map(ord, game["actions"])) for game in state["games"]]
        numbers = [int(game["number"]) for game in state["games"]]
        self._games = [_Begun(number, list(past)) for number, past in zip(numbers, pasts, strict=True)]
        longest = max(map(len, pasts))
        begins = np.array([longest - len(past) for past in pasts])
        for step in range(longest):
            self._begin(begins == step)
            ahead = zip(pasts, begins.tolist(), strict=True)
            actions = [past[step - begin] if step >= begin else 0 for past, begin in ahead]
            watch(self.stacks)
            self.stacks, rewards, *_, info = self._env.step(np.array(actions, np.int64))
            self._lives = info["lives"].copy()
            for at in np.flatnonzero(begins <= step):
                self._games[at].score += float(rewards[at])
        self._begin(begins == longest)
        self.frames = int(state["frames"])

    def close(self) -> None:
        """Let the emulators go."""
        self._env.close()

    def _begin_anew(self, done: NDArray[np.bool_]) -> None:
        for at in np.flatnonzero(done):
            self._games[at] = _Begun(self._games[at].number + 1)
        self._begin(done)

    def _begin(self, which: NDArray[np.bool_]) -> None:
        """Put these consoles at the beginning of their game."""
        if which.any():
            seeds = self._seeds(np.flatnonzero(which).tolist())
            self.stacks, info = self._env.reset(seed=seeds, options={"reset_mask": which})
            self._lives = info["lives"].copy()

    def _seeds(self, consoles: Iterable[int]) -> NDArray[np.int64]:
        """The seed of each of these consoles' present game."""
        entropies = ([self._seed, at, self._games[at].number] for at in consoles)
        return np.array(
            [np.random.SeedSequence(one).generate_state(1)[0] >> 1 for one in entropies], np.int64
        )
