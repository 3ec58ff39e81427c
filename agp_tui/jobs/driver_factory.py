"""Who can play by deciding: experts, models, agents, chance. Made anew in each process that plays."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.atari.agent_files import find_agent
from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, DriverFactory, Game
from agp_tui.games.experts import expert_driver, random_driver
from agp_tui.keys.state import Who
from agp_tui.models.manifest import find_model
from agp_tui.models.policy import PolicyDriver, check_keys, load_policy

EXPERT, CHANCE = "expert", "chance"
"""Players that need neither a model nor an agent."""


def driver_factory(by: str, models: Path, runs: Path) -> DriverFactory:
    """Who a person means: `expert`, `chance`, a model, or an agent (a checkpoint, a run, a kept name).

    Raises `ModelError` where there is nobody of that name.
    """
    if by == EXPERT:
        return expert_driver
    if by == CHANCE:
        return random_driver
    try:
        return ModelDriverFactory(find_model(models, by))
    except ModelError as no_model:
        try:
            return AgentDriverFactory(find_agent(by, models, runs))
        except ModelError as no_agent:
            raise ModelError(
                f"Expected somebody named {by!r} to play, found neither a model nor an agent of that name.",
                f"Models: {no_model.hint} Agents: {no_agent.hint}",
            ) from no_agent


@dataclass(frozen=True)
class ModelDriverFactory:
    """Puts an exported model into the driver's seat of a game; can be sent to another process."""

    model: Path

    def __call__(self, game: Game) -> PolicyDriver:
        """A driver that plays this game. Raises `ModelError` where it presses keys the game has not."""
        policy = load_policy(self.model, PlaySettings(), keys=game.keys)
        check_keys(policy.keys, game.keys)
        return PolicyDriver(policy)


@dataclass(frozen=True)
class AgentDriverFactory:
    """Puts an agent into the driver's seat of its Atari game; can be sent to another process."""

    checkpoint: Path
    who: Who = "agent"
    """What recordings call it: an agent that plays, or an expert that teaches."""

    def __call__(self, game: Game) -> Driver:
        """A driver that plays this game. Raises `ModelError` where it is another game than the agent's."""
        import torch

        from agp_tui.atari.agent import Agent
        from agp_tui.atari.checkpoint import load_agent
        from agp_tui.atari.driver import AgentDriver

        kept = load_agent(self.checkpoint)
        if not isinstance(game, AtariGame) or game.name != kept.game:
            raise ModelError(
                f"Expected an agent of {game.name}, found one of {kept.game}.",
                "An agent plays the game it was trained on.",
            )
        # For one picture at a time a second thread costs more than it brings.
        torch.set_num_threads(1)
        return AgentDriver(Agent(kept.network()), kept.view, kept.actions, game, who=self.who)
