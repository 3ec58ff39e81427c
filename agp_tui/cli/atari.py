"""`agp atari`: the Atari games there are."""

import dataclasses
from typing import Any

from cyclopts import App

from agp_tui.cli.flags import GameFlags, OutputFlags
from agp_tui.cli.running import run_live, settings_of, show
from agp_tui.config import GameSettings, Output, check
from agp_tui.engine.events import Table

app = App(name="atari", help="Atari games: list, watch.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every Atari game, its keys, and whether a scripted expert can demonstrate it.

    With --json the report's `games` have `id`, `keys` and `expert`.
    """
    from agp_tui.games.atari import atari_ids
    from agp_tui.games.experts import has_expert
    from agp_tui.games.known_keys import known_keys

    games: list[dict[str, Any]] = [
        {"id": name, "keys": list(known_keys(name)), "expert": has_expert(name)} for name in atari_ids()
    ]
    rows: list[list[str | float | int | None]] = [
        [one["id"], " ".join(one["keys"]), "yes" if one["expert"] else ""] for one in games
    ]
    table = Table(title="Atari games", columns=["game", "keys", "expert"], rows=rows)
    return show(output, "atari", table, report={"games": games})


@app.command
def watch(
    game: str,
    *,
    by: str = "expert",
    seconds: float | None = None,
    place: GameFlags = GameSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Let somebody play an Atari game and watch; nothing is recorded.

    Parameters
    ----------
    game
        An Atari id, such as ALE/Pong-v5.
    by
        Who plays: expert (a scripted demonstrator), chance, or a model.
    seconds
        Stop after so many seconds of play.
    """
    from agp_tui.jobs.watch import WatchGameAsked, run_watch_game

    loaded = settings_of(output)
    asked = WatchGameAsked(
        game=game,
        by=by,
        place=check(place),
        models=loaded.folder("models"),
        seconds=seconds,
        preview=loaded.config.preview,
    )
    told = {"game": game, "by": by, "seconds": seconds, **dataclasses.asdict(place)}
    return run_live(output, "watch", told, lambda job: run_watch_game(asked, job))
