"""The recording job: a game, whoever plays it, and a folder for both."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agp_tui.autoplay.manifest import find_model
from agp_tui.config import GameSettings, PreviewSettings, RecordSettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.events import Finished
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import Driver, Game
from agp_tui.games.names import is_atari
from agp_tui.games.opening import open_game
from agp_tui.games.screen import ScreenGame
from agp_tui.jobs.drivers import CHANCE, EXPERT, ModelDriver, player_named
from agp_tui.keys.listening import KeyListener, listen
from agp_tui.keys.state import NO_KEYS
from agp_tui.recording.playing import Person
from agp_tui.recording.recorder import Origin, record


@dataclass(frozen=True, kw_only=True)
class RecordAsked:
    """What `agp record` asks for."""

    game: str
    place: GameSettings
    settings: RecordSettings
    recordings: Path
    models: Path
    runs: Path
    """Where an agent may be that plays."""
    preview: PreviewSettings = PreviewSettings()


def run_record(asked: RecordAsked, job: Job) -> Finished:
    """Open the game, let somebody play, write it down.

    Raises `SettingError`, `DisplayError`, `ModelError` or `RecordingError` before anything is written.
    """
    settings = asked.settings
    _check_player(asked)
    source = SimulatedTime() if settings.fast else RealTime()
    with (
        closing(open_game(asked.game, asked.place, source, job)) as game,
        _keyboard(game, settings) as keyboard,
    ):
        player = _driver(asked, game) if settings.by != "human" else Person(_heard(keyboard))
        if settings.by != "human":
            # A screen's key guard starts with the first call: before the first frame is due.
            game.hold(NO_KEYS)
        recorded = record(
            game,
            player,
            settings,
            job,
            origin=origin_of(game),
            clock=Clock(asked.place.fps, source),
            root=asked.recordings,
            shadow=_shadow(asked, game, job),
            keyboard=keyboard if settings.by != "human" else None,
            preview=asked.preview,
        )
    job.note(f"Ended: {recorded.because}." if recorded.path else f"Nothing was kept: {recorded.because}.")
    finished = recorded.event()
    for warning in (finished.report or {}).get("warnings", ()):
        job.note(warning, level="warning")
    return finished


def _check_player(asked: RecordAsked) -> None:
    console, by = is_atari(asked.game), asked.settings.by
    if console and by == "human":
        raise SettingError(
            f"Expected somebody who can play {asked.game} without a screen, found human.",
            "Choose --by expert, or --by with the name of a model or an agent.",
        )
    if not console and by in (EXPERT, CHANCE):
        raise SettingError(
            f"Expected human or a model to play {asked.game}, found {by}: that is for Atari games only.",
            "Leave out --by to play it yourself, or name a model.",
        )
    if asked.settings.shadow is not None and by != "human":
        raise SettingError(
            f"Expected you to play beside a shadow, found {by}.", "Leave out --by, or --shadow."
        )
    if asked.settings.fast and not console:
        raise SettingError(
            f"Expected an Atari game for --fast, found {asked.game}, which runs by itself.",
            "Leave out --fast.",
        )


def _driver(asked: RecordAsked, game: Game) -> Driver:
    return player_named(asked.settings.by, asked.models, asked.runs)(game)


def _shadow(asked: RecordAsked, game: Game, job: Job) -> Driver | None:
    name = asked.settings.shadow
    if name is None:
        return None
    driver = ModelDriver(find_model(asked.models, name))(game)
    if driver.policy.fps != asked.place.fps:
        job.note(
            f"{name} was made for {driver.policy.fps:g} decisions a second, it watches at {asked.place.fps}.",
            level="warning",
        )
    return driver


@contextmanager
def _keyboard(game: Game, settings: RecordSettings) -> Iterator[KeyListener | None]:
    """The game's own keyboard: the keys to record, and those that start and stop."""
    if not isinstance(game, ScreenGame):
        yield None
        return
    keys = tuple(dict.fromkeys((*game.keys, settings.start_key, settings.stop_key)))
    listener = listen(game.display, keys)
    try:
        yield listener
    finally:
        listener.close()


def _heard(keyboard: KeyListener | None) -> KeyListener:
    if keyboard is None:
        raise SettingError("Expected a keyboard to hear a person play, found none.")
    return keyboard


def origin_of(game: Game) -> Origin:
    """Where its frames come from."""
    if isinstance(game, ScreenGame):
        box = game.box
        return Origin("mss", (box.left, box.top, box.width, box.height), game.display)
    return Origin("ale")
