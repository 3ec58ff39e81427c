"""Profiles of screen games in the settings: making one of a recorded game, and profiles with one region."""

import dataclasses
import shlex
from collections.abc import Iterator, Mapping
from itertools import combinations

from agp_tui.config import GameSettings
from agp_tui.games.ids import is_atari
from agp_tui.games.view import Box, comma_separated

RECORDED = ("display", "keys", "fps", "frame_size", "native_size")
"""Settings of a profile beside the region, if they differ from the defaults."""


def new_profile(
    game: str, region: Box | None, place: GameSettings, profiles: Mapping[str, GameSettings]
) -> dict[str, str]:
    """The settings (`games.NAME.region`: text) of a profile for a game at `region`, opened with `place`.

    Empty for an Atari game, which has no region, and if the game has a profile with a region.
    """
    if region is None or (game in profiles and has_region(profiles[game])):
        return {}
    found = {"region": comma_separated(region)}
    for item in dataclasses.fields(GameSettings):
        value = getattr(place, item.name)
        if item.name in RECORDED and value != item.default:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            found[item.name] = text.lower() if isinstance(value, bool) else text
    return {f"games.{game}.{key}": text for key, text in found.items()}


def profile_command(settings: Mapping[str, str]) -> str:
    """The command that saves settings."""
    return shlex.join(["agp", "config", "set", *(part for pair in settings.items() for part in pair)])


def has_region(settings: GameSettings) -> bool:
    """Whether the settings name a region."""
    return settings.region is not None or settings.center is not None


def region_text(settings: GameSettings) -> str:
    """Size and place of the region, or an empty string if the settings name none."""
    if settings.region is not None:
        left, top, width, height = settings.region
        return f"{width}x{height} at {left},{top}"
    if settings.center is not None:
        return f"{settings.size}x{settings.size} around {settings.center[0]},{settings.center[1]}"
    return ""


def region_size(settings: GameSettings) -> tuple[int, int]:
    """Width and height of the region."""
    return settings.region[2:] if settings.region is not None else (settings.size, settings.size)


def shared_regions(profiles: Mapping[str, GameSettings]) -> Iterator[tuple[str, str]]:
    """The pairs of profiles with the same region on the same display."""
    placed = {name: one for name, one in profiles.items() if not is_atari(name) and has_region(one)}
    for one, other in combinations(placed, 2):
        if _place(placed[one]) == _place(placed[other]):
            yield one, other


def profiles_with_the_region_of(game: str, profiles: Mapping[str, GameSettings]) -> list[str]:
    """The other profiles with the same region as that of `game`."""
    return [
        one if other == game else other for one, other in shared_regions(profiles) if game in (one, other)
    ]


def shared_region(one: str, other: str) -> tuple[str, str]:
    """A sentence on two profiles with one region, and what to do."""
    return (
        f"The profiles {one} and {other} have the same region, so one game may be recorded as the other.",
        f"Unless both run there: agp config set {shlex.quote(f'games.{other}.region')} X,Y,W,H",
    )


def _place(settings: GameSettings) -> tuple[object, ...]:
    if settings.region is not None:
        return settings.display, *settings.region
    x, y = settings.center or (0, 0)
    left, top = x - settings.size // 2, y - settings.size // 2
    return settings.display, left, top, settings.size, settings.size
