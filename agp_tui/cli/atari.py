"""`agp atari`: games, and agents that learn them from pixels."""

import dataclasses
from typing import Annotated, Any, Literal

from cyclopts import App
from msgspec import Meta

from agp_tui.cli.flags import AtariFlags, GameFlags, OutputFlags
from agp_tui.cli.running import Detach, run_live, run_long, settings_of, show
from agp_tui.config import AtariSettings, GameSettings, Output, check, check_flag
from agp_tui.config.kinds import Count, Fraction
from agp_tui.engine.events import Table
from agp_tui.engine.runs import Run

CHANCE = "chance"
"""A player that is no agent: any action, all equally likely."""

app = App(name="atari", help="Atari: list games, train, eval and watch agents.")


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
def train(
    *, settings: AtariFlags = AtariSettings(), detach: Detach = False, output: OutputFlags = Output()
) -> int:
    """Train an agent on a game, from pixels. What no flag says is the algorithm's own choice.

    The training is a run of its own: Ctrl-C stops it (with a checkpoint), closing the terminal does not.
    """
    loaded = settings_of(output)
    models, runs = loaded.folder("models"), loaded.folder("runs")
    if settings.resume is not None:
        return run_long(output, Run.find(runs, settings.resume), detach)
    if settings.load_model is not None:
        return watch(settings.load_model, output=output)
    from agp_tui.jobs.atari import ask_atari
    from agp_tui.jobs.requests import as_request

    asked = ask_atari(check(settings), loaded.config.preview, models, runs)
    return run_long(output, Run.create(runs, "atari", as_request(asked)), detach)


@app.command(name="eval")
def eval_(
    agent: str,
    *,
    game: str | None = None,
    episodes: int = 30,
    epsilon: float = 0.01,
    protocol: Literal["sticky", "classic"] | None = None,
    seed: int = 0,
    output: OutputFlags = Output(),
) -> int:
    """Judge an agent by whole games: unclipped scores, a stated protocol, a mean with its interval.

    Parameters
    ----------
    agent
        A run, a checkpoint, a kept agent's name, or chance (with --game).
    game
        The game that chance plays; an agent has its own.
    episodes
        Whole games.
    epsilon
        Share of the actions that are taken by chance, 0 to 1.
    protocol
        sticky or classic; the one it was trained under otherwise.
    seed
        Another number, other games.
    """
    from agp_tui.atari.places import find_agent
    from agp_tui.jobs.atari import EvalAsked, run_eval

    loaded = settings_of(output)
    check_flag("episodes", episodes, Count)
    check_flag("epsilon", epsilon, Fraction)
    chance = agent == CHANCE
    path = None if chance else find_agent(agent, loaded.folder("models"), loaded.folder("runs"))
    asked = EvalAsked(
        checkpoint=path, game=game, games=episodes, epsilon=epsilon, protocol=protocol, seed=seed
    )
    told = {"agent": agent, "episodes": episodes, "epsilon": epsilon, "protocol": protocol, "seed": seed}
    return run_live(output, "eval", told, lambda job: run_eval(asked, job))


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

    check_flag("seconds", seconds, Annotated[float, Meta(gt=0)] | None)
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
