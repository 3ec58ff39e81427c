"""`agp atari`: games, and agents that learn them from pixels."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from msgspec import Meta

from agp_tui.cli.flags import AtariFlags, GameFlags, OutputFlags
from agp_tui.cli.run_job import Detach, run_live, run_long, settings_of, show, shown
from agp_tui.cli.terminal import in_terminal
from agp_tui.config import AtariSettings, GameSettings, Output, check, check_flag
from agp_tui.config.types import Count, Fraction
from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Table

CHANCE = "chance"
"""A player that is no agent: any action, all equally likely."""

app = App(name="atari", help="Atari: list games, train, eval, watch and film agents.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every Atari game: its keys and actions, what random play and a person score, who can demonstrate it.

    With --json the report's `games` have `id`, `keys`, `actions` (ALE's minimal set), `expert`, and `random`
    and `human`, scores of the table that is named as `scores_of` (null for a game that is not in it).
    """
    from agp_tui.atari.human_scores import RANDOM_AND_HUMAN, TABLE_NAME
    from agp_tui.games.atari import cartridges
    from agp_tui.games.atari_actions import known_actions, known_keys
    from agp_tui.games.experts import has_expert

    games: list[dict[str, Any]] = []
    for name, cartridge in cartridges().items():
        random, human = RANDOM_AND_HUMAN.get(cartridge, (None, None))
        games.append(
            {
                "id": name,
                "keys": list(known_keys(name)),
                "actions": list(known_actions(name)),
                "expert": has_expert(name),
                "random": random,
                "human": human,
            }
        )
    rows: list[list[str | float | int | None]] = [
        [
            one["id"],
            " ".join(one["keys"]),
            len(one["actions"]),
            one["random"],
            one["human"],
            "yes" if one["expert"] else "",
        ]
        for one in games
    ]
    columns = ["game", "keys", "actions", "random play", "a person", "expert"]
    table = Table(title=f"Atari games; scores: {TABLE_NAME}", columns=columns, rows=rows)
    return show(output, "atari", table, report={"games": games, "scores_of": TABLE_NAME})


@app.command
def train(
    *, settings: AtariFlags = AtariSettings(), detach: Detach = False, output: OutputFlags = Output()
) -> int:
    """Train an agent on a game, from pixels. What no flag says is the algorithm's own choice.

    The training is a run of its own: Ctrl-C stops it (with a checkpoint), closing the terminal does not.
    """
    loaded = settings_of(output)
    runs = loaded.folder("runs")
    if settings.resume is not None:
        return run_long(output, Run.find(runs, settings.resume), detach)
    if settings.load_model is not None:
        # A game that was asked for must be the agent's; the default one was not asked for.
        if settings.game != AtariSettings().game:
            return watch(settings.game, by=settings.load_model, output=output)
        return watch(settings.load_model, output=output)
    from agp_tui.jobs.atari import ask_atari
    from agp_tui.protocol.requests import as_request

    asked = ask_atari(check(settings), loaded)
    return run_long(output, Run.create(runs, "atari", as_request(asked)), detach)


@app.command
def runs(*, output: OutputFlags = Output()) -> int:
    """Every training of an agent beside the others, oldest first: how long, and how good it became.

    With --json the report's `runs` have `id`, `game`, `algorithm`, `protocol`, `state`, `steps`, `minutes`,
    `score_mean`, `score_low`, `score_high` (95 % interval), `games` (that the mean is of) and
    `human_normalised` (0 is random play, 1 a person); null for what a training has not come to yet.
    """
    from agp_tui.atari.run_comparison import compare, table

    found = compare(Run.all(settings_of(output).folder("runs")))
    return show(output, "atari", table(found), report={"runs": [dataclasses.asdict(one) for one in found]})


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
    from agp_tui.atari.agent_files import find_agent
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
    what: str,
    *,
    by: str | None = None,
    seconds: float | None = None,
    speed: float = 1.0,
    paused: Annotated[bool, Parameter(negative=())] = False,
    plain: Annotated[bool, Parameter(negative=(), help="Lines of progress, no view of the game.")] = False,
    place: GameFlags = GameSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Let somebody play an Atari game and watch; nothing is recorded.

    In a terminal the game is shown live: space pauses, the right arrow steps, + and - set the speed, q
    ends. With --json programs send the same as commands. An agent sees all 60 frames a second and plays
    under what it was trained under; a model decides as often as its manifest says.

    Parameters
    ----------
    what
        An agent (a run, a checkpoint, a kept agent's name), or a game, such as ALE/Pong-v5.
    by
        Who plays the game: expert (a scripted demonstrator), chance, a model or an agent. [default: expert]
    seconds
        Stop after so many seconds of play.
    speed
        So many times as fast as the console.
    paused
        Begin paused.
    """
    from agp_tui.jobs.watch import WatchGameAsked, run_watch_game

    check_flag("seconds", seconds, Annotated[float, Meta(gt=0)] | None)
    loaded = settings_of(output)
    if in_terminal() and not (plain or output.json):
        from agp_tui.ui.command_app import watch_in_terminal

        return shown(output, watch_in_terminal(loaded, f"{by} plays {what}" if by else what, *sys.argv[1:]))
    asked = WatchGameAsked(
        what=what,
        by=by,
        place=check(place),
        models=loaded.folder("models"),
        runs=loaded.folder("runs"),
        seconds=seconds,
        speed=speed,
        paused=paused,
        preview=loaded.config.preview,
    )
    told = {"what": what, "by": by, "seconds": seconds, "speed": speed, **dataclasses.asdict(place)}
    return run_live(output, "watch", told, lambda job: run_watch_game(asked, job))


@app.command
def video(
    agent: str,
    *,
    episodes: int = 1,
    target: Path | None = None,
    epsilon: float = 0.01,
    seed: int = 0,
    output: OutputFlags = Output(),
) -> int:
    """Record whole games of an agent as mp4: at right speed, with score, value and action preferences.

    Parameters
    ----------
    agent
        A run, a checkpoint, or a kept agent's name.
    episodes
        Whole games, a file each.
    target
        Folder for them; otherwise videos in the agent's run, or here where it is in none.
    epsilon
        Share of the actions that are taken by chance, 0 to 1; as in evaluations otherwise.
    seed
        Another number, other games.
    """
    from agp_tui.atari.agent_files import find_agent
    from agp_tui.jobs.video import VideoAsked, run_video

    loaded = settings_of(output)
    check_flag("episodes", episodes, Count)
    check_flag("epsilon", epsilon, Fraction)
    path = find_agent(agent, loaded.folder("models"), loaded.folder("runs"))
    asked = VideoAsked(checkpoint=path, games=episodes, folder=target, epsilon=epsilon, seed=seed)
    told = {"agent": agent, "episodes": episodes, "epsilon": epsilon, "seed": seed}
    return run_live(output, "video", told, lambda job: run_video(asked, job))
