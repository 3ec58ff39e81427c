"""Tests of VectorEnv: determinism, exact restore, and correct rewards, ends and observations."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from support.small_trainers import random_step

from agp_tui.atari.vector_env import EpisodeResult, EvalProtocol, ObservationSpec, StepResult, VectorEnv
from agp_tui.errors import SettingError

BREAKOUT, PONG = "ALE/Breakout-v5", "ALE/Pong-v5"
SMALL = ObservationSpec(2, 4, 24, 20)
SHORT = EvalProtocol(0.25, frame_cap=640)
"""With random actions in Breakout, some episodes terminate before it and some are truncated."""


def make_envs(game: str = BREAKOUT, count: int = 2, **options: object) -> VectorEnv:
    arguments = {"protocol": SHORT, "obs_spec": SMALL, "seed": 3, **options}
    return VectorEnv(game, count, **arguments)  # type: ignore[arg-type]


def random_steps(envs: VectorEnv, steps: int, seed: int = 0) -> list[StepResult]:
    """`steps` steps with random actions."""
    rng = np.random.default_rng(seed)
    return [random_step(envs, rng) for _ in range(steps)]


def equal_results(one: list[StepResult], other: list[StepResult]) -> bool:
    """Whether two sequences of step results are equal, frames included."""
    arrays = ("rewards", "terminated", "truncated", "lost_life", "stacks")
    return all(
        left.episodes == right.episodes
        and all(np.array_equal(getattr(left, name), getattr(right, name)) for name in arrays)
        for left, right in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def reference() -> list[StepResult]:
    """Steps over the ends of several episodes."""
    with closing(make_envs()) as envs:
        return random_steps(envs, 330)


def test_same_seed_and_actions_reproduce_games(reference: list[StepResult]) -> None:
    """Independent of the number of threads. The steps contain every kind of result."""
    with closing(make_envs(threads=2)) as envs:
        assert equal_results(random_steps(envs, 330), reference)
    assert any(result.terminated.any() for result in reference) and any(
        result.truncated.any() for result in reference
    )
    assert any(result.lost_life.any() for result in reference) and any(
        result.rewards.any() for result in reference
    )


def test_environments_are_independent() -> None:
    """The second environment takes other actions, so its episodes end at other times."""
    histories: list[list[tuple[float, bool, bytes]]] = []
    ends = []
    for seed in (1, 2):
        own, other = np.random.default_rng(0), np.random.default_rng(seed)
        with closing(make_envs()) as envs:
            results = [envs.step(np.array([own.integers(0, 4), other.integers(0, 4)])) for _ in range(250)]
        histories.append(
            [(float(m.rewards[0]), bool(m.terminated[0]), m.stacks[0].tobytes()) for m in results]
        )
        ends.append([bool(result.terminated[1]) for result in results])
    assert histories[0] == histories[1]
    assert ends[0] != ends[1]


@pytest.mark.parametrize("at", ["beginning", "end of a game", "step after it", "middle"])
def test_state_is_restored_exactly(reference: list[StepResult], at: str) -> None:
    """One of three environments has just started a new game, the others are in the middle of theirs."""
    with closing(make_envs(count=3)) as envs:
        rng = np.random.default_rng(0)
        while at != "beginning" and not random_step(envs, rng).episodes:
            pass
        for _ in range({"step after it": 1, "middle": 77}.get(at, 0)):
            random_step(envs, rng)
        state, stacks, frames = envs.state(), envs.stacks.copy(), envs.frames
        scores = [envs.score(index) for index in range(3)]
        later = random_steps(envs, 160, seed=5)
    with closing(make_envs(count=3)) as restored:
        random_steps(restored, 7)
        restored.restore(state)
        assert np.array_equal(restored.stacks, stacks) and restored.frames == frames
        assert [restored.score(index) for index in range(3)] == scores
        assert restored.state() == state
        assert equal_results(random_steps(restored, 160, seed=5), later)
    assert any(result.episodes for result in later)


def test_restore_replays_the_observations() -> None:
    with closing(make_envs(count=1)) as envs:
        observations = []
        rng = np.random.default_rng(0)
        for _ in range(30):
            observations.append(envs.stacks.copy())
            random_step(envs, rng)
        state = envs.state()
    restored: list[np.ndarray] = []
    with closing(make_envs(count=1)) as other:
        other.restore(state, lambda stacks: restored.append(stacks.copy()))
    assert np.array_equal(restored, observations)


def test_stacks_do_not_mix_two_games(reference: list[StepResult]) -> None:
    with closing(make_envs()) as envs:
        rng = np.random.default_rng(0)
        while not (result := random_step(envs, rng)).episodes:
            assert np.array_equal(envs.stacks, result.stacks)
        ended = result.terminated | result.truncated
        assert not envs.stacks[ended][:, :-1].any() and envs.stacks[ended][:, -1].any()
        assert result.stacks[ended].all(axis=0).any(), "the old game's frames are gone"
        assert np.array_equal(envs.stacks[~ended], result.stacks[~ended])
        before = result.stacks.copy()
        random_step(envs, rng)
        assert np.array_equal(result.stacks, before), "a returned array changed afterwards"


def test_rewards_are_unclipped_and_sum_to_the_score() -> None:
    """Aliens give 5 to 30 points: rewards are not clipped, and the score is their sum."""
    with closing(make_envs("ALE/SpaceInvaders-v5", 1, protocol=EvalProtocol(0.0, frame_cap=1000))) as envs:
        rng, results = np.random.default_rng(0), []
        while not results or not results[-1].episodes:
            assert envs.score(0) == sum(float(result.rewards[0]) for result in results)
            results.append(random_step(envs, rng))
    (ended,) = results[-1].episodes
    assert ended.score == sum(float(result.rewards[0]) for result in results)
    assert {float(result.rewards[0]) for result in results} >= {0.0, 5.0, 10.0}


def test_truncated_is_not_terminated() -> None:
    with closing(make_envs(PONG, 1, protocol=EvalProtocol(0.25, frame_cap=400, noops=0))) as envs:
        results = random_steps(envs, 100)
    assert [bool(result.truncated[0]) for result in results] == [False] * 99 + [True]
    assert not any(result.terminated[0] for result in results)
    (ended,) = results[-1].episodes
    assert ended == EpisodeResult(sum(float(result.rewards[0]) for result in results), 400, 0, truncated=True)


def test_terminated_is_not_truncated(reference: list[StepResult]) -> None:
    """The loss of the last life is not reported as `lost_life`."""
    ends = [(result, at) for result in reference for at in np.flatnonzero(result.terminated)]
    for result, at in ends:
        assert not result.truncated[at] and not result.lost_life[at]
        (ended,) = (one for one in result.episodes if one.env == at)
        assert not ended.truncated and ended.frames < SHORT.frame_cap


def first_env_frames(envs: VectorEnv, steps: int) -> Iterator[bytes]:
    """Frames of the first environment while FIRE, RIGHT and LEFT are taken in turn."""
    for step in range(steps):
        yield envs.step(np.full(envs.num_envs, 1 + step // 3 % 3)).stacks[0].tobytes()


@pytest.mark.parametrize(("sticky", "differ"), [(0.25, True), (0.0, False)])
def test_only_sticky_actions_make_games_differ(sticky: float, differ: bool) -> None:
    """Without no-op start and with equal actions, the emulator is otherwise deterministic."""
    found = []
    for seed in (1, 2):
        with closing(make_envs(seed=seed, protocol=EvalProtocol(sticky, noops=0))) as envs:
            found.append(list(first_env_frames(envs, 60)))
    assert (found[0] != found[1]) is differ


@pytest.mark.parametrize(("noops", "differ"), [(30, True), (0, False)])
def test_noops_make_games_differ(noops: int, differ: bool) -> None:
    """The aliens move during no-ops."""
    with closing(make_envs("ALE/SpaceInvaders-v5", 8, protocol=EvalProtocol(0.0, noops=noops))) as envs:
        result = envs.step(np.zeros(8, np.int64))
    assert (len({stack.tobytes() for stack in result.stacks}) > 1) is differ


@pytest.mark.parametrize("skip", [1, 2, 4, 7])
def test_skip_counts_emulator_frames(skip: int) -> None:
    """Compared with the emulator's own frame counter."""
    protocol = EvalProtocol(0.0, frame_cap=420, noops=0)
    with closing(make_envs(PONG, 2, obs_spec=ObservationSpec(2, skip, 24, 20), protocol=protocol)) as envs:
        steps = 0
        while not (ended := envs.step(np.zeros(2, np.int64)).episodes):
            steps += 1
    assert steps + 1 == 420 // skip
    assert [one.frames for one in ended] == [420, 420]
    assert envs.frames == 2 * 420


@pytest.mark.parametrize("skip", [1, 3])
def test_observation_is_the_maximum_of_the_last_two_frames(skip: int) -> None:
    """Compared with an environment without frame skip; a skip of 1 has a single frame."""
    protocol, size = EvalProtocol(0.0, noops=0), (210, 160)
    with (
        closing(make_envs(count=1, protocol=protocol, obs_spec=ObservationSpec(1, 1, *size))) as every,
        closing(make_envs(count=1, protocol=protocol, obs_spec=ObservationSpec(1, skip, *size))) as some,
    ):
        for action in [1, 2, 3] * 5:
            frames = [every.step(np.array([action])).stacks[0, 0] for _ in range(skip)]
            seen = some.step(np.array([action])).stacks[0, 0]
            assert np.array_equal(seen, np.maximum.reduce(frames[-2:]))


def test_stacks_have_the_requested_shape() -> None:
    with closing(make_envs(obs_spec=ObservationSpec(5, 4, 33, 47))) as envs:
        assert envs.stacks.shape == (2, 5, 33, 47) == (2, *envs.obs_spec.shape)
        assert envs.stacks.dtype == np.uint8


def test_actions_are_the_minimal_set() -> None:
    with closing(make_envs()) as envs:
        assert envs.actions == ("NOOP", "FIRE", "RIGHT", "LEFT")


def test_unknown_game_suggests_similar_ones() -> None:
    with pytest.raises(SettingError, match=r"Did you mean .*ALE/Breakout-v5"):
        make_envs("ALE/Brekout-v5")
