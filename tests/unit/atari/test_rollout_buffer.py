"""Frames that are kept once: stacks read back are those that real consoles showed."""

import numpy as np
import pytest
from support.small_trainers import random_step

from agp_tui.atari.replay_buffer import ReplayBuffer
from agp_tui.atari.returns import n_step_returns
from agp_tui.atari.rollout_buffer import RolloutBuffer
from agp_tui.atari.vector_env import EvalProtocol, FrameStacks, ObservationSpec, StepResult, VectorEnv

SHORT = EvalProtocol(0.25, frame_cap=640)
"""Games of Breakout by chance: some are over before it, some are cut."""
COUNT = 3
NOTHING = np.zeros(COUNT, np.float32)


def consoles_seen(frames: int) -> VectorEnv:
    return VectorEnv("ALE/Breakout-v5", COUNT, protocol=SHORT, obs_spec=ObservationSpec(frames, 4, 24, 20))


@pytest.mark.parametrize("frames", [1, 4, 7])
def test_a_rollouts_stacks_are_those_of_the_consoles(frames: int) -> None:
    """Ten rollouts in a row, of an odd length, over games that are over and games that are cut."""
    consoles, rng = consoles_seen(frames), np.random.default_rng(frames)
    rollout = RolloutBuffer(37, COUNT, consoles.obs_spec.shape)
    terminated = truncated = 0
    for _ in range(10):
        seen: list[FrameStacks] = []
        while not rollout.full:
            seen.append(consoles.stacks.copy())
            rollout.add_observation(consoles.stacks, NOTHING)
            result = random_step(consoles, rng)
            rollout.add_step(np.zeros(COUNT, np.int64), result.rewards, result.terminated, result, NOTHING)
            terminated, truncated = terminated + result.terminated.sum(), truncated + result.truncated.sum()
        places = rng.permutation(37 * COUNT)
        assert np.array_equal(rollout.stacks(places), np.concatenate(seen)[places])
        rollout.reset()
    consoles.close()
    assert terminated and truncated, "the test saw too little"


def test_what_follows_a_step_is_the_next_value_or_that_of_the_cut() -> None:
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


class Diary:
    """What consoles showed and gave, step by step, kept in full."""

    def __init__(self) -> None:
        self.stacks: list[FrameStacks] = []
        self.result: list[StepResult] = []

    def of(self, kind: str) -> np.ndarray:
        """That array of all steps, (steps, consoles)."""
        return np.stack([getattr(result, kind) for result in self.result])


@pytest.mark.parametrize("frames", [1, 4])
def test_what_is_drawn_from_the_replay_memory_is_what_happened(frames: int) -> None:
    """The action of a step is its number, so a drawn one is known again; the memory goes round thrice."""
    n_steps, discount, length = 3, 0.9, 130
    consoles, rng = consoles_seen(frames), np.random.default_rng(frames)
    replay, diary = ReplayBuffer(length * COUNT, COUNT, consoles.obs_spec.shape), Diary()
    drawn: set[int] = set()
    for step in range(3 * length):
        diary.stacks.append(consoles.stacks.copy())
        replay.add_observation(consoles.stacks)
        diary.result.append(result := random_step(consoles, rng))
        replay.add_step(step * COUNT + np.arange(COUNT), result.rewards, result.terminated, result)
        if step % 43 == 42:
            sample = replay.sample(rng, 64, n_steps, discount)
            steps, columns = np.divmod(sample.actions, COUNT)
            drawn |= set(steps.tolist())
            assert steps.min() > step - length and steps.max() <= step - n_steps
            places = steps + np.arange(n_steps)[:, None]
            assert not diary.of("truncated")[places, columns].any()
            rewards, terminated = (diary.of(kind)[places, columns] for kind in ("rewards", "terminated"))
            returns, discounts, num_steps = n_step_returns(
                rewards, terminated, np.zeros_like(terminated), discount=discount
            )
            assert np.array_equal(sample.returns, returns) and np.array_equal(sample.discounts, discounts)
            shown = np.stack(diary.stacks)
            assert np.array_equal(sample.stacks, shown[steps, columns])
            goes_on = discounts > 0
            assert np.array_equal(sample.next_stacks[goes_on], shown[steps + num_steps, columns][goes_on])
    consoles.close()
    assert len(drawn) > 200
    assert diary.of("terminated").any() and diary.of("truncated").any(), "the test saw too little"
    assert diary.of("rewards").any()
