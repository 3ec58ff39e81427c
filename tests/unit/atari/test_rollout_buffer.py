"""Tests of buffers that store each frame once: stacks read back equal the observations."""

import numpy as np
import pytest
from support.small_trainers import random_step

from agp_tui.atari.replay_buffer import ReplayBuffer
from agp_tui.atari.returns import n_step_returns
from agp_tui.atari.rollout_buffer import RolloutBuffer
from agp_tui.atari.vector_env import EvalProtocol, FrameStacks, ObservationSpec, StepResult, VectorEnv

SHORT = EvalProtocol(0.25, frame_cap=640)
"""With random actions in Breakout, some episodes terminate before it and some are truncated."""
COUNT = 3
NOTHING = np.zeros(COUNT, np.float32)


def make_envs(frames: int) -> VectorEnv:
    return VectorEnv("ALE/Breakout-v5", COUNT, protocol=SHORT, obs_spec=ObservationSpec(frames, 4, 24, 20))


@pytest.mark.parametrize("frames", [1, 4, 7])
def test_rollout_stacks_equal_the_observations(frames: int) -> None:
    """Ten consecutive rollouts of odd length, with terminated and truncated episodes."""
    envs, rng = make_envs(frames), np.random.default_rng(frames)
    rollout = RolloutBuffer(37, COUNT, envs.obs_spec.shape)
    terminated = truncated = 0
    for _ in range(10):
        seen: list[FrameStacks] = []
        while not rollout.full:
            seen.append(envs.stacks.copy())
            rollout.add_observation(envs.stacks, NOTHING)
            result = random_step(envs, rng)
            rollout.add_step(np.zeros(COUNT, np.int64), result.rewards, result.terminated, result, NOTHING)
            terminated, truncated = terminated + result.terminated.sum(), truncated + result.truncated.sum()
        places = rng.permutation(37 * COUNT)
        assert np.array_equal(rollout.stacks(places), np.concatenate(seen)[places])
        rollout.reset()
    envs.close()
    assert terminated and truncated, "the test saw too little"


def test_next_values_are_bootstrapped_at_truncation() -> None:
    rollout = RolloutBuffer(3, 2, (1, 4, 4))
    stacks, no = np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.bool_)
    for step in range(3):
        rollout.add_observation(stacks, np.array([step, 10 + step], np.float32))
        truncated = np.array([False, step == 1])
        result = StepResult(np.zeros(2, np.float32), no, truncated, no, stacks, ())
        rollout.add_step(np.zeros(2, np.int64), result.rewards, no, result, np.array([0, 77], np.float32))
    assert rollout.full
    next_values = rollout.next_values(np.array([3.0, 13.0], np.float32))
    assert next_values.tolist() == [[1.0, 11.0], [2.0, 77.0], [3.0, 13.0]]


class History:
    """All observations and step results."""

    def __init__(self) -> None:
        self.stacks: list[FrameStacks] = []
        self.results: list[StepResult] = []

    def of(self, kind: str) -> np.ndarray:
        """One field of all steps, shape (steps, environments, ...)."""
        return np.stack([getattr(result, kind) for result in self.results])


@pytest.mark.parametrize("frames", [1, 4])
def test_replay_samples_equal_the_history(frames: int) -> None:
    """Each action is its step number, which identifies samples; the buffer wraps around three times."""
    n_steps, discount, length = 3, 0.9, 130
    envs, rng = make_envs(frames), np.random.default_rng(frames)
    replay, history = ReplayBuffer(length * COUNT, COUNT, envs.obs_spec.shape), History()
    drawn: set[int] = set()
    for step in range(3 * length):
        history.stacks.append(envs.stacks.copy())
        replay.add_observation(envs.stacks)
        history.results.append(result := random_step(envs, rng))
        replay.add_step(step * COUNT + np.arange(COUNT), result.rewards, result.terminated, result)
        if step % 43 == 42:
            sample = replay.sample(rng, 64, n_steps, discount)
            steps, columns = np.divmod(sample.actions, COUNT)
            drawn |= set(steps.tolist())
            assert steps.min() > step - length and steps.max() <= step - n_steps
            places = steps + np.arange(n_steps)[:, None]
            assert not history.of("truncated")[places, columns].any()
            rewards, terminated = (history.of(kind)[places, columns] for kind in ("rewards", "terminated"))
            returns, discounts, num_steps = n_step_returns(
                rewards, terminated, np.zeros_like(terminated), discount=discount
            )
            assert np.array_equal(sample.returns, returns) and np.array_equal(sample.discounts, discounts)
            observations = np.stack(history.stacks)
            assert np.array_equal(sample.stacks, observations[steps, columns])
            continues = discounts > 0
            assert np.array_equal(
                sample.next_stacks[continues], observations[steps + num_steps, columns][continues]
            )
    envs.close()
    assert len(drawn) > 200
    assert history.of("terminated").any() and history.of("truncated").any(), "the test saw too little"
    assert history.of("rewards").any()
