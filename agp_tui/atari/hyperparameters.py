"""Hyperparameters of the algorithms: the defaults of each, overridden by a user's settings."""

from dataclasses import dataclass, fields, replace
from typing import Any

from agp_tui.config import AtariSettings
from agp_tui.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The hyperparameters of one training, all of them decided."""

    learning_rate: float
    optimizer: str
    loss_function: str
    batch_size: int
    hidden_layers: int
    num_envs: int
    """Environments in each process."""
    discount: float = 0.99
    epsilon: float = 0.0
    epsilon_min: float = 0.0
    epsilon_decay: float = 1.0
    """Factor of epsilon after each episode."""
    shuffle: bool = True
    """Whether minibatches are drawn in random order."""
    step_penalty: float = 0.0
    """Subtracted from the reward of a step without a change of the score."""
    clip_rewards: bool = True
    """Clip rewards to -1 to 1."""
    terminal_on_life_loss: bool = True
    num_steps: int = 1
    """Steps of each environment in an iteration."""
    update_epochs: int = 1
    """Passes over each rollout."""
    gae_lambda: float = 0.0
    """Lambda of the returns and advantages."""


DEFAULTS = {
    "ppo": Hyperparameters(
        learning_rate=5e-4, optimizer="adam", loss_function="mse", batch_size=128, hidden_layers=1,
        num_envs=16, num_steps=64, update_epochs=3, gae_lambda=0.95,
    ),
    "pqn": Hyperparameters(
        learning_rate=2.5e-4, optimizer="radam", loss_function="mse", batch_size=128, hidden_layers=1,
        num_envs=16, num_steps=32, update_epochs=2, gae_lambda=0.9,
        epsilon=1.0, epsilon_min=0.01, epsilon_decay=0.97,
    ),
    "dqn": Hyperparameters(
        learning_rate=1e-4, optimizer="adam", loss_function="huber", batch_size=32, hidden_layers=1,
        num_envs=8, num_steps=64,
        epsilon=1.0, epsilon_min=0.01, epsilon_decay=0.97,
    ),
    "monte_carlo": Hyperparameters(
        learning_rate=2.5e-4, optimizer="adam", loss_function="huber", batch_size=64, hidden_layers=1,
        num_envs=1, num_steps=64, terminal_on_life_loss=False,
        epsilon=1.0, epsilon_min=0.05, epsilon_decay=0.98,
    ),
}  # fmt: skip
"""The default hyperparameters of each algorithm."""

SETTING_OF = {
    "num_envs": "environments",
    "epsilon": "choose_random",
    "epsilon_min": "choose_random_min",
    "epsilon_decay": "choose_random_decay",
    "shuffle": "randomize_episode_batches",
    "step_penalty": "no_score_penalty",
    "terminal_on_life_loss": "life_is_a_game",
}
"""The settings of hyperparameters whose settings have another name."""

UNUSED_BY = {
    "ppo": ("choose_random", "choose_random_min", "choose_random_decay"),
    "monte_carlo": ("environments",),
}
"""Settings without effect in an algorithm: PPO samples its policy, Monte Carlo has one environment."""


def default_settings(algorithm: str) -> dict[str, Any]:
    """The default of each hyperparameter of an algorithm, by the name of its setting."""
    defaults = DEFAULTS[algorithm]
    return {SETTING_OF.get(one.name, one.name): getattr(defaults, one.name) for one in fields(defaults)}


def resolve_hyperparameters(settings: AtariSettings) -> Hyperparameters:
    """The defaults of the algorithm with the user's settings. Raises `SettingError` for an unused setting."""
    algorithm = settings.algorithm
    for name in UNUSED_BY.get(algorithm, ()):
        if getattr(settings, name) is not None:
            raise SettingError(
                f"Expected no {name} with the algorithm {algorithm}, found {getattr(settings, name)}.",
                "Leave it out, or take another algorithm.",
                setting=name,
            )
    overrides: dict[str, Any] = {
        one.name: value
        for one in fields(Hyperparameters)
        if (value := getattr(settings, SETTING_OF.get(one.name, one.name), None)) is not None
    }
    hyperparameters = replace(DEFAULTS[algorithm], **overrides)
    if settings.from_model is not None and settings.choose_random is None:
        # Random play would overwrite what a pretrained agent knows.
        return replace(hyperparameters, epsilon=hyperparameters.epsilon_min)
    return hyperparameters
