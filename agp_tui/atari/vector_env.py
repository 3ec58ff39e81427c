"""Vector environment: ALE games stepped together, with frame stack, frame skip and an evaluation protocol.

Every episode has its own seed, so it is a function of that seed and its actions: on a resume, unfinished
episodes are restored by replaying their actions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agp_tui.games.atari import rom_name

FrameStacks = NDArray[np.uint8]
"""Observations: shape (num_envs, frames, height, width), uint8, grayscale, newest frame last."""

FRAME_CAP = 108_000
"""Emulator frames after which an episode is truncated: half an hour, as in Machado et al. 2018."""
MAX_NOOPS = 30


@dataclass(frozen=True)
class EvalProtocol:
    """The rules of the environment. Scores under different protocols are not comparable."""

    sticky: float
    """Probability that the emulator repeats its previous action (sticky actions)."""
    frame_cap: int = FRAME_CAP
    noops: int = MAX_NOOPS
    """Greatest number of no-op frames at the start of an episode."""

    def __str__(self) -> str:
        minutes = self.frame_cap / 60 / 60
        return (
            f"sticky actions {self.sticky:g}, up to {self.noops} idle frames, cut after {minutes:g} minutes"
        )


PROTOCOLS: dict[Literal["sticky", "classic"], EvalProtocol] = {
    "sticky": EvalProtocol(0.25),
    "classic": EvalProtocol(0.0),
}
"""`sticky` is the standard since Machado et al. 2018; `classic` compares with older tables."""

EVAL_EPSILON = 0.01
"""Epsilon of evaluations, for all algorithms."""


@dataclass(frozen=True)
class ObservationSpec:
    """Preprocessing of observations (Mnih et al. 2015)."""

    frames: int = 4
    """Frames in a stack."""
    skip: int = 4
    """Frame skip: emulator frames for each decision, of which the last two are max-pooled."""
    height: int = 84
    width: int = 84

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one stack: (frames, height, width)."""
        return self.frames, self.height, self.width


@dataclass(frozen=True)
class EpisodeResult:
    """A finished episode: its unclipped score, and its length in emulator frames."""

    score: float
    frames: int
    env: int
    """Index of the environment."""
    truncated: bool


@dataclass(frozen=True)
class StepResult:
    """The result of one step of all environments; arrays of shape (num_envs,)."""

    rewards: NDArray[np.float32]
    """Changes of the score, unclipped."""
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    """The frame cap ended the episode."""
    lost_life: NDArray[np.bool_]
    stacks: FrameStacks
    """The observations after the step, before any reset."""
    episodes: tuple[EpisodeResult, ...]
    """Episodes that ended with this step."""


@dataclass
class _Episode:
    """An unfinished episode: all that is needed to replay it."""

    number: int
    actions: list[int] = field(default_factory=list)
    score: float = 0.0


class VectorEnv:
    """`num_envs` environments of one game, in threads. Raises `SettingError`, `MissingPart`.

    Actions are indices of `actions`, the names of ALE's minimal action set. `stacks` are the current
    observations; frames from before the start of an episode are black.
    """

    def __init__(
        self,
        game: str,
        num_envs: int,
        *,
        protocol: EvalProtocol,
        obs_spec: ObservationSpec = ObservationSpec(),
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        from ale_py.vector_env import AtariVectorEnv
        from gymnasium.vector import AutoresetMode

        self.game, self.num_envs, self.protocol, self.obs_spec = game, num_envs, protocol, obs_spec
        self.rom = rom_name(game)
        self._seed = seed
        self._env: Any = AtariVectorEnv(
            self.rom,
            num_envs,
            batch_size=num_envs,
            num_threads=min(threads, num_envs),
            thread_affinity_offset=-1,
            max_num_frames_per_episode=protocol.frame_cap,
            repeat_action_probability=protocol.sticky,
            full_action_space=False,
            continuous=False,
            autoreset_mode=AutoresetMode.NEXT_STEP,
            img_height=obs_spec.height,
            img_width=obs_spec.width,
            grayscale=True,
            stack_num=obs_spec.frames,
            frameskip=obs_spec.skip,
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
        """Emulator frames of all environments so far, without no-op frames."""
        self._episodes = [_Episode(0) for _ in range(num_envs)]
        self.stacks, info = self._env.reset(seed=self._seeds(range(num_envs)))
        self._lives: NDArray[np.int32] = info["lives"].copy()

    def step(self, actions: NDArray[np.int64]) -> StepResult:
        """Step all environments with `actions`, shape (num_envs,), and reset those whose episode ended."""
        stacks, rewards, terminated, truncated, info = self._env.step(actions)
        terminated, truncated = terminated.copy(), truncated & ~terminated
        rewards = rewards.astype(np.float32)
        lost_life = (info["lives"] < self._lives) & ~terminated
        self._lives = info["lives"].copy()
        self.frames += self.num_envs * self.obs_spec.skip
        for episode, action, reward in zip(self._episodes, actions.tolist(), rewards.tolist(), strict=True):
            episode.actions.append(action)
            episode.score += reward
        lengths = info["episode_frame_number"]
        episodes = tuple(
            EpisodeResult(self._episodes[at].score, int(lengths[at]), int(at), bool(truncated[at]))
            for at in np.flatnonzero(terminated | truncated)
        )
        result = StepResult(rewards, terminated, truncated, lost_life, stacks, episodes)
        self.stacks = stacks
        if episodes:
            self._start_next_episodes(terminated | truncated)
        return result

    def score(self, env: int) -> float:
        """Score of the current episode of environment `env`."""
        return self._episodes[env].score

    def state(self) -> dict[str, Any]:
        """Plain data for `restore`.

        Actions are stored as the characters of a string: compact in a checkpoint, and not as bytes, because
        torch does not read empty bytes back.
        """
        games = [{"number": one.number, "actions": "".join(map(chr, one.actions))} for one in self._episodes]
        return {"games": games, "frames": self.frames}

    def restore(
        self, state: dict[str, Any], on_observation: Callable[[FrameStacks], None] = lambda stacks: None
    ) -> None:
        """Replay the unfinished episodes so that all of them reach their last step at the same time.

        `on_observation` is called with the observations before each action.
        """
        pasts = [list(map(ord, game["actions"])) for game in state["games"]]
        numbers = [int(game["number"]) for game in state["games"]]
        self._episodes = [_Episode(number, list(past)) for number, past in zip(numbers, pasts, strict=True)]
        longest = max(map(len, pasts))
        starts = np.array([longest - len(past) for past in pasts])
        for step in range(longest):
            self._reset(starts == step)
            both = zip(pasts, starts.tolist(), strict=True)
            actions = [past[step - start] if step >= start else 0 for past, start in both]
            on_observation(self.stacks)
            self.stacks, rewards, *_, info = self._env.step(np.array(actions, np.int64))
            self._lives = info["lives"].copy()
            for at in np.flatnonzero(starts <= step):
                self._episodes[at].score += float(rewards[at])
        self._reset(starts == longest)
        self.frames = int(state["frames"])

    def close(self) -> None:
        """Close the emulators."""
        self._env.close()

    def _start_next_episodes(self, done: NDArray[np.bool_]) -> None:
        for at in np.flatnonzero(done):
            self._episodes[at] = _Episode(self._episodes[at].number + 1)
        self._reset(done)

    def _reset(self, mask: NDArray[np.bool_]) -> None:
        """Reset the environments of the mask to the start of their current episode."""
        if mask.any():
            seeds = self._seeds(np.flatnonzero(mask).tolist())
            self.stacks, info = self._env.reset(seed=seeds, options={"reset_mask": mask})
            self._lives = info["lives"].copy()

    def _seeds(self, envs: Iterable[int]) -> NDArray[np.int64]:
        """Seeds of the current episodes of these environments."""
        entropies = ([self._seed, at, self._episodes[at].number] for at in envs)
        return np.array(
            [np.random.SeedSequence(one).generate_state(1)[0] >> 1 for one in entropies], np.int64
        )
