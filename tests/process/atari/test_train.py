"""Tests of the Atari training settings: each has its effect, and changes the trained weights."""

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
from agp_tui.protocol.results import EvaluationResult

COMMON: dict[str, object] = {
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
"""Settings with values that differ from the defaults."""
EXPLORATION: dict[str, object] = {
    "choose_random": 0.5,
    "choose_random_min": 0.99,
    "choose_random_decay": 0.9,
}
BASE: dict[str, dict[str, object]] = {
    "monte_carlo": {"no_score_penalty": 0.01, "choose_random_decay": 0.2},
    "ppo": {"no_score_penalty": 0.01, "environments": 1, "batch_size": 64},
    "pqn": {"no_score_penalty": 0.01, "choose_random_decay": 0.2, "batch_size": 32},
}
"""Short training with a reward, several batches, and a second episode that is not all random."""
ITERATIONS = {"monte_carlo": 2, "ppo": 1, "pqn": 2}
CHANGES = [
    pytest.param(algorithm, name, value, marks=() if algorithm == "pqn" else pytest.mark.nightly)
    for algorithm in BASE
    for name, value in {**COMMON, **(EXPLORATION if algorithm != "ppo" else {})}.items()
]


def test_continued_training_starts_with_the_minimum_epsilon() -> None:
    fresh = resolve_hyperparameters(AtariSettings())
    assert fresh.epsilon == 1.0 and fresh.epsilon_min < 0.1
    continued = resolve_hyperparameters(AtariSettings(from_model="start.pt"))
    assert continued.epsilon == continued.epsilon_min == fresh.epsilon_min
    overridden = resolve_hyperparameters(AtariSettings(from_model="start.pt", choose_random=0.3))
    assert overridden.epsilon == 0.3


@pytest.fixture(scope="module")
def base_weights() -> dict[str, torch.Tensor]:
    """The weights of each algorithm after training with `BASE`."""
    return {
        algorithm: trained_weights(algorithm, ITERATIONS[algorithm], **base)
        for algorithm, base in BASE.items()
    }


@pytest.mark.parametrize("algorithm", BASE)
def test_same_settings_give_the_same_weights(algorithm: str, base_weights: dict[str, torch.Tensor]) -> None:
    """The premise of the next test: without a changed setting, training is deterministic."""
    assert torch.equal(
        trained_weights(algorithm, ITERATIONS[algorithm], **BASE[algorithm]), base_weights[algorithm]
    )


@pytest.mark.parametrize(("algorithm", "name", "value"), CHANGES)
def test_changed_setting_gives_other_weights(
    algorithm: str, name: str, value: object, base_weights: dict[str, torch.Tensor]
) -> None:
    found = trained_weights(algorithm, ITERATIONS[algorithm], **{**BASE[algorithm], name: value})
    assert found.shape != base_weights[algorithm].shape or not torch.equal(found, base_weights[algorithm])


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
    """An episode with a cap of 200 emulator frames is truncated after 200 / skip decisions."""
    with closing(small_trainer(algorithm, skip_frames=skip, no_score_penalty=0.0)) as trainer:
        steps = 1
        while not (result := trainer.env.step(np.zeros(trainer.env.num_envs, np.int64))).episodes:
            steps += 1
        assert result.truncated.all() and steps == 200 // skip
        assert trainer.env.frames == 200 * trainer.env.num_envs


@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
def test_learning_rate(algorithm: str) -> None:
    """It decays linearly over the run, from the setting to zero."""
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
    """Number of updates in one iteration."""
    with closing(small_trainer(algorithm, batch_size=size)) as trainer:
        trainer.iterate(0.0)
        steps = trainer.counters.steps
        assert trainer.learner.updates == trainer.hyperparameters.update_epochs * -(-steps // size)


def test_batch_size_of_monte_carlo() -> None:
    """One pass over one episode of 50 decisions."""
    with closing(small_trainer("monte_carlo", batch_size=20)) as trainer:
        trainer.iterate(0.0)
        assert trainer.learner.updates == 3


@pytest.mark.parametrize(
    ("name", "large", "small"), [("huber", 2.5, 0.125), ("mse", 9, 0.25), ("mae", 3, 0.5)]
)
def test_loss_formulas(name: str, large: float, small: float) -> None:
    """Errors of 3 and 0.5."""
    assert LOSSES[name](torch.tensor([1.0]), torch.tensor([4.0])).item() == large
    assert LOSSES[name](torch.tensor([1.0]), torch.tensor([0.5])).item() == small


def test_every_optimizer_reduces_the_loss() -> None:
    optimizers = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam", "rmsprop": "RMSprop", "sgd": "SGD"}
    for name, class_name in optimizers.items():
        network = nn.Linear(1, 1)
        optimizer = make_optimizer(network, name, 0.01)
        assert type(optimizer).__name__ == class_name
        before = network(torch.ones(1)).square()
        torch.autograd.backward(before)
        optimizer.step()
        assert network(torch.ones(1)).square().item() < before.item()


@pytest.mark.parametrize("algorithm", ["monte_carlo", "ppo", "pqn", "dqn"])
def test_loss_function_optimizer_and_hidden_layers(algorithm: str) -> None:
    settings: dict[str, object] = {"loss_function": "mae", "optimizer": "rmsprop", "hidden_layers": 3}
    with closing(small_trainer(algorithm, **settings)) as trainer:
        assert trainer.learner.loss is LOSSES["mae"]
        assert type(trainer.learner.optimizer).__name__ == "RMSprop"
        assert trainer.learner.network.spec.hidden_layers == 3


@pytest.mark.parametrize("name", sorted(EXPLORATION))
def test_ppo_rejects_exploration_settings(name: str) -> None:
    """An error, instead of ignoring the setting."""
    with pytest.raises(SettingError, match=f"no {name} with the algorithm ppo"):
        small_trainer("ppo", **{name: 0.5})


class StopOnProgress:
    """Records events, and stops the job at the first progress event."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.job = Job(self)

    def handle(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Progress):
            self.job.stop()

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("render", [True, False])
def test_render(render: bool, tmp_path: Path) -> None:
    log = StopOnProgress()
    settings = AtariSettings(**SETTINGS, algorithm="pqn", environments=2, render=render)
    run = Run.create(tmp_path, "atari", {})
    train_agent(settings, log.job, run, preview=PreviewSettings(colors="truecolor", size=(40, 40)))
    previews = [event for event in log.events if isinstance(event, Live)]
    assert bool(previews) is render
    assert all(len(event.thumbnail) == np.prod(event.thumbnail_size or 0) * 3 > 0 for event in previews)


@pytest.mark.nightly
def test_save_best_as(tmp_path: Path) -> None:
    """The best agent, with its final evaluation, is saved in the models folder."""
    settings = AtariSettings(
        **{**SETTINGS, "game": "ALE/Pong-v5"},
        algorithm="pqn", environments=2, steps=64, evaluate_games=1, final_games=2, save_best_as="good-one",
    )  # fmt: skip
    (tmp_path / "config.toml").touch()
    models = tmp_path / "models"
    request = as_request(atari_request(settings, load_config(tmp_path / "config.toml")))
    run = Run.create(tmp_path / "runs", "atari", request)
    finished = run_atari(request, Job(), run)
    saved = agent_path(models, "good-one")
    assert [file.name for file in models.iterdir()] == [saved.name]
    agent, best = load_agent(saved), load_agent(run.checkpoints / "best.pt")
    assert all(torch.equal(agent.weights[part], value) for part, value in best.weights.items())
    assert msgspec.convert(agent.evaluation, EvaluationResult) == finished.report
    assert agent.evaluation["games"] == 2 and agent.game == "ALE/Pong-v5"
