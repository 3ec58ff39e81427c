"""Frames that are kept once: stacks read back are those that real consoles showed."""

import numpy as np
import pytest
from support.small_trainers import random_step

from agp_tui.atari.replay_buffer import Replay
from agp_tui.atari.returns import n_step_returns
from agp_tui.atari.rollout_buffer import Rollout
from agp_tui.atari.vector_env import Consoles, Moved, Protocol, Stacks, View

SHORT = Protocol(0.25, frame_cap=640)
"""Games of Breakout by chance: some are over before it, some are cut."""
COUNT = 3
NOTHING = np.zeros(COUNT, np.float32)


def consoles_seen(frames: int) -> Consoles:
    return Consoles("ALE/Breakout-v5", COUNT, protocol=SHORT, view=View(frames, 4, 24, 20))


@pytest.mark.parametrize("frames", [1, 4, 7])
def test_a_rollouts_stacks_are_those_of_the_consoles(frames: int) -> None:
    """Ten rollouts in a row, of an odd length, over games that are over and games that are cut."""
    consoles, drawing = consoles_seen(frames), np.random.default_rng(frames)
    rollout = Rollout(37, COUNT, consoles.view.shape)
    over = cut = 0
    for _ in range(10):
        seen: list[Stacks] = []
        while not rollout.full:
            seen.append(consoles.stacks.copy())
            rollout.see(consoles.stacks, NOTHING)
            moved = random_step(consoles, drawing)
            rollout.add(np.zeros(COUNT, np.int64), moved.rewards, moved.over, moved, NOTHING)
            over, cut = over + moved.over.sum(), cut + moved.cut.sum()
        places = drawing.permutation(37 * COUNT)
        assert np.array_equal(rollout.stacks(places), np.concatenate(seen)[places])
        rollout.clear()
    consoles.close()
    assert over and cut, "the test saw too little"


def test_what_follows_a_step_is_the_next_value_or_that_of_the_cut() -> None:
    rollout = Rollout(3, 2, (1, 4, 4))
    stacks, no = np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.bool_)
    for step in range(3):
        rollout.see(stacks, np.array([step, 10 + step], np.float32))
        cut = np.array([False, step == 1])
        moved = Moved(np.zeros(2, np.float32), no, cut, no, stacks, ())
        rollout.add(np.zeros(2, np.int64), moved.rewards, no, moved, np.array([0, 77], np.float32))
    assert rollout.full
    following = rollout.following(np.array([3.0, 13.0], np.float32))
    assert following.tolist() == [[1.0, 11.0], [2.0, 77.0], [3.0, 13.0]]


class Diary:
    """What consoles showed and gave, step by step, kept in full."""

    def __init__(self) -> None:
        self.stacks: list[Stacks] = []
        self.moved: list[Moved] = []

    def of(self, kind: str) -> np.ndarray:
        """That array of all steps, (steps, consoles)."""
        return np.stack([getattr(moved, kind) for moved in self.moved])


@pytest.mark.parametrize("frames", [1, 4])
def test_what_is_drawn_from_the_replay_memory_is_what_happened(frames: int) -> None:
    """The action of a step is its number, so a drawn one is known again; the memory goes round thrice."""
    span, discount, length = 3, 0.9, 130
    consoles, drawing = consoles_seen(frames), np.random.default_rng(frames)
    replay, diary = Replay(length * COUNT, COUNT, consoles.view.shape), Diary()
    drawn: set[int] = set()
    for step in range(3 * length):
        diary.stacks.append(consoles.stacks.copy())
        replay.see(consoles.stacks)
        diary.moved.append(moved := random_step(consoles, drawing))
        replay.add(step * COUNT + np.arange(COUNT), moved.rewards, moved.over, moved)
        if step % 43 == 42:
            sample = replay.sample(drawing, 64, span, discount)
            steps, columns = np.divmod(sample.actions, COUNT)
            drawn |= set(steps.tolist())
            assert steps.min() > step - length and steps.max() <= step - span
            places = steps + np.arange(span)[:, None]
            assert not diary.of("cut")[places, columns].any()
            rewards, over = (diary.of(kind)[places, columns] for kind in ("rewards", "over"))
            returns, worth, spans = n_step_returns(rewards, over, np.zeros_like(over), discount=discount)
            assert np.array_equal(sample.returns, returns) and np.array_equal(sample.worth, worth)
            shown = np.stack(diary.stacks)
            assert np.array_equal(sample.stacks, shown[steps, columns])
            goes_on = worth > 0
            assert np.array_equal(sample.later[goes_on], shown[steps + spans, columns][goes_on])
    consoles.close()
    assert len(drawn) > 200
    assert diary.of("over").any() and diary.of("cut").any(), "the test saw too little"
    assert diary.of("rewards").any()
