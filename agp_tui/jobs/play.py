"""The play job: a model takes the keyboard of a game."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agp_tui.config import GameSettings, PlaySettings, PreviewSettings, RecordSettings, TerminalSettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import Game
from agp_tui.games.factory import complete, open_game
from agp_tui.games.ids import is_atari
from agp_tui.games.screen import ScreenGame
from agp_tui.games.window_focus import WindowFocus, can_detect_focus
from agp_tui.jobs.record import origin_of
from agp_tui.keys.listening import KeyListener, listen
from agp_tui.keys.state import NO_KEYS
from agp_tui.keys.terminal_keys import terminal_key_listener
from agp_tui.models.manifest import find_model, read_manifest
from agp_tui.play.intervention import InterventionRecorder
from agp_tui.protocol.events import Finished
from agp_tui.recording.meta import RecordingMeta

HANG_SECONDS, HANG_SLOTS = 0.1, 3
"""A game on a screen goes on while a model hangs: a key stays down for the longer of both at most."""


@dataclass(frozen=True, kw_only=True)
class PlayRequest:
    """What `agp play` asks for."""

    model: str
    game: str | None
    place: GameSettings
    settings: PlaySettings
    models: Path
    recordings: Path
    """Where what a person shows the model is kept."""
    min_free_mb: int = RecordSettings().min_free_mb
    """With less free on the disk nothing is recorded."""
    preview: PreviewSettings = PreviewSettings()
    terminal: TerminalSettings = TerminalSettings()


def run_play(asked: PlayRequest, job: Job) -> Finished:
    """Load the model, open the game, play. Every key is up afterwards.

    Raises `ModelError`, `SettingError`, `DisplayError` or `MissingPart` before anything is pressed.
    """
    from agp_tui.models.loading import load_within_budget
    from agp_tui.play.player import play

    path = find_model(asked.models, asked.model)
    made_here = path.is_dir()
    name = asked.game or (read_manifest(path).game if made_here else None)
    if name is None:
        raise SettingError(
            f"Expected the game that {path.name} is to play, found none named.", "Name it with --game."
        )
    if asked.settings.fast and not is_atari(name):
        raise SettingError(
            f"Expected an Atari game for --fast, found {name}, which runs by itself.", "Leave out --fast."
        )
    place = asked.place if made_here else complete(name, asked.place)
    policy = load_within_budget(
        path,
        asked.settings,
        job,
        keys=None if made_here else place.keys,
        fps=None if made_here else place.fps,
    )
    place = dataclasses.replace(place, keys=place.keys or policy.keys)
    source = SimulatedTime() if asked.settings.fast else RealTime()
    with (
        closing(open_game(name, place, source, job)) as game,
        open_keyboard(game, asked, job) as keyboard,
        open_focus_monitor(game, asked.settings) as focus,
    ):
        if not asked.settings.dry_run:
            # A screen's key guard starts with the first call: before the first decision is due.
            game.hold(NO_KEYS)
        finished = play(
            game,
            policy,
            asked.settings,
            job,
            Clock(policy.fps, source),
            listener=keyboard,
            forwards=not isinstance(game, ScreenGame),
            focus=focus,
            hang_seconds=max(HANG_SECONDS, HANG_SLOTS / policy.fps) if isinstance(game, ScreenGame) else None,
            corrections=make_intervention_recorder(asked, game, policy.fps, job)
            if keyboard is not None
            else None,
            preview=_preview_settings(asked, game),
        )
    return msgspec.structs.replace(finished, model=str(path))


@contextmanager
def open_keyboard(game: Game, asked: PlayRequest, job: Job) -> Iterator[KeyListener | None]:
    """The keyboard with the keys that stop the player, and those with which a person takes over.

    That of the game's screen; for an Atari game that of the terminal, from where keys come as commands.
    """
    settings = asked.settings
    shared = settings.takeover and not settings.dry_run
    keys = [settings.panic_key, *(game.keys if shared else ())]
    if shared and settings.hand_back_key is not None:
        keys.append(settings.hand_back_key)
    keyboard: KeyListener
    if isinstance(game, ScreenGame):
        job.note(f"{settings.panic_key} on the game's keyboard stops the player.")
        # The model presses a virtual keyboard: what comes from one may be its own.
        keyboard = listen(game.display, tuple(keys), "agent" if shared else "human")
    elif shared and not settings.fast:
        keyboard = terminal_key_listener(job, tuple(keys), asked.terminal)
    else:
        yield None
        return
    if shared:
        job.note("Touch one of the game's keys and you drive; let go of it, and the model drives again.")
    with closing(keyboard):
        yield keyboard


@contextmanager
def open_focus_monitor(game: Game, settings: PlaySettings) -> Iterator[WindowFocus | None]:
    """Tells whether the game has the focus, where that matters and can be known."""
    matters = not settings.dry_run and settings.when_unfocused != "continue"
    if isinstance(game, ScreenGame) and matters and can_detect_focus():
        with closing(WindowFocus(game.display, game.region)) as focus:
            yield focus
    else:
        yield None


def _preview_settings(asked: PlayRequest, game: Game) -> PreviewSettings:
    """Who may take over by looking at the picture alone sees it as often as whoever plays by it."""
    if isinstance(game, ScreenGame):
        return asked.preview
    return dataclasses.replace(asked.preview, fps=asked.terminal.pictures)


def make_intervention_recorder(asked: PlayRequest, game: Game, fps: float, job: Job) -> InterventionRecorder:
    origin = origin_of(game)

    def describe(began_ns: int) -> RecordingMeta:
        return RecordingMeta(
            game=game.name,
            fps=round(fps),
            frame_size=game.frame_shape,
            keys=game.keys,
            backend=origin.backend,
            source="agent",
            labels="human",
            region=origin.region,
            display=origin.display,
            started_at=time.time() - (time.monotonic_ns() - began_ns) / 1e9,
            started_ns=began_ns,
        )

    return InterventionRecorder(
        asked.recordings,
        describe,
        job,
        before_seconds=asked.settings.takeover_before,
        min_free_mb=asked.min_free_mb,
    )
