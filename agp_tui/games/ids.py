"""What a game's name says about it. Imports nothing, so that everybody may ask."""

ATARI_PREFIX = "ALE/"


def is_atari(name: str) -> bool:
    """Whether this names an Atari game (`ALE/Pong-v5`), known or not."""
    return name.lower().startswith(ATARI_PREFIX.lower())


def short_name(game: str) -> str:
    """`Pong` of `ALE/Pong-v5`."""
    return game.removeprefix(ATARI_PREFIX).removesuffix("-v5")
