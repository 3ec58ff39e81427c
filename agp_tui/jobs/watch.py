"""The job in which somebody plays an Atari game to be watched; nothing is recorded."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from agp_tui.atari.places import find_agent
from agp_tui.autoplay.manifest import read_manifest
from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.clock import SimulatedTime
from agp_tui.engine.events import Finished
from agp_tui.engine.job import Job
from agp_tui.engine.tempo import check_speed
from agp_tui.errors import ModelError, SettingError
from agp_tui.games.atari import FRAMES_A_SECOND, AtariGame
from agp_tui.games.names import is_atari
from agp_tui.games.opening import complete
from agp_tui.games.preview import Preview
from agp_tui.jobs.drivers import EXPERT, AgentSeat, ModelDriver, Seat, player_named
from agp_tui.jobs.showing import Show


@dataclass(frozen=True, kw_only=True)
class WatchGameAsked:
    """What `agp atari watch` asks for."""

    what: str
    """An Atari id, or an agent, which plays its own game."""
    by: str | None
    """`expert` (the default for a game), `chance`, a model or an agent; None where `what` is an agent."""
    place: GameSettings
    models: Path
    runs: Path
    seconds: float | None = None
    """Of play, whatever the speed."""
    speed: float = 1.0
    paused: bool = False
    preview: PreviewSettings = PreviewSettings()


def run_watch_game(asked: WatchGameAsked, job: Job) -> Finished:
    """Play until it is stopped; obey Pause, Resume, Step (forwards, pauses) and Speed at once.

    The `probabilities` of an agent's `Live` events are, by key, the sum of its preferences for the actions
    that hold the key. Raises `SettingError` or `ModelError` before the first frame.
    """
    check_speed(asked.speed)
    name, place, seat = _seated(asked)
    source = SimulatedTime()
    with closing(AtariGame(name, place, source)) as game:
        show = Show(game, seat(game), source, Preview(asked.preview), job)
        most = None if asked.seconds is None else max(1, round(asked.seconds * game.fps))
        show.play(asked.speed, paused=asked.paused, most=most)
        return show.finished()


def _seated(asked: WatchGameAsked) -> tuple[str, GameSettings, Seat]:
    """The game, its settings as the player needs them, and the player."""
    if is_atari(asked.what):
        name, seat = asked.what, player_named(asked.by or EXPERT, asked.models, asked.runs)
    elif asked.by is not None:
        raise SettingError(
            f"Expected a game with --by, such as ALE/Pong-v5, found {asked.what!r}.",
            "An agent plays its own game: leave out --by, or name the game.",
        )
    else:
        name, seat = "", AgentSeat(_agent(asked))
    if isinstance(seat, AgentSeat):
        return _for_agent(seat, name, asked.place)
    if isinstance(seat, ModelDriver) and seat.model.is_dir():
        manifest = read_manifest(seat.model)
        keys = asked.place.keys or manifest.keys
        return name, complete(name, replace(asked.place, keys=keys, fps=manifest.fps)), seat
    return name, complete(name, asked.place), seat


def _agent(asked: WatchGameAsked) -> Path:
    try:
        return find_agent(asked.what, asked.models, asked.runs)
    except ModelError as error:
        raise ModelError(
            f"Expected an Atari game or an agent to watch, found {asked.what!r}, which is neither.",
            f"A game is an id such as ALE/Pong-v5; agp atari list shows them all. {error.cure}",
        ) from error


def _for_agent(seat: AgentSeat, name: str, place: GameSettings) -> tuple[str, GameSettings, Seat]:
    """Its own game, every frame of it, with every key that its actions need, as sticky as in its training."""
    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.driver import keys_for
    from agp_tui.games.atari import cartridge_of

    kept = load_agent(seat.checkpoint)
    name = name or kept.game
    keys = keys_for(kept.actions, cartridge_of(name), complete(name, place).keys)
    sticky = place.sticky or kept.played_under.sticky
    return name, replace(place, keys=keys, fps=FRAMES_A_SECOND, sticky=sticky), seat
