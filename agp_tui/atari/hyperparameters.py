"""The settings of one algorithm, all of them decided: what a user left open has the algorithm's own value."""

from dataclasses import dataclass, fields, replace
from typing import Any

from agp_tui.config import AtariSettings
from agp_tui.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What an algorithm learns with. The names are those of the settings."""

    learning_rate: float
    optimizer: str
    loss_function: str
    batch_size: int
    hidden_layers: int
    environments: int
    """Consoles in each process."""
    discount: float = 0.99
    choose_random: float = 0.0
    choose_random_min: float = 0.0
    choose_random_decay: float = 1.0
    randomize_episode_batches: bool = True
    no_score_penalty: float = 0.0
    clip_rewards: bool = True
    life_is_a_game: bool = True
    horizon: int = 1
    """Steps of every console between two learnings."""
    passes: int = 1
    """How often each step is learned from."""
    decay: float = 0.0
    """Of lambda returns and of advantages."""


KNOBS = {
    "ppo": Knobs(
        learning_rate=5e-4, optimizer="adam", loss_function="mse", batch_size=128, hidden_layers=1,
        environments=16, horizon=64, passes=3, decay=0.95,
    ),
    "pqn": Knobs(
        learning_rate=2.5e-4, optimizer="radam", loss_function="mse", batch_size=128, hidden_layers=1,
        environments=16, horizon=32, passes=2, decay=0.9,
        choose_random=1.0, choose_random_min=0.01, choose_random_decay=0.97,
    ),
    "dqn": Knobs(
        learning_rate=1e-4, optimizer="adam", loss_function="huber", batch_size=32, hidden_layers=1,
        environments=8, horizon=64,
        choose_random=1.0, choose_random_min=0.01, choose_random_decay=0.97,
    ),
    "monte_carlo": Knobs(
        learning_rate=2.5e-4, optimizer="adam", loss_function="huber", batch_size=64, hidden_layers=1,
        environments=1, horizon=64, life_is_a_game=False,
        choose_random=1.0, choose_random_min=0.05, choose_random_decay=0.98,
    ),
}  # fmt: skip
"""What each algorithm learns with where nothing else is asked for."""

WITHOUT_MEANING = {
    "ppo": ("choose_random", "choose_random_min", "choose_random_decay"),
    "monte_carlo": ("environments",),
}
"""Settings that an algorithm has no use for: PPO draws its actions from its policy, and Monte Carlo
plays one game at a time."""


def decide_knobs(settings: AtariSettings) -> Knobs:
    """The knobs of the algorithm that is asked for. Raises `SettingError` for a setting it has no use for."""
    algorithm = settings.algorithm
    for name in WITHOUT_MEANING.get(algorithm, ()):
        if getattr(settings, name) is not None:
            raise SettingError(
                f"Expected no {name} with the algorithm {algorithm}, found {getattr(settings, name)}.",
                "Leave it out, or take another algorithm.",
                setting=name,
            )
    asked: dict[str, Any] = {
        field.name: value
        for field in fields(Knobs)
        if (value := getattr(settings, field.name, None)) is not None
    }
    knobs = replace(KNOBS[algorithm], **asked)
    if settings.from_model is not None and settings.choose_random is None:
        # Who knows something already would unlearn it in games that chance plays.
        knobs = replace(knobs, choose_random=knobs.choose_random_min)
    return knobs
