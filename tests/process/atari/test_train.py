"""Each setting of the playground: a training does as it says, and is another one where it is changed."""

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from support.small_trainers import SETTINGS, small_trainer, trained_weights
from torch import nn

from agp_tui.atari.agent_files import agent_path
from agp_tui.atari.algorithms.base import LOSSES, make_optimizer
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.hyperparameters import resolve_hyperparameters
from agp_tui.atari.train import train_agent
from agp_tui.config import AtariSettings, PreviewSettings
from agp_tui.config.file import load_config
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import SettingError
from agp_tui.jobs.atari import atari_request, run_atari
from agp_tui.protocol.events import Event, Live, Progress
from agp_tui.protocol.requests import as_request

EVERYWHERE: dict[str, object] = {
    "learning_rate": 0.01,
    "frame_count": 3,
    "discount": 0.5,
    "skip_frames": 5,
    "batch_size": 16,
    "randomize_episode_batches": False,
    "loss_function": "mae",
    "optimizer": "sgd",
    "hidden_layers": 2,
    "no_score_penalty": 0.5,
    "game": "ALE/Freeway-v5",
    "seed": 1,
}
"""Settings with another value than the algorithms' own."""
BY_CHANCE: dict[str, object] = {
    "choose_random": 0.5,
    "choose_random_min": 0.99,
    "choose_random_decay": 0.9,
}
BASE: dict[str, dict[str, object]] = {
    "monte_carlo": {"no_score_penalty": 0.01, "choose_random_decay": 0.2},
    "ppo": {"no_score_penalty": 0.01, "environments": 1, "batch_size": 64},
    "pqn": {"no_score_penalty": 0.01, "choose_random_decay": 0.2, "batch_size": 32},
}
"""So short a training has a reward and several batches, and its second game is not all chance."""
ROUNDS = {"monte_carlo": 2, "ppo": 1, "pqn": 2}
CHANGES = [
    pytest.param(algorithm, name, value, marks=() if algorithm == "pqn" else pytest.mark.nightly)
    for algorithm in BASE
    for name, value in {**EVERYWHERE, **(BY_CHANCE if algorithm != "ppo" else {})}.items()
]


def test_continued_training_starts_with_the_minimum_epsilon() -> None:
    fresh = resolve_hyperparameters(AtariSettings())
    assert fresh.epsilon == 1.0 and fresh.epsilon_min < 0.1
    warm = resolve_hyperparameters(AtariSettings(from_model="start.pt"))
    assert warm.epsilon == warm.epsilon_min == fresh.epsilon_min
    asked = resolve_hyperparameters(AtariSettings(from_model="start.pt", choose_random=0.3))
    assert asked.epsilon == 0.3


@pytest.fixture(scope="module")
def plain() -> dict[str, torch.Tensor]:
    """The weights that each algorithm comes to."""
    return {
        algorithm: trained_weights(algorithm, ROUNDS[algorithm], **base) for algorithm, base in BASE.items()
    }


@pytest.mark.parametrize("algorithm", BASE)
def test_the_same_settings_come_to_the_same(algorithm: str, plain: dict[str, torch.Tensor]) -> None:
    """What makes the next test worth something: nothing else than a setting parts two trainings."""
    assert torch.equal(trained_weights(algorithm, ROUNDS[algorithm], **BASE[algorithm]), plain[algorithm])


@pytest.mark.parametrize(("algorithm", "name", "value"), CHANGES)
def test_another_setting_comes_to_something_else(
    algorithm: str, name: str, value: object, plain: dict[str, torch.Tensor]
) -> None:
    found = trained_weights(algorithm, ROUNDS[algorithm], **{**BASE[algorithm], name: value})
    assert found.shape != plain[algorithm].shape or not torch.equal(found, plain[algorithm])


@pytest.mark.parametrize("algorithm", ["monte_carlo", "ppo", "pqn"])
def test_game(algorithm: str) -> None:
    with closing(small_trainer(algorithm, game="ALE/Freeway-v5")) as trainer:
        assert trainer.env.rom == "freeway"
        assert trainer.learner.network.spec.actions == len(trainer.env.actions) == 3


@pytest.mark.parametrize("algorithm", ["monte_carlo", "ppo", "pqn", "dqn"])
def test_frame_count(algorithm: str) -> None:
    with closing(small_trainer(algorithm, frame_count=3)) as trainer:
        assert trainer.env.stacks.shape[1:] == (3, 36, 36) == trainer.learner.network.spec.stack


@pytest.mark.parametrize("algorithm", ["monte_carlo", "ppo", "pqn", "dqn"])
@pytest.mark.parametrize("skip", [1, 5])
def test_skip_frames(algorithm: str, skip: int) -> None:
    """Counted by the console: a game of 200 frames is cut after 200 / skip decisions."""
    with closing(small_trainer(algorithm, skip_frames=skip, no_score_penalty=0.0)) as trainer:
        steps = 1
        while not (result := trainer.env.step(np.zeros(trainer.env.num_envs, np.int64))).episodes:
            steps += 1
        assert result.truncated.all() and steps == 200 // skip
        assert trainer.env.frames == 200 * trainer.env.num_envs


@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
def test_learning_rate(algorithm: str) -> None:
    """It falls over the run, from what was asked for to nothing."""
    with closing(small_trainer(algorithm, learning_rate=0.004)) as trainer:
        rates = []
        for progress in (0.0, 0.75):
            trainer.iterate(progress)
            rates.append(trainer.learner.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.004, 0.001])


def test_learning_rate_of_monte_carlo() -> None:
    with closing(small_trainer("monte_carlo", learning_rate=0.004)) as trainer:
        assert trainer.learner.optimizer.param_groups[0]["lr"] == 0.004


@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
@pytest.mark.parametrize("size", [50, 64])
def test_batch_size(algorithm: str, size: int) -> None:
    """Updates of the weights in one round."""
    with closing(small_trainer(algorithm, batch_size=size)) as trainer:
        trainer.iterate(0.0)
        steps = trainer.counters.steps
        assert trainer.learner.updates == trainer.hyperparameters.update_epochs * -(-steps // size)


def test_batch_size_of_monte_carlo() -> None:
    """A game of 50 decisions, once."""
    with closing(small_trainer("monte_carlo", batch_size=20)) as trainer:
        trainer.iterate(0.0)
        assert trainer.learner.updates == 3


@pytest.mark.parametrize(("name", "far", "near"), [("huber", 2.5, 0.125), ("mse", 9, 0.25), ("mae", 3, 0.5)])
def test_the_formulas_of_losses(name: str, far: float, near: float) -> None:
    """Three away and half away."""
    assert LOSSES[name](torch.tensor([1.0]), torch.tensor([4.0])).item() == far
    assert LOSSES[name](torch.tensor([1.0]), torch.tensor([0.5])).item() == near


def test_every_optimizer_goes_down() -> None:
    kinds = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam", "rmsprop": "RMSprop", "sgd": "SGD"}
    for name, kind in kinds.items():
        network = nn.Linear(1, 1)
        optimizer = make_optimizer(network, name, 0.01)
        assert type(optimizer).__name__ == kind
        before = network(torch.ones(1)).square()
        torch.autograd.backward(before)
        optimizer.step()
        assert network(torch.ones(1)).square().item() < before.item()


@pytest.mark.parametrize("algorithm", ["monte_carlo", "ppo", "pqn", "dqn"])
def test_loss_function_optimizer_and_hidden_layers(algorithm: str) -> None:
    """What they do in a network and to its weights is tested apart."""
    asked: dict[str, object] = {"loss_function": "mae", "optimizer": "rmsprop", "hidden_layers": 3}
    with closing(small_trainer(algorithm, **asked)) as trainer:
        assert trainer.learner.loss is LOSSES["mae"]
        assert type(trainer.learner.optimizer).__name__ == "RMSprop"
        assert trainer.learner.network.spec.hidden_layers == 3


@pytest.mark.parametrize("name", sorted(BY_CHANCE))
def test_ppo_has_no_use_for_chance(name: str) -> None:
    """It says so, rather than to ignore it."""
    with pytest.raises(SettingError, match=f"no {name} with the algorithm ppo"):
        small_trainer("ppo", **{name: 0.5})


class StopOnProgress:
    """Keeps what is told, and stops the job once there was progress."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.job = Job(self)

    def handle(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Progress):
            self.job.stop()

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("render", [True, False])
def test_render(render: bool, tmp_path: Path) -> None:
    heard = StopOnProgress()
    settings = AtariSettings(**SETTINGS, algorithm="pqn", environments=2, render=render)
    run = Run.create(tmp_path, "atari", {})
    train_agent(settings, heard.job, run, preview=PreviewSettings(colors="truecolor", size=(40, 40)))
    shown = [event for event in heard.events if isinstance(event, Live)]
    assert bool(shown) is render
    assert all(len(event.thumbnail) == np.prod(event.thumbnail_size or 0) * 3 > 0 for event in shown)


@pytest.mark.nightly
def test_save_best_as(tmp_path: Path) -> None:
    """The best agent of a whole training, its last judgement included, lies among the models."""
    settings = AtariSettings(
        **{**SETTINGS, "game": "ALE/Pong-v5"},
        algorithm="pqn", environments=2, steps=64, evaluate_games=1, final_games=2, save_best_as="good-one",
    )  # fmt: skip
    (tmp_path / "config.toml").touch()
    models = tmp_path / "models"
    request = as_request(atari_request(settings, load_config(tmp_path / "config.toml")))
    run = Run.create(tmp_path / "runs", "atari", request)
    finished = run_atari(request, Job(), run)
    kept = agent_path(models, "good-one")
    assert [file.name for file in models.iterdir()] == [kept.name]
    agent, best = load_agent(kept), load_agent(run.checkpoints / "best.pt")
    assert all(torch.equal(agent.weights[part], value) for part, value in best.weights.items())
    assert agent.evaluation == msgspec.to_builtins(finished.report)
    assert agent.evaluation["games"] == 2 and agent.game == "ALE/Pong-v5"
