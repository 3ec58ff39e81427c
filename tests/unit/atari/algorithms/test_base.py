"""Tests of exploration, rewards and episode ends of all algorithms, with hand-computed sequences."""

from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest
from support.small_trainers import small_trainer

from agp_tui.atari.algorithms.base import Learner
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.atari.vector_env import StepResult

REWARDS = [0.0, 3.0, -2.0, 0.0]


def result(*, terminated: Sequence[int] = (0, 0, 0, 0), lost: Sequence[int] = (0, 0, 0, 0)) -> StepResult:
    """A step result of four environments."""
    stacks = np.zeros((4, 4, 36, 36), np.uint8)
    none = np.zeros(4, np.bool_)
    return StepResult(
        np.array(REWARDS, np.float32),
        np.array(terminated, np.bool_),
        none,
        np.array(lost, np.bool_),
        stacks,
        (),
    )


def learner(algorithm: str = "pqn", **settings: object) -> Learner:
    trainer = small_trainer(algorithm, **settings)
    trainer.close()
    return trainer.learner


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.0, 1.0, -1.0, 0.0]),
        ({"clip_rewards": False}, [0.0, 3.0, -2.0, 0.0]),
        ({"no_score_penalty": 0.25}, [-0.25, 1.0, -1.0, -0.25]),
        ({"no_score_penalty": 0.25, "clip_rewards": False}, [-0.25, 3.0, -2.0, -0.25]),
        ({"no_score_penalty": 5.0}, [-5.0, 1.0, -1.0, -5.0]),
    ],
)
def test_rewards_are_clipped_and_penalised_without_a_score(
    settings: dict[str, object], expected: list[float]
) -> None:
    assert learner(**settings).shape_rewards(result()).tolist() == expected


@pytest.mark.parametrize(("algorithm", "expected"), [("pqn", [1, 0, 1, 0]), ("monte_carlo", [1, 0, 0, 0])])
def test_lost_life_terminates_except_in_monte_carlo(algorithm: str, expected: list[int]) -> None:
    found = learner(algorithm).terminations(result(terminated=[1, 0, 0, 0], lost=[0, 0, 1, 0]))
    assert found.tolist() == [bool(one) for one in expected]


def test_epsilon_decays_per_game_to_its_minimum() -> None:
    one = learner(choose_random=0.8, choose_random_decay=0.5, choose_random_min=0.15)
    found = [one.epsilon]
    for games in (0, 1, 1, 1, 2):
        one.decay_epsilon(games)
        found.append(one.epsilon)
    assert found == pytest.approx([0.8, 0.8, 0.4, 0.2, 0.15, 0.15])
    two = learner(choose_random=0.8, choose_random_decay=0.5, choose_random_min=0.15)
    two.decay_epsilon(2)
    assert two.epsilon == pytest.approx(0.2)


@pytest.mark.parametrize(("epsilon", "others"), [(0.0, 0.0), (0.4, 0.3), (1.0, 0.75)])
def test_share_of_random_actions(epsilon: float, others: float) -> None:
    """Random actions include the greedy one, in a quarter of the cases."""
    one = learner(choose_random=epsilon)
    taken = one.explore(np.full(20_000, 2, np.int64))
    assert np.mean(taken != 2) == pytest.approx(others, abs=0.015)
    assert set(taken.tolist()) == ({0, 1, 2, 3} if epsilon else {2})


@pytest.mark.parametrize("algorithm", ["pqn", "monte_carlo"])
def test_epsilon_follows_the_number_of_games(algorithm: str) -> None:
    """Epsilon after each round corresponds to the total number of finished games."""
    with closing(small_trainer(algorithm, choose_random=0.9, choose_random_decay=0.8)) as trainer:
        least = trainer.hyperparameters.epsilon_min
        for _ in range(4):
            played = trainer.iterate(0.0)
            games = played.counters.games
            assert played.epsilon == pytest.approx(max(least, 0.9 * 0.8**games))
        assert games >= 4


def batches_of(one: Learner) -> list[list[int]]:
    return [batch.tolist() for batch in one.minibatches(10)]


def test_batches_contain_every_step_once() -> None:
    ordered = batches_of(learner(batch_size=4, randomize_episode_batches=False))
    assert ordered == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    one = learner(batch_size=4)
    shuffled, again = batches_of(one), batches_of(one)
    assert [len(batch) for batch in shuffled] == [4, 4, 2]
    assert sorted(place for batch in shuffled for place in batch) == list(range(10))
    assert shuffled not in (again, ordered)


def learned_games(trainer: AgentTrainer, count: int) -> list[tuple[np.ndarray, list[int], list[float]]]:
    """The frames, actions and rewards of each game when the Monte Carlo learner trains on it."""
    found: list[tuple[np.ndarray, list[int], list[float]]] = []
    one, learn = trainer.learner, trainer.learner.train_step

    def record_and_train(stacks: np.ndarray, progress: float) -> dict[str, float]:
        held = vars(one)
        found.append((np.stack(held["_frames"]), list(held["_actions"]), list(held["_rewards"])))
        return learn(stacks, progress)

    one.train_step = record_and_train  # type: ignore[method-assign]
    while len(found) < count:
        trainer.iterate(0.0)
    return found


def test_monte_carlo_updates_between_whole_games() -> None:
    """In three games: training data equal the observations, and weights only change between games."""
    with closing(small_trainer("monte_carlo")) as trainer:
        one = trainer.learner
        observations: list[np.ndarray] = []
        updates: list[int] = []
        act = one.act

        def record_and_act(stacks: np.ndarray) -> np.ndarray:
            observations.append(stacks[0].copy())
            updates.append(one.updates)
            return act(stacks)

        one.act = record_and_act  # type: ignore[method-assign]
        games = learned_games(trainer, 3)
        depth, at = trainer.env.obs_spec.frames, 0
        for frames, actions, rewards in games:
            steps = len(actions)
            assert len(rewards) == steps and len(frames) == steps + depth - 1
            seen = frames[np.arange(steps)[:, None] + np.arange(depth)]
            assert np.array_equal(seen, observations[at : at + steps])
            assert len(set(updates[at : at + steps])) == 1
            at += steps
        assert [len(actions) for _, actions, _ in games] == [50, 50, 50]
