"""Scripted players: demonstrators that read the console's memory, and a player at random."""

from agp_tui.errors import SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, Game
from agp_tui.games.experts.breakout import BreakoutExpert
from agp_tui.games.experts.chance import RandomDriver
from agp_tui.games.experts.pong import PongExpert

__all__ = [
    "BreakoutExpert",
    "PongExpert",
    "RandomDriver",
    "expert_driver",
    "expert_for",
    "expert_games",
    "has_expert",
    "random_driver",
]

_EXPERTS: dict[str, type[PongExpert] | type[BreakoutExpert]] = {
    "ALE/Breakout-v5": BreakoutExpert,
    "ALE/Pong-v5": PongExpert,
}


def expert_games() -> tuple[str, ...]:
    """The games that have a scripted expert."""
    return tuple(_EXPERTS)


def has_expert(game_id: str) -> bool:
    """Whether this Atari game (`ALE/Pong-v5`, in any case) has a scripted expert."""
    return game_id.lower() in {name.lower() for name in _EXPERTS}


def expert_for(game: AtariGame) -> Driver:
    """The scripted expert of this game, watching this game's console.

    Each decides from nothing but the state of play, whoever brought it about. So it can be asked
    what it would press while somebody else plays. Raises `SettingError` for a game without one,
    or where the game's keys lack one that the expert needs.
    """
    expert = _EXPERTS.get(game.name)
    if expert is None:
        raise SettingError(
            f"Expected a game that has a scripted expert, found {game.name}.",
            f"Take {' or '.join(_EXPERTS)}, or record a person.",
        )
    missing = [key for key in expert.keys if key not in game.keys]
    if missing:
        raise SettingError(
            f"Expected the keys {', '.join(expert.keys)} for the expert of {game.name}, "
            f"found {', '.join(game.keys)}.",
            f"Use --keys {','.join(expert.keys)}.",
        )
    return expert(game)


def expert_driver(game: Game) -> Driver:
    """The scripted expert of this game. Raises `SettingError` where there is none."""
    if not isinstance(game, AtariGame):
        raise SettingError(f"Expected an Atari game for an expert, found {game.name}.", "Choose --by human.")
    return expert_for(game)


def random_driver(game: Game) -> Driver:
    """Somebody who presses keys at random."""
    return RandomDriver(game.keys, seed=0)
