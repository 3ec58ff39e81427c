"""Who can play by deciding: experts, models, chance. Made anew in each process that plays."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.autoplay.policy import PolicyDriver, check_keys, load_policy
from agp_tui.config import PlaySettings
from agp_tui.errors import SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, Game
from agp_tui.games.experts import RandomDriver, expert_for


@dataclass(frozen=True)
class ModelDriver:
    """Puts an exported model into the driver's seat of a game; can be sent to another process."""

    model: Path

    def __call__(self, game: Game) -> Driver:
        """A driver that plays this game. Raises `ModelError` where it presses keys the game has not."""
        policy = load_policy(self.model, PlaySettings(), keys=game.keys)
        check_keys(policy.keys, game.keys)
        return PolicyDriver(policy)


def expert_driver(game: Game) -> Driver:
    """The scripted expert of this game. Raises `SettingError` where there is none."""
    if not isinstance(game, AtariGame):
        raise SettingError(f"Expected an Atari game for an expert, found {game.name}.", "Choose --by human.")
    return expert_for(game)


def random_driver(game: Game) -> Driver:
    """Somebody who presses keys at random."""
    return RandomDriver(game.keys, seed=0)
