"""The profile of a game as a form, and writing it into the settings file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agp_tui.config import GameSettings, RecordSettings
from agp_tui.games.ids import is_atari
from agp_tui.ui.client.process import ask
from agp_tui.ui.dialogs.form import Field, Values
from agp_tui.ui.screens.record.region_picker import SquareRegion

if TYPE_CHECKING:
    from agp_tui.ui.app import AgpApp


def game_settings(app: "AgpApp", game: str) -> GameSettings:
    """The settings that hold for a game, in the settings file or not."""
    config = app.loaded.config
    return config.games.get(game, config.game)


def profile_region(place: GameSettings) -> SquareRegion | None:
    """The region of a profile, as the nearest square; None where it has none."""
    if place.region is not None:
        left, top, width, height = place.region
        return SquareRegion(left + width // 2, top + height // 2, max(width, height))
    return SquareRegion(*place.center, place.size) if place.center is not None else None


def region_text(place: GameSettings) -> str:
    """Where the game is, in words; empty where that is not known."""
    if place.region is not None:
        left, top, width, height = place.region
        return f"{width}x{height} at {left},{top}"
    if place.center is not None:
        return f"{place.size}x{place.size} around {place.center[0]},{place.center[1]}"
    return ""


def watch_flags(place: GameSettings, game: str) -> tuple[str, ...]:
    """The flags of `agp screen watch` that show a game's region; none where there is none to be seen."""
    if is_atari(game) or not region_text(place):
        return ()
    where = ("--game", game, *((f"--display={place.display}",) if place.display else ()))
    if place.region is not None:
        return (*where, f"--region={comma_separated(place.region)}")
    return (*where, f"--center={comma_separated(place.center)}", f"--size={place.size}")


def profile_fields(place: GameSettings, game: str) -> list[Field]:
    """What of a profile can be typed."""
    arrows = "the console's own" if is_atari(game) else "up,left,right,down"
    shared = [
        Field("keys", "Keys tracked", ",".join(place.keys), arrows),
        Field("fps", "Frames a second", str(place.fps)),
        Field("frame_size", "Side of stored frames", str(place.frame_size)),
    ]
    if is_atari(game):
        return [*shared, Field("sticky", "Sticky actions, 0 to 1", str(place.sticky))]
    return [
        Field("center", "Middle of the region", comma_separated(place.center), "X,Y"),
        Field("size", "Its side, in pixels", str(place.size)),
        Field("region", "Or a rectangle", comma_separated(place.region), "X,Y,WIDTH,HEIGHT"),
        *shared,
        Field("display", "Display", place.display or "", "found by itself"),
    ]


def comma_separated(value: tuple[int, ...] | None) -> str:
    """As it is typed: 640,360."""
    return ",".join(map(str, value)) if value is not None else ""


async def save_profile(app: "AgpApp", game: str, values: Values) -> None:
    """Write the settings that differ into the game's profile, and read them again.

    An empty value goes back to the default. Raises `AgpError` that says what does not fit; then
    nothing is written.
    """
    before = {field.name: field.value for field in profile_fields(game_settings(app, game), game)}
    new = game not in app.loaded.config.games
    changed = {key: value for key, value in values.items() if value != before.get(key)}
    if changed.get("center") and "region" not in changed:
        # A rectangle goes before a middle, so it would hide what was just chosen.
        changed["region"] = ""
    # A new game on the screen becomes a profile whatever was typed; an Atari game needs none.
    wanted = {**values, **changed} if new and not is_atari(game) else changed
    pairs = [part for key, value in wanted.items() if value for part in (f"games.{game}.{key}", value)]
    if pairs:
        await ask("config", "set", *pairs, *app.words)
    there = app.loaded.file.get(f"games.{game}", {})
    gone = [f"games.{game}.{key}" for key, value in changed.items() if not value and key in there]
    if gone:
        await ask("config", "unset", *gone, *app.words)
    app.reload()


@dataclass(frozen=True)
class RecordingLimits:
    """When a recording begins and ends by itself, and how fast an Atari game runs."""

    seconds: str = ""
    episodes: str = ""
    countdown: str = "3"
    pace: str = "real time"

    @classmethod
    def of(cls, settings: RecordSettings) -> "RecordingLimits":
        """Those of the settings file."""
        return cls(
            f"{settings.seconds:g}" if settings.seconds is not None else "",
            str(settings.episodes) if settings.episodes is not None else "",
            f"{settings.countdown or 3:g}",
            UNPACED if settings.fast else "real time",
        )

    def fields(self, game: str) -> list[Field]:
        """As a form."""
        fields = [
            Field("seconds", "Stop after seconds", self.seconds, "until it is stopped"),
            Field("countdown", "Count down seconds", self.countdown, "0"),
        ]
        if is_atari(game):
            fields[1:1] = [Field("episodes", "Stop after games", self.episodes, "however many")]
            fields.append(Field("pace", "Pace", self.pace, choices=("real time", UNPACED)))
        return fields

    def words(self, game: str) -> list[str]:
        """As flags of `agp record`."""
        words = ["--countdown", self.countdown or "0"]
        words += ["--seconds", self.seconds] if self.seconds else []
        if is_atari(game):
            words += ["--episodes", self.episodes] if self.episodes else []
            words += ["--fast"] if self.pace == UNPACED else []
        return words

    def text(self, game: str, stop_key: str) -> str:
        """In words: when it ends."""
        ends = [f"after {self.seconds} s"] if self.seconds else []
        if is_atari(game) and self.episodes:
            ends.append(f"after {self.episodes} games")
        if not is_atari(game):
            ends.append(f"with {stop_key} in the game")
        pace = f", {UNPACED}" if is_atari(game) and self.pace == UNPACED else ""
        return f"ends {' or '.join([*ends, 'with esc here'])}{pace}"


UNPACED = "as fast as it can"
