"""Drivers by name (`expert`, `chance`, a model, an agent), from factories that other processes can use."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.atari.agent_files import find_agent
from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, DriverFactory, Game
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.keys.state import Who
from agp_tui.models.loading import StoredModel
from agp_tui.models.manifest import find_model
from agp_tui.models.policy import PolicyDriver, check_keys

EXPERT, CHANCE = "expert", "chance"
"""Players that need neither a model nor an agent."""


def driver_factory(by: str, models: Path, runs: Path) -> DriverFactory:
    """The factory for `by`: `expert`, `chance`, a model, or an agent (a checkpoint, a run, a saved name).

    Raises `ModelError` if there is no such player.
    """
    if by == EXPERT:
        return expert_driver
    if by == CHANCE:
        return random_driver
    try:
        path = find_model(models, by)
    except ModelError as no_model:
        try:
            return AgentDriverFactory(find_agent(by, models, runs))
        except ModelError as no_agent:
            raise ModelError(
                f"Expected a player named {by!r}, found neither a model nor an agent of that name.",
                f"Models: {no_model.hint} Agents: {no_agent.hint}",
            ) from no_agent
    return ModelDriverFactory(StoredModel(path))


@dataclass(frozen=True)
class ModelDriverFactory:
    """Makes drivers of an exported model."""

    model: StoredModel

    def __call__(self, game: Game) -> PolicyDriver:
        """A driver for this game. Raises `ModelError` if the model presses keys that the game lacks."""
        policy = self.model.policy(PlaySettings(), keys=game.keys)
        check_keys(policy.keys, game.keys)
        return PolicyDriver(policy)


@dataclass(frozen=True)
class AgentDriverFactory:
    """Makes drivers of a trained Atari agent."""

    checkpoint: Path
    who: Who = "agent"
    """Name of the driver in recordings: `agent` as the player, `expert` as a teacher."""

    def __call__(self, game: Game) -> Driver:
        """A driver for this game. Raises `ModelError` if the agent was trained on another game."""
        import torch

        from agp_tui.atari.agent import Agent
        from agp_tui.atari.checkpoint import load_agent
        from agp_tui.atari.driver import AgentDriver

        checkpoint = load_agent(self.checkpoint)
        if not isinstance(game, AtariGame) or game.name != checkpoint.game:
            raise ModelError(
                f"Expected an agent of {game.name}, found one of {checkpoint.game}.",
                "An agent plays the game it was trained on.",
            )
        # For single frames a second thread costs more than it gains.
        torch.set_num_threads(1)
        return AgentDriver(
            Agent(checkpoint.network()), checkpoint.obs_spec, checkpoint.actions, game, who=self.who
        )
