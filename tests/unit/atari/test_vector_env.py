"""VectorEnv: games are functions of seeds and actions, and what is said of them is so."""

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
"""Games of Breakout by chance: some are over before it, some are cut."""


def consoles(game: str = BREAKOUT, count: int = 2, **options: object) -> VectorEnv:
    asked = {"protocol": SHORT, "obs_spec": SMALL, "seed": 3, **options}
    return VectorEnv(game, count, **asked)  # type: ignore[arg-type]


def played(made: VectorEnv, steps: int, seed: int = 0) -> list[StepResult]:
    """So many steps by chance."""
    rng = np.random.default_rng(seed)
    return [random_step(made, rng) for _ in range(steps)]


def same(one: list[StepResult], other: list[StepResult]) -> bool:
    """Whether all that came of two plays is equal, the pictures included."""
    arrays = ("rewards", "terminated", "truncated", "lost_life", "stacks")
    return all(
        left.episodes == right.episodes
        and all(np.array_equal(getattr(left, name), getattr(right, name)) for name in arrays)
        for left, right in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def story() -> list[StepResult]:
    """A play over several games' ends."""
    with closing(consoles()) as made:
        return played(made, 330)


def test_the_same_seed_and_actions_make_the_same_games(story: list[StepResult]) -> None:
    """However many threads there are. The story has all that could differ."""
    with closing(consoles(threads=2)) as made:
        assert same(played(made, 330), story)
    assert any(result.terminated.any() for result in story) and any(
        result.truncated.any() for result in story
    )
    assert any(result.lost_life.any() for result in story) and any(result.rewards.any() for result in story)


def test_a_game_does_not_depend_on_the_console_beside_it() -> None:
    """The second console presses other things, so its games end at other times."""
    stories: list[list[tuple[float, bool, bytes]]] = []
    ends = []
    for seed in (1, 2):
        own, other = np.random.default_rng(0), np.random.default_rng(seed)
        with closing(consoles()) as made:
            moves = [made.step(np.array([own.integers(0, 4), other.integers(0, 4)])) for _ in range(250)]
        stories.append([(float(m.rewards[0]), bool(m.terminated[0]), m.stacks[0].tobytes()) for m in moves])
        ends.append([bool(result.terminated[1]) for result in moves])
    assert stories[0] == stories[1]
    assert ends[0] != ends[1]


@pytest.mark.parametrize("at", ["beginning", "end of a game", "step after it", "middle"])
def test_consoles_are_brought_back_exactly(story: list[StepResult], at: str) -> None:
    """One of three consoles has just begun its next game, the others are far into theirs."""
    with closing(consoles(count=3)) as made:
        rng = np.random.default_rng(0)
        while at != "beginning" and not random_step(made, rng).episodes:
            pass
        for _ in range({"step after it": 1, "middle": 77}.get(at, 0)):
            random_step(made, rng)
        state, stacks, frames = made.state(), made.stacks.copy(), made.frames
        scores = [made.score(console) for console in range(3)]
        later = played(made, 160, seed=5)
    with closing(consoles(count=3)) as again:
        played(again, 7)
        again.restore(state)
        assert np.array_equal(again.stacks, stacks) and again.frames == frames
        assert [again.score(console) for console in range(3)] == scores
        assert again.state() == state
        assert same(played(again, 160, seed=5), later)
    assert any(result.episodes for result in later)


def test_what_was_shown_before_each_action_is_shown_again_on_the_way_back() -> None:
    with closing(consoles(count=1)) as made:
        shown = []
        rng = np.random.default_rng(0)
        for _ in range(30):
            shown.append(made.stacks.copy())
            random_step(made, rng)
        state = made.state()
    again: list[np.ndarray] = []
    with closing(consoles(count=1)) as other:
        other.restore(state, lambda stacks: again.append(stacks.copy()))
    assert np.array_equal(again, shown)


def test_a_new_game_is_seen_alone_and_the_old_one_to_its_end(story: list[StepResult]) -> None:
    with closing(consoles()) as made:
        rng = np.random.default_rng(0)
        while not (result := random_step(made, rng)).episodes:
            assert np.array_equal(made.stacks, result.stacks)
        ended = result.terminated | result.truncated
        assert not made.stacks[ended][:, :-1].any() and made.stacks[ended][:, -1].any()
        assert result.stacks[ended].all(axis=0).any(), "the old game's frames are gone"
        assert np.array_equal(made.stacks[~ended], result.stacks[~ended])
        kept = result.stacks.copy()
        random_step(made, rng)
        assert np.array_equal(result.stacks, kept), "what was given changed afterwards"


def test_scores_are_those_of_the_console() -> None:
    """Aliens of 5 to 30 points: rewards are not cut to 1, and a game's score is their sum."""
    with closing(consoles("ALE/SpaceInvaders-v5", 1, protocol=EvalProtocol(0.0, frame_cap=1000))) as made:
        rng, moves = np.random.default_rng(0), []
        while not moves or not moves[-1].episodes:
            assert made.score(0) == sum(float(result.rewards[0]) for result in moves)
            moves.append(random_step(made, rng))
    (ended,) = moves[-1].episodes
    assert ended.score == sum(float(result.rewards[0]) for result in moves)
    assert {float(result.rewards[0]) for result in moves} >= {0.0, 5.0, 10.0}


def test_a_cut_is_not_an_end() -> None:
    with closing(consoles(PONG, 1, protocol=EvalProtocol(0.25, frame_cap=400, noops=0))) as made:
        moves = played(made, 100)
    assert [bool(result.truncated[0]) for result in moves] == [False] * 99 + [True]
    assert not any(result.terminated[0] for result in moves)
    (ended,) = moves[-1].episodes
    assert ended == EpisodeResult(sum(float(result.rewards[0]) for result in moves), 400, 0, truncated=True)


def test_an_end_is_not_a_cut(story: list[StepResult]) -> None:
    """The last life is not one that was lost on the way."""
    ends = [(result, at) for result in story for at in np.flatnonzero(result.terminated)]
    for result, at in ends:
        assert not result.truncated[at] and not result.lost_life[at]
        (ended,) = (one for one in result.episodes if one.env == at)
        assert not ended.truncated and ended.frames < SHORT.frame_cap


def first(made: VectorEnv, steps: int) -> Iterator[bytes]:
    """What the first console shows while FIRE, RIGHT and LEFT are pressed in turn."""
    for step in range(steps):
        yield made.step(np.full(made.num_envs, 1 + step // 3 % 3)).stacks[0].tobytes()


@pytest.mark.parametrize(("sticky", "differ"), [(0.25, True), (0.0, False)])
def test_sticky_actions_make_games_differ(sticky: float, differ: bool) -> None:
    """Nothing else does: with the same actions, without idle frames, the emulator has no chance in it."""
    found = []
    for seed in (1, 2):
        with closing(consoles(seed=seed, protocol=EvalProtocol(sticky, noops=0))) as made:
            found.append(list(first(made, 60)))
    assert (found[0] != found[1]) is differ


@pytest.mark.parametrize(("noops", "differ"), [(30, True), (0, False)])
def test_idle_frames_make_games_differ(noops: int, differ: bool) -> None:
    """Aliens march on while nobody does anything."""
    with closing(consoles("ALE/SpaceInvaders-v5", 8, protocol=EvalProtocol(0.0, noops=noops))) as made:
        result = made.step(np.zeros(8, np.int64))
    assert (len({stack.tobytes() for stack in result.stacks}) > 1) is differ


@pytest.mark.parametrize("skip", [1, 2, 4, 7])
def test_skip_is_the_number_of_frames_of_the_console(skip: int) -> None:
    """As the emulator itself counts them, and as they are told."""
    protocol = EvalProtocol(0.0, frame_cap=420, noops=0)
    with closing(consoles(PONG, 2, obs_spec=ObservationSpec(2, skip, 24, 20), protocol=protocol)) as made:
        steps = 0
        while not (ended := made.step(np.zeros(2, np.int64)).episodes):
            steps += 1
    assert steps + 1 == 420 // skip
    assert [one.frames for one in ended] == [420, 420]
    assert made.frames == 2 * 420


@pytest.mark.parametrize("skip", [1, 3])
def test_what_is_seen_is_the_brighter_of_the_last_two_frames(skip: int) -> None:
    """Against a console that shows every frame. With a skip of 1 there is but one."""
    protocol, size = EvalProtocol(0.0, noops=0), (210, 160)
    with (
        closing(consoles(count=1, protocol=protocol, obs_spec=ObservationSpec(1, 1, *size))) as every,
        closing(consoles(count=1, protocol=protocol, obs_spec=ObservationSpec(1, skip, *size))) as some,
    ):
        for action in [1, 2, 3] * 5:
            frames = [every.step(np.array([action])).stacks[0, 0] for _ in range(skip)]
            seen = some.step(np.array([action])).stacks[0, 0]
            assert np.array_equal(seen, np.maximum.reduce(frames[-2:]))


def test_the_view_is_as_it_was_asked_for() -> None:
    with closing(consoles(obs_spec=ObservationSpec(5, 4, 33, 47))) as made:
        assert made.stacks.shape == (2, 5, 33, 47) == (2, *made.obs_spec.shape)
        assert made.stacks.dtype == np.uint8


def test_the_actions_are_the_games_own() -> None:
    with closing(consoles()) as made:
        assert made.actions == ("NOOP", "FIRE", "RIGHT", "LEFT")


def test_an_unknown_game_is_a_sentence_with_the_nearest_ones() -> None:
    with pytest.raises(SettingError, match=r"Did you mean .*ALE/Breakout-v5"):
        consoles("ALE/Brekout-v5")
