"""A game's profile in the settings: its form, its region, saving it; and the limits of a recording."""

from dataclasses import dataclass

from agp_tui.config import GameSettings, RecordSettings
from agp_tui.games.ids import is_atari
from agp_tui.games.profiles import has_region
from agp_tui.games.view import View, view_of
from agp_tui.ui.app_base import AppBase
from agp_tui.ui.client.process import run_command
from agp_tui.ui.dialogs.form import Field, Values
from agp_tui.ui.screens.record.region_picker import SquareRegion

UNPACED = "as fast as possible"


def game_settings(app: AppBase, game: str) -> GameSettings:
    """The settings of a game: its profile, or the defaults."""
    config = app.loaded.config
    return config.games.get(game, config.game)


def profile_region(profile: GameSettings) -> SquareRegion | None:
    """The region of a profile as a square, or None if it has none."""
    if profile.region is not None:
        left, top, width, height = profile.region
        return SquareRegion(left + width // 2, top + height // 2, max(width, height))
    return SquareRegion(*profile.center, profile.size) if profile.center is not None else None


def watch_flags(profile: GameSettings, game: str, view: View | None) -> tuple[str, ...]:
    """The flags of `agp screen watch` that show a game's region; empty if it has none.

    `view` is that of the last recording, whose window is followed.
    """
    if is_atari(game) or not (has_region(profile) or view):
        return ()
    flags = ("--game", game, "--follow", *((f"--display={profile.display}",) if profile.display else ()))
    if profile.region is not None:
        return (*flags, f"--region={comma_separated(profile.region)}")
    if profile.center is None:
        return flags
    return (*flags, f"--center={comma_separated(profile.center)}", f"--size={profile.size}")


def last_view(app: AppBase, game: str) -> View | None:
    """The view of the game's newest recording that has one."""
    views = (one.view for one in app.catalog.recordings_of(game))
    return next((view for view in map(view_of, views) if view is not None), None)


def profile_fields(profile: GameSettings, game: str) -> list[Field]:
    """The fields of the profile form."""
    default_keys = "the console's own" if is_atari(game) else "up,left,right,down"
    shared = [
        Field("keys", "Keys tracked", ",".join(profile.keys), default_keys),
        Field("fps", "Frames per second", str(profile.fps)),
        Field("frame_size", "Side of stored frames", str(profile.frame_size)),
    ]
    if is_atari(game):
        return [*shared, Field("sticky", "Sticky actions, 0 to 1", str(profile.sticky))]
    return [
        Field("center", "Center of the region", comma_separated(profile.center), "X,Y"),
        Field("size", "Its side, in pixels", str(profile.size)),
        Field("region", "Or a rectangle", comma_separated(profile.region), "X,Y,WIDTH,HEIGHT"),
        *shared,
        Field("display", "Display", profile.display or "", "found automatically"),
    ]


def comma_separated(value: tuple[int, ...] | None) -> str:
    """A setting of several numbers as it is typed: `640,360`."""
    return ",".join(map(str, value)) if value is not None else ""


async def save_profile(app: AppBase, game: str, values: Values) -> None:
    """Write the changed settings into the game's profile and reload the settings.

    An empty value resets a setting to its default. Raises `AgpError` if a value is invalid; then
    nothing is written.
    """
    before = {field.name: field.value for field in profile_fields(game_settings(app, game), game)}
    is_new = game not in app.loaded.config.games
    changed = {key: value for key, value in values.items() if value != before.get(key)}
    if changed.get("center") and "region" not in changed:
        # A rectangle takes precedence over a center, so the old one must go.
        changed["region"] = ""
    # A new game on the screen gets a profile even if nothing was changed; an Atari game needs none.
    wanted = {**values, **changed} if is_new and not is_atari(game) else changed
    pairs = [part for key, value in wanted.items() if value for part in (f"games.{game}.{key}", value)]
    if pairs:
        await run_command("config", "set", *pairs, *app.global_flags)
    in_file = app.loaded.file.get(f"games.{game}", {})
    removed = [f"games.{game}.{key}" for key, value in changed.items() if not value and key in in_file]
    if removed:
        await run_command("config", "unset", *removed, *app.global_flags)
    app.reload()


@dataclass(frozen=True)
class RecordingLimits:
    """Countdown and automatic end of a recording, and the pace of an Atari game, as typed in a form."""

    seconds: str = ""
    episodes: str = ""
    countdown: str = "3"
    pace: str = "real time"
    nudges: str = "off"

    @classmethod
    def of(cls, settings: RecordSettings) -> "RecordingLimits":
        """The limits of the settings file."""
        return cls(
            f"{settings.seconds:g}" if settings.seconds is not None else "",
            str(settings.episodes) if settings.episodes is not None else "",
            f"{settings.countdown or 3:g}",
            UNPACED if settings.fast else "real time",
            "on" if settings.nudge else "off",
        )

    def fields(self, game: str) -> list[Field]:
        """The fields of the options form."""
        fields = [
            Field("seconds", "Stop after seconds", self.seconds, "until it is stopped"),
            Field("countdown", "Countdown in seconds", self.countdown, "0"),
        ]
        if is_atari(game):
            fields[1:1] = [Field("episodes", "Stop after games", self.episodes, "no limit")]
            fields.append(Field("pace", "Pace", self.pace, choices=("real time", UNPACED)))
        fields.append(
            Field("nudges", "Nudges: wrong keys to recover from", self.nudges, choices=("off", "on"))
        )
        return fields

    def flags(self, game: str) -> list[str]:
        """The flags of `agp record`."""
        flags = ["--countdown", self.countdown or "0", "--nudge" if self.nudges == "on" else "--no-nudge"]
        flags += ["--seconds", self.seconds] if self.seconds else []
        if is_atari(game):
            flags += ["--episodes", self.episodes] if self.episodes else []
            flags += ["--fast"] if self.pace == UNPACED else []
        return flags

    def text(self, game: str, stop_key: str) -> str:
        """When the recording ends, for the summary."""
        ends = [f"after {self.seconds} s"] if self.seconds else []
        if is_atari(game) and self.episodes:
            ends.append(f"after {self.episodes} games")
        if not is_atari(game):
            ends.append(f"with {stop_key} in the game")
        pace = f", {UNPACED}" if is_atari(game) and self.pace == UNPACED else ""
        nudges = ", with nudges" if self.nudges == "on" else ""
        return f"ends {' or '.join([*ends, 'with esc here'])}{pace}{nudges}"
