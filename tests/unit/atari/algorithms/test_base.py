"""How all algorithms treat chance, rewards and ends, against sequences worked out by hand."""

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
    """What four consoles might have given."""
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
def test_rewards_are_clipped_and_a_step_without_a_score_costs(
    settings: dict[str, object], expected: list[float]
) -> None:
    assert learner(**settings).shape_rewards(result()).tolist() == expected


@pytest.mark.parametrize(("algorithm", "expected"), [("pqn", [1, 0, 1, 0]), ("monte_carlo", [1, 0, 0, 0])])
def test_a_lost_life_ends_what_is_learned_from_but_not_a_whole_game(
    algorithm: str, expected: list[int]
) -> None:
    found = learner(algorithm).terminations(result(terminated=[1, 0, 0, 0], lost=[0, 0, 1, 0]))
    assert found.tolist() == [bool(one) for one in expected]


def test_less_is_left_to_chance_after_each_game_down_to_the_least() -> None:
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
def test_so_many_actions_are_taken_by_chance(epsilon: float, others: float) -> None:
    """Of four actions chance takes the best one as well, a quarter of the time."""
    one = learner(choose_random=epsilon)
    taken = one.explore(np.full(20_000, 2, np.int64))
    assert np.mean(taken != 2) == pytest.approx(others, abs=0.015)
    assert set(taken.tolist()) == ({0, 1, 2, 3} if epsilon else {2})


@pytest.mark.parametrize("algorithm", ["pqn", "monte_carlo"])
def test_the_games_that_end_count_in_a_training(algorithm: str) -> None:
    """Epsilon after each round is that of so many games, however many ended in one."""
    with closing(small_trainer(algorithm, choose_random=0.9, choose_random_decay=0.8)) as trainer:
        least = trainer.hyperparameters.epsilon_min
        for _ in range(4):
            played = trainer.iterate(0.0)
            games = played.counters.games
            assert played.epsilon == pytest.approx(max(least, 0.9 * 0.8**games))
        assert games >= 4


def batches(one: Learner) -> list[list[int]]:
    return [batch.tolist() for batch in one.minibatches(10)]


def test_batches_have_every_step_once() -> None:
    ordered = batches(learner(batch_size=4, randomize_episode_batches=False))
    assert ordered == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    one = learner(batch_size=4)
    shuffled, again = batches(one), batches(one)
    assert [len(batch) for batch in shuffled] == [4, 4, 2]
    assert sorted(place for batch in shuffled for place in batch) == list(range(10))
    assert shuffled not in (again, ordered)


def games_of(trainer: AgentTrainer, count: int) -> list[tuple[np.ndarray, list[int], list[float]]]:
    """What a Monte Carlo learner holds of each game when it learns from it: frames, actions, rewards."""
    found: list[tuple[np.ndarray, list[int], list[float]]] = []
    one, learn = trainer.learner, trainer.learner.train_step

    def note(stacks: np.ndarray, progress: float) -> dict[str, float]:
        held = vars(one)
        found.append((np.stack(held["_frames"]), list(held["_actions"]), list(held["_rewards"])))
        return learn(stacks, progress)

    one.train_step = note  # type: ignore[method-assign]
    while len(found) < count:
        trainer.iterate(0.0)
    return found


def test_monte_carlo_learns_from_whole_games_between_them() -> None:
    """Three games: what is learned from is what the console showed, and the weights change nowhere else."""
    with closing(small_trainer("monte_carlo")) as trainer:
        one = trainer.learner
        shown: list[np.ndarray] = []
        updates: list[int] = []
        act = one.act

        def look(stacks: np.ndarray) -> np.ndarray:
            shown.append(stacks[0].copy())
            updates.append(one.updates)
            return act(stacks)

        one.act = look  # type: ignore[method-assign]
        games = games_of(trainer, 3)
        depth, at = trainer.env.obs_spec.frames, 0
        for frames, actions, rewards in games:
            steps = len(actions)
            assert len(rewards) == steps and len(frames) == steps + depth - 1
            seen = frames[np.arange(steps)[:, None] + np.arange(depth)]
            assert np.array_equal(seen, shown[at : at + steps])
            assert len(set(updates[at : at + steps])) == 1
            at += steps
        assert [len(actions) for _, actions, _ in games] == [50, 50, 50]
