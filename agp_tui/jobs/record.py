"""The recording job: a game, whoever plays it, and a folder for both."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from agp_tui.config import GameSettings, PreviewSettings, RecordSettings, TerminalSettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, Game
from agp_tui.games.factory import open_game
from agp_tui.games.ids import is_atari
from agp_tui.games.screen import ScreenGame
from agp_tui.jobs.driver_factory import CHANCE, EXPERT, ModelDriverFactory, driver_factory
from agp_tui.keys.listening import KeyListener, SilentListener, listen
from agp_tui.keys.state import NO_KEYS
from agp_tui.keys.terminal_keys import terminal_key_listener
from agp_tui.models.loading import StoredModel
from agp_tui.models.manifest import find_model
from agp_tui.protocol.events import Finished
from agp_tui.recording.inputs import Person
from agp_tui.recording.recorder import Origin, record

HUMAN, TERMINAL = "human", "terminal"
"""A person: at the game's own screen and keyboard, or at a terminal."""
PERSONS = (HUMAN, TERMINAL)


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """What `agp record` asks for."""

    game: str
    place: GameSettings
    settings: RecordSettings
    recordings: Path
    models: Path
    runs: Path
    """Where an agent may be that plays."""
    preview: PreviewSettings = PreviewSettings()
    terminal: TerminalSettings = TerminalSettings()


def run_record(asked: RecordRequest, job: Job) -> Finished:
    """Open the game, let somebody play, write it down.

    Raises `SettingError`, `DisplayError`, `ModelError` or `RecordingError` before anything is written.
    """
    settings = asked.settings
    _check_player(asked)
    source = SimulatedTime() if settings.fast else RealTime()
    by_person = settings.by in PERSONS
    with (
        closing(open_game(asked.game, asked.place, source, job)) as game,
        closing(_keyboard(asked, game, job)) as keyboard,
    ):
        player = _person(game, keyboard) if by_person else _driver(asked, game)
        if not by_person:
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
            keyboard=None if by_person else keyboard,
            preview=_preview(asked),
        )
    job.note(f"Ended: {recorded.because}." if recorded.path else f"Nothing was kept: {recorded.because}.")
    finished = recorded.event()
    for warning in (finished.report or {}).get("warnings", ()):
        job.note(warning, level="warning")
    return finished


def _check_player(asked: RecordRequest) -> None:
    console, by = is_atari(asked.game), asked.settings.by
    if console and by == HUMAN:
        raise SettingError(
            f"Expected somebody who can play {asked.game}, which has no screen of its own, found human.",
            "Choose --by terminal to play it here, or --by with expert, a model or an agent.",
        )
    if not console and by == TERMINAL:
        raise SettingError(
            f"Expected an Atari game to play in the terminal, found {asked.game}.",
            "Leave out --by: you play it on its own screen.",
        )
    if not console and by in (EXPERT, CHANCE):
        raise SettingError(
            f"Expected human or a model to play {asked.game}, found {by}: that is for Atari games only.",
            "Leave out --by to play it yourself, or name a model.",
        )
    if asked.settings.shadow is not None and by not in PERSONS:
        raise SettingError(
            f"Expected you to play beside a shadow, found {by}.",
            "Choose --by human or terminal, or leave out --shadow.",
        )
    if asked.settings.fast and not console:
        raise SettingError(
            f"Expected an Atari game for --fast, found {asked.game}, which runs by itself.",
            "Leave out --fast.",
        )
    if asked.settings.fast and by == TERMINAL:
        raise SettingError("Expected you to play in real time, found --fast.", "Leave out --fast.")


def _driver(asked: RecordRequest, game: Game) -> Driver:
    return driver_factory(asked.settings.by, asked.models, asked.runs)(game)


def _shadow(asked: RecordRequest, game: Game, job: Job) -> Driver | None:
    name = asked.settings.shadow
    if name is None:
        return None
    driver = ModelDriverFactory(StoredModel(find_model(asked.models, name)))(game)
    if driver.policy.fps != asked.place.fps:
        job.note(
            f"{name} was made for {driver.policy.fps:g} decisions a second, it watches at {asked.place.fps}.",
            level="warning",
        )
    return driver


def _keyboard(asked: RecordRequest, game: Game, job: Job) -> KeyListener:
    """The keyboard that is listened to: for the keys to record, and those that start and stop."""
    settings = asked.settings
    if settings.by == TERMINAL:
        start = (settings.start_key,) if settings.wait_for_enter else ()
        keys = tuple(dict.fromkeys((*game.keys, settings.stop_key, *start)))
        return terminal_key_listener(job, keys, asked.terminal)
    if not isinstance(game, ScreenGame):
        return SilentListener()
    return listen(game.display, tuple(dict.fromkeys((*game.keys, settings.start_key, settings.stop_key))))


def _person(game: Game, keyboard: KeyListener) -> Person:
    return Person(keyboard, console=game if isinstance(game, AtariGame) else None)


def _preview(asked: RecordRequest) -> PreviewSettings:
    """Who plays in the terminal looks at nothing else."""
    if asked.settings.by != TERMINAL:
        return asked.preview
    return replace(asked.preview, fps=asked.terminal.pictures)


def origin_of(game: Game) -> Origin:
    """Where its frames come from."""
    if isinstance(game, ScreenGame):
        box = game.region
        return Origin("mss", (box.left, box.top, box.width, box.height), game.display)
    return Origin("ale")
