"""Ids of Atari games. Imports nothing."""

ATARI_PREFIX = "ALE/"


def is_atari(name: str) -> bool:
    """Whether this is the id of an Atari game (`ALE/Pong-v5`), known or not."""
    return name.lower().startswith(ATARI_PREFIX.lower())


def short_name(game: str) -> str:
    """`Pong` for `ALE/Pong-v5`."""
    return game.removeprefix(ATARI_PREFIX).removesuffix("-v5")
