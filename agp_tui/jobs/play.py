"""The play job: a model takes the keyboard of a game."""

import dataclasses
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agp_tui.autoplay.manifest import find_model, read_manifest
from agp_tui.config import GameSettings, PlaySettings, PreviewSettings
from agp_tui.engine.clock import Clock, RealTime, SimulatedTime
from agp_tui.engine.events import Finished
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.names import is_atari
from agp_tui.games.opening import complete, open_game
from agp_tui.keys.names import key_name
from agp_tui.keys.state import NO_KEYS


@dataclass(frozen=True, kw_only=True)
class PlayAsked:
    """What `agp play` asks for."""

    model: str
    game: str | None
    place: GameSettings
    settings: PlaySettings
    models: Path
    preview: PreviewSettings = PreviewSettings()


def run_play(asked: PlayAsked, job: Job) -> Finished:
    """Load the model, open the game, play. Every key is up afterwards.

    Raises `ModelError`, `SettingError`, `DisplayError` or `MissingPart` before anything is pressed.
    """
    from agp_tui.autoplay.player import play
    from agp_tui.autoplay.policy import load_policy
    from agp_tui.keys.listening import KeyListener, listen

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
    policy = load_policy(
        path, asked.settings, keys=None if made_here else place.keys, fps=None if made_here else place.fps
    )
    place = dataclasses.replace(place, keys=place.keys or policy.keys)
    source = SimulatedTime() if asked.settings.fast else RealTime()
    listener: KeyListener | None = None
    with closing(open_game(name, place, source, job)) as game:
        if not is_atari(name):
            listener = listen(getattr(game, "display", None), (key_name(asked.settings.panic_key),))
            job.note(f"{asked.settings.panic_key} on the game's keyboard stops the player.")
        try:
            if not asked.settings.dry_run:
                # A screen's key guard starts with the first call: before the first decision is due.
                game.hold(NO_KEYS)
            finished = play(
                game,
                policy,
                asked.settings,
                job,
                Clock(policy.fps, source),
                listener=listener,
                preview=asked.preview,
            )
        finally:
            if listener is not None:
                listener.close()
    return msgspec.structs.replace(finished, model=str(path))
