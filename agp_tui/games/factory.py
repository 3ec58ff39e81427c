"""Many games of the same kind, each with randomness of its own: for exams and for practice."""

from dataclasses import dataclass, replace

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Time
from agp_tui.games.atari import AtariGame


@dataclass(frozen=True)
class AtariGames:
    """Makes games from seeds; can be sent to another process."""

    name: str
    settings: GameSettings

    def __call__(self, seed: int, source: Time) -> AtariGame:
        """A game of that seed on that clock."""
        return AtariGame(self.name, replace(self.settings, seed=seed), source)
