"""`agp play`: let a model press the keys."""

from dataclasses import asdict

from agp_tui.cli.flags import GameFlags, Model, OutputFlags, PlayFlags, TerminalFlags
from agp_tui.cli.run_job import run_live, settings_of
from agp_tui.cli.setting_sources import game_of_model, is_region_chosen
from agp_tui.config import GameSettings, Output, PlaySettings, TerminalSettings, check


def play(
    model: Model,
    *,
    game: str | None = None,
    place: GameFlags = GameSettings(),
    settings: PlayFlags = PlaySettings(),
    terminal: TerminalFlags = TerminalSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Let a model play. Its manifest holds all parameters; a model from elsewhere takes --keys, --fps,
    --activation-threshold, --normalize-images and --channels. Without --center or --region, it plays in the
    window that it was recorded in, wherever that window is now.

    The panic key on the game's keyboard (F12), Ctrl-C here, and the end of this process for any reason
    release all keys. In the app, you can take over an Atari game with the keys of the terminal.

    Parameters
    ----------
    game
        The game to play. Default: the game of the model.
    """
    from agp_tui.jobs.play import PlayRequest, run_play

    loaded = settings_of(output)
    request = PlayRequest(
        model=model,
        game=game,
        place=check(place),
        chosen_region=is_region_chosen(loaded, game or game_of_model(loaded, model), place),
        settings=check(settings),
        models=loaded.folder("models"),
        recordings=loaded.folder("recordings"),
        min_free_mb=loaded.config.record.min_free_mb,
        preview=loaded.config.preview,
        terminal=check(terminal),
    )
    arguments = {"model": model, "game": game} | asdict(place) | asdict(settings) | asdict(terminal)
    return run_live(output, "play", arguments, lambda job: run_play(request, job))
