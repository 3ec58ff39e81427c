"""The job of `agp record`: opens the game and its player, and records them."""

import random
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from agp_tui.config import GameSettings, PreviewSettings, RecordSettings, TerminalSettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import ModelError, SettingError
from agp_tui.games.atari import AtariGame
from agp_tui.games.base import Driver, Game
from agp_tui.games.experts import human_like_driver
from agp_tui.games.factory import KnownViews, open_game
from agp_tui.games.ids import is_atari
from agp_tui.games.profiles import (
    has_region,
    new_profile,
    profile_command,
    profiles_with_the_region_of,
    shared_region,
)
from agp_tui.games.screen import ScreenGame
from agp_tui.games.window_focus import WindowFocus, can_detect_focus
from agp_tui.jobs.driver_factory import CHANCE, EXPERT, ModelDriverFactory, driver_factory
from agp_tui.keys.listening import KeyListener, SilentListener, listen
from agp_tui.keys.state import NO_KEYS, OwnKeys
from agp_tui.keys.terminal_keys import terminal_key_listener
from agp_tui.keys.xinput2 import X11Listener
from agp_tui.models.loading import StoredModel
from agp_tui.models.manifest import find_model
from agp_tui.protocol.events import Finished
from agp_tui.protocol.results import RecordResult
from agp_tui.recording.inputs import HumanOnScreen, HumanViaTerminal, PlayerInput, PolicyInput
from agp_tui.recording.library import known_views
from agp_tui.recording.nudges import NudgeConfig, Nudges, ScreenNudger, check_nudge_window
from agp_tui.recording.recorder import record
from agp_tui.recording.store import find_recordings

HUMAN, TERMINAL = "human", "terminal"
"""A person: at the game's own screen and keyboard, or at a terminal."""
PERSONS = (HUMAN, TERMINAL)


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """The request of `agp record`."""

    game: str
    place: GameSettings
    settings: RecordSettings
    recordings: Path
    models: Path
    runs: Path
    """Where to look for agents."""
    chosen_region: bool = True
    """Whether a region in `place` was given by a flag or a variable, as opposed to the profile."""
    profiles: Mapping[str, GameSettings] = field(default_factory=dict)
    """The profiles of the settings file."""
    preview: PreviewSettings = PreviewSettings()
    terminal: TerminalSettings = TerminalSettings()


def run_record(request: RecordRequest, job: Job) -> Finished:
    """Open the game, let the player of the request play, and record it.

    Raises `SettingError`, `DisplayError`, `ModelError` or `RecordingError` before anything is written.
    """
    _check_player(request)
    own = OwnKeys("nudge")
    source = SimulatedTime() if request.settings.fast else RealTime()
    known = _known_views(request)
    if not known.views:
        for other in profiles_with_the_region_of(request.game, request.profiles):
            job.note(" ".join(shared_region(request.game, other)), "warning")
    with (
        closing(open_game(request.game, request.place, source, job, known)) as game,
        closing(_open_listener(request, game, own, job)) as listener,
    ):
        player = _open_player(request, game, Clock(request.place.fps, source), listener, own, job)
        _explain_exclude_key(request.settings, game, job)
        result = record(
            player, request.settings, job, root=request.recordings, preview=_preview_settings(request)
        )
        by_file = has_region(request.place) and not request.chosen_region
        saved = result.path is not None and not by_file
        region = game.origin.region if saved else None
        profile = new_profile(request.game, region, request.place, request.profiles)
    job.note(f"Ended: {result.because}." if result.path else f"Nothing was saved: {result.because}.")
    finished = result.finished_event(profile)
    if profile and (has_region(request.place) or not known.views):
        job.note(f"To record and play {request.game} here from now on: {profile_command(profile)}")
    report = finished.result(RecordResult) or RecordResult()
    for warning in report.warnings or ():
        job.note(warning, level="warning")
    if request.settings.nudge and result.path and not report.nudges:
        job.note("No nudge: the recording was too short, or the game never had the focus.", level="warning")
    return finished


def _known_views(request: RecordRequest) -> KnownViews:
    """The view of the model that plays, else those of the game's recordings."""
    if is_atari(request.game):
        return KnownViews()
    by = request.settings.by
    if by not in PERSONS:
        # Whatever is wrong with the player is reported when it is loaded.
        with suppress(ModelError):
            model = StoredModel(find_model(request.models, by))
            if model.manifest is not None and model.manifest.view is not None:
                return KnownViews.of_model(model.path.name, model.manifest.view, request.chosen_region)
    return KnownViews(
        views=known_views(find_recordings(request.recordings, request.game)),
        owner="the last recording",
        chosen=request.chosen_region,
    )


def _check_player(request: RecordRequest) -> None:
    atari, by = is_atari(request.game), request.settings.by
    if atari and by == HUMAN:
        raise SettingError(
            f"{request.game} has no screen of its own, so --by human cannot play it.",
            "Choose --by terminal to play it here, or --by with expert, a model or an agent.",
        )
    if not atari and by == TERMINAL:
        raise SettingError(
            f"Expected an Atari game for --by terminal, found {request.game}.",
            "Leave out --by: you play it on its own screen.",
        )
    if not atari and by in (EXPERT, CHANCE):
        raise SettingError(
            f"Expected human or a model to play {request.game}, found {by}, which plays Atari games only.",
            "Leave out --by to play it yourself, or name a model.",
        )
    if request.settings.human_like and by != EXPERT:
        raise SettingError(
            f"Expected the expert as the player with --human-like, found {by}.",
            "Choose --by expert, or leave out --human-like.",
        )
    if request.settings.shadow is not None and by not in PERSONS:
        raise SettingError(
            f"Expected a person as the player with --shadow, found {by}.",
            "Choose --by human or terminal, or leave out --shadow.",
        )
    if request.settings.fast and not atari:
        raise SettingError(
            f"Expected an Atari game for --fast, found {request.game}, which runs in real time.",
            "Leave out --fast.",
        )
    if request.settings.fast and by == TERMINAL:
        raise SettingError("Expected real time with --by terminal, found --fast.", "Leave out --fast.")
    if request.settings.nudge and not atari:
        _check_nudges_on_screen(by)


def _check_nudges_on_screen(by: str) -> None:
    if by != HUMAN:
        raise SettingError(
            f"Expected a person or an Atari game for --nudge, found {by} on a screen.",
            "Leave out --nudge: it records how a person recovers.",
            setting="nudge",
        )
    if not can_detect_focus():
        raise SettingError(
            "Expected an X11 display for --nudge, found a system that does not report the keyboard focus.",
            "Leave out --nudge.",
            setting="nudge",
        )


def _open_player(
    request: RecordRequest, game: Game, clock: Clock, listener: KeyListener, own: OwnKeys, job: Job
) -> PlayerInput:
    by = request.settings.by
    nudges = _nudges(request, game, job)
    if by not in PERSONS:
        make_driver = driver_factory(by, request.models, request.runs)
        driver = (human_like_driver if request.settings.human_like else make_driver)(game)
        # Starts the key guard of a screen before the first frame is due.
        game.hold(NO_KEYS)
        return PolicyInput(game, clock, driver, listener=listener, nudges=nudges)
    shadow = _shadow(request, game, job)
    if isinstance(game, AtariGame):
        return HumanViaTerminal(game, clock, listener, shadow=shadow, nudges=nudges)
    nudger = None
    if nudges is not None and isinstance(game, ScreenGame):
        nudger = _screen_nudger(nudges, game, listener, own, job)
    return HumanOnScreen(game, clock, listener, shadow=shadow, nudger=nudger)


def _nudges(request: RecordRequest, game: Game, job: Job) -> Nudges | None:
    if not request.settings.nudge:
        return None
    config = NudgeConfig.of(request.settings, game.keys)
    job.note(config.text)
    # A scripted player repeats its game with the same seed, nudges included.
    return Nudges(config, random.Random(request.place.seed if request.settings.fast else None))


def _screen_nudger(
    nudges: Nudges, game: ScreenGame, listener: KeyListener, own: OwnKeys, job: Job
) -> ScreenNudger:
    if not isinstance(listener, X11Listener):
        raise SettingError(
            f"Expected XInput2 on {game.display} for --nudge, to tell your keys from those of a nudge; "
            "found an X server without it.",
            "Leave out --nudge.",
            setting="nudge",
        )
    focus = WindowFocus(game.display, game.tracker)
    check_nudge_window(focus)
    return ScreenNudger(nudges, game, listener, own, focus, job)


def _shadow(request: RecordRequest, game: Game, job: Job) -> Driver | None:
    name = request.settings.shadow
    if name is None:
        return None
    driver = ModelDriverFactory(StoredModel(find_model(request.models, name)))(game)
    if driver.policy.fps != request.place.fps:
        job.note(
            f"{name} was trained at {driver.policy.fps:g} decisions per second; "
            f"this recording runs at {request.place.fps}.",
            level="warning",
        )
    return driver


def _open_listener(request: RecordRequest, game: Game, own: OwnKeys, job: Job) -> KeyListener:
    """Listens for the keys to record and the start and stop keys; reports `own` keys as such."""
    settings = request.settings
    exclude = (settings.exclude_key,) if settings.exclude_key else ()
    if settings.by == TERMINAL:
        start = (settings.start_key,) if settings.wait_for_enter else ()
        keys = tuple(dict.fromkeys((*game.keys, settings.stop_key, *start, *exclude)))
        return terminal_key_listener(job, keys, request.terminal)
    if not isinstance(game, ScreenGame):
        return SilentListener()
    keys = (*game.keys, settings.start_key, settings.stop_key, *exclude)
    return listen(game.display, tuple(dict.fromkeys(keys)), own=own if settings.nudge else None)


def _explain_exclude_key(settings: RecordSettings, game: Game, job: Job) -> None:
    """Say what the key does for a person, or why it does nothing."""
    if settings.by not in PERSONS or settings.exclude_key is None:
        return
    if settings.exclude_key in game.keys:
        job.note(
            f"{settings.exclude_key} is a key of the game, so it does not exclude the last seconds: "
            "set record.exclude_key to another one.",
            "warning",
        )
    else:
        job.note(
            f"After a mistake press {settings.exclude_key}: "
            f"training does not learn from the last {settings.exclude_seconds:g} s."
        )


def _preview_settings(request: RecordRequest) -> PreviewSettings:
    """At full rate for a person who plays by this picture alone."""
    if request.settings.by != TERMINAL:
        return request.preview
    return replace(request.preview, fps=request.terminal.pictures)
