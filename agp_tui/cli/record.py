"""`agp record`: frames of a game with the keys held."""

import dataclasses

from agp_tui.cli.flags import Game, GameFlags, OutputFlags, RecordFlags
from agp_tui.cli.running import run_live, settings_of
from agp_tui.config import GameSettings, Output, RecordSettings, check


def record(
    *,
    game: Game,
    place: GameFlags = GameSettings(),
    settings: RecordFlags = RecordSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Record a game: its frames and the keys held, by a person, an expert, a model or an Atari agent.

    A person plays on the game's own screen; without --center or --region, a click there chooses
    the middle of the region. Esc on the game's keyboard ends the recording, and so does Ctrl-C here.
    """
    from agp_tui.jobs.record import RecordAsked, run_record

    loaded = settings_of(output)
    asked = RecordAsked(
        game=game,
        place=check(place),
        settings=check(settings),
        recordings=loaded.folder("recordings"),
        models=loaded.folder("models"),
        runs=loaded.folder("runs"),
        preview=loaded.config.preview,
    )
    told = {"game": game, **dataclasses.asdict(place), **dataclasses.asdict(settings)}
    return run_live(output, "record", told, lambda job: run_record(asked, job))
