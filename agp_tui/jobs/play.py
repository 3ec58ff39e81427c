"""The play job: load a model, open a game, and let the model press its keys."""

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
from agp_tui.games.factory import KnownViews, complete, open_game
from agp_tui.games.ids import is_atari
from agp_tui.games.screen import ScreenGame
from agp_tui.games.window_focus import WindowFocus, can_detect_focus
from agp_tui.keys.listening import KeyListener, listen
from agp_tui.keys.state import NO_KEYS
from agp_tui.keys.terminal_keys import terminal_key_listener
from agp_tui.models.inference_latency import load_within_budget
from agp_tui.models.loading import StoredModel
from agp_tui.models.manifest import find_model
from agp_tui.play.intervention import InterventionRecorder
from agp_tui.play.player import play
from agp_tui.protocol.events import Finished
from agp_tui.recording.meta import RecordingMeta

HANG_SECONDS, HANG_SLOTS = 0.1, 3
"""A screen game goes on while the model hangs: keys are released after the longer of the two."""


@dataclass(frozen=True, kw_only=True)
class PlayRequest:
    """The arguments of `agp play`."""

    model: str
    game: str | None
    place: GameSettings
    settings: PlaySettings
    models: Path
    recordings: Path
    """Folder for the recordings of takeovers."""
    chosen_region: bool = True
    """Whether a region in `place` was given by a flag or a variable, as opposed to the profile."""
    min_free_mb: int = RecordSettings().min_free_mb
    """With less free disk space nothing is recorded."""
    preview: PreviewSettings = PreviewSettings()
    terminal: TerminalSettings = TerminalSettings()


def run_play(request: PlayRequest, job: Job) -> Finished:
    """Load the model, open the game, play. Every key is released afterwards.

    Without a region of its own in the settings, a screen game is where the model saw it. Raises
    `ModelError`, `SettingError`, `DisplayError` or `MissingPart` before anything is pressed.
    """
    settings = request.settings
    model = StoredModel(find_model(request.models, request.model))
    manifest = model.manifest
    name = request.game or (manifest.game if manifest is not None else None)
    if name is None:
        raise SettingError(
            f"Expected a game for {model.path.name} to play, found none named.", "Name it with --game."
        )
    if settings.fast and not is_atari(name):
        raise SettingError(
            f"Expected an Atari game for --fast, found {name}, which runs by itself.", "Leave out --fast."
        )
    place = request.place if manifest is not None else complete(name, request.place)
    policy = load_within_budget(
        model,
        settings,
        job,
        keys=None if manifest is not None else place.keys,
        fps=None if manifest is not None else place.fps,
    )
    place = dataclasses.replace(place, keys=place.keys or policy.keys)
    source = SimulatedTime() if settings.fast else RealTime()
    with (
        closing(open_game(name, place, source, job, _known_views(request, model))) as game,
        open_keyboard(game, request, job) as keyboard,
        open_focus_monitor(game, settings) as focus,
    ):
        on_screen = isinstance(game, ScreenGame)
        if not settings.dry_run:
            # Starts a screen's key guard process before the first decision is due.
            game.hold(NO_KEYS)
        finished = play(
            game,
            policy,
            settings,
            job,
            Clock(policy.fps, source),
            listener=keyboard,
            forward_human_keys=not on_screen,
            focus=focus,
            hang_seconds=max(HANG_SECONDS, HANG_SLOTS / policy.fps) if on_screen else None,
            intervention_recorder=None
            if keyboard is None
            else make_intervention_recorder(request, game, policy.fps, job),
            preview=_preview_settings(request, game),
        )
    return msgspec.structs.replace(finished, model=str(model.path))


def _known_views(request: PlayRequest, model: StoredModel) -> KnownViews:
    view = model.manifest.view if model.manifest is not None else None
    return KnownViews.of_model(model.path.name, view, request.chosen_region)


@contextmanager
def open_keyboard(game: Game, request: PlayRequest, job: Job) -> Iterator[KeyListener | None]:
    """Listen for the panic key and, if takeovers are on, for the game's keys and the hand-back key.

    On the display of a screen game; for an Atari game on the terminal, whose keys arrive as commands.
    """
    settings = request.settings
    takeover = settings.takeover and not settings.dry_run
    keys = [settings.panic_key, *(game.keys if takeover else ())]
    if takeover and settings.hand_back_key is not None:
        keys.append(settings.hand_back_key)
    keyboard: KeyListener
    if isinstance(game, ScreenGame):
        job.note(f"{settings.panic_key} on the game's keyboard stops the player.")
        # The model presses a virtual keyboard, so an edge from one may be its own.
        keyboard = listen(game.display, tuple(keys), "agent" if takeover else "human")
    elif takeover and not settings.fast:
        keyboard = terminal_key_listener(job, tuple(keys), request.terminal)
    else:
        yield None
        return
    if takeover:
        job.note("Touch one of the game's keys to take over; let go of it, and the model drives again.")
    with closing(keyboard):
        yield keyboard


@contextmanager
def open_focus_monitor(game: Game, settings: PlaySettings) -> Iterator[WindowFocus | None]:
    """Monitor the keyboard focus of a screen game, if the settings need it and the system supports it."""
    needed = not settings.dry_run and settings.when_unfocused != "continue"
    if isinstance(game, ScreenGame) and needed and can_detect_focus():
        with closing(WindowFocus(game.display, game.tracker)) as focus:
            yield focus
    else:
        yield None


def make_intervention_recorder(
    request: PlayRequest, game: Game, fps: float, job: Job
) -> InterventionRecorder:
    """A recorder for the takeovers of this game."""

    def make_meta(started_ns: int) -> RecordingMeta:
        return RecordingMeta.of_game(
            game,
            fps,
            source="agent",
            labels="human",
            started_at=time.time() - (time.monotonic_ns() - started_ns) / 1e9,
            started_ns=started_ns,
        )

    return InterventionRecorder(
        request.recordings,
        make_meta,
        job,
        before_seconds=request.settings.takeover_before,
        min_free_mb=request.min_free_mb,
    )


def _preview_settings(request: PlayRequest, game: Game) -> PreviewSettings:
    """For an Atari game, at the rate of terminal play: a person may take over by the preview alone."""
    if isinstance(game, ScreenGame):
        return request.preview
    return dataclasses.replace(request.preview, fps=request.terminal.pictures)
