"""`agp atari`: Atari games and agents that learn them from pixels."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from msgspec import Meta

from agp_tui.cli.flags import AtariFlags, GameFlags, OutputFlags
from agp_tui.cli.run_job import Detach, print_result, print_tables, run_live, run_long, settings_of
from agp_tui.cli.terminal import in_terminal
from agp_tui.config import AtariSettings, GameSettings, Output, check, check_flag
from agp_tui.config.types import Count, Fraction
from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import AgentRunsResult, AtariGamesResult
from agp_tui.protocol.summaries import AtariGameSummary

CHANCE = "chance"
"""The name of the random player."""

app = App(name="atari", help="Atari: list games; train, evaluate, watch and record agents.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """List all Atari games: keys, actions, random and human scores, and whether there is a scripted expert.

    With --json the report's `games` have `id`, `keys`, `actions` (ALE's minimal set), `expert`, and `random`
    and `human`, scores of the table named in `scores_of` (null for games that are not in it).
    """
    from agp_tui.atari.human_scores import RANDOM_AND_HUMAN, TABLE_NAME
    from agp_tui.games.atari import rom_names
    from agp_tui.games.atari_actions import known_actions, known_keys
    from agp_tui.games.experts import has_expert

    games: list[AtariGameSummary] = []
    for name, cartridge in rom_names().items():
        random, human = RANDOM_AND_HUMAN.get(cartridge, (None, None))
        games.append(
            AtariGameSummary(
                id=name,
                keys=tuple(known_keys(name)),
                actions=tuple(known_actions(name)),
                expert=has_expert(name),
                random=random,
                human=human,
            )
        )
    rows: list[list[str | float | int | None]] = [
        [
            one.id,
            " ".join(one.keys),
            len(one.actions),
            one.random,
            one.human,
            "yes" if one.expert else "",
        ]
        for one in games
    ]
    columns = ["game", "keys", "actions", "random play", "a person", "expert"]
    table = Table(title=f"Atari games; scores: {TABLE_NAME}", columns=columns, rows=rows)
    return print_tables(output, "atari", table, report=AtariGamesResult(games=games, scores_of=TABLE_NAME))


@app.command
def train(
    *, settings: AtariFlags = AtariSettings(), detach: Detach = False, output: OutputFlags = Output()
) -> int:
    """Train an agent on a game, from pixels. Unset flags take the default of the algorithm.

    The training is a detached run: Ctrl-C stops it (with a checkpoint), closing the terminal does not.
    """
    loaded = settings_of(output)
    runs = loaded.folder("runs")
    if settings.resume is not None:
        return run_long(output, Run.find(runs, settings.resume), detach)
    if settings.load_model is not None:
        # A game given explicitly must be the agent's; the default one is not explicit.
        if settings.game != AtariSettings().game:
            return watch(settings.game, by=settings.load_model, output=output)
        return watch(settings.load_model, output=output)
    from agp_tui.jobs.atari import atari_request
    from agp_tui.protocol.requests import as_request

    request = atari_request(check(settings), loaded)
    return run_long(output, Run.create(runs, "atari", as_request(request)), detach)


@app.command
def runs(*, output: OutputFlags = Output()) -> int:
    """Compare all trainings of agents, oldest first: duration and evaluation scores.

    With --json the report's `runs` have `id`, `game`, `algorithm`, `protocol`, `state`, `steps`, `minutes`,
    `score_mean`, `score_low`, `score_high` (95 % interval), `games` (evaluation episodes) and
    `human_normalised` (0: random play, 1: human); null for values that do not exist yet.
    """
    from agp_tui.atari.run_comparison import compare, table

    found = compare(Run.all(settings_of(output).folder("runs")))
    return print_tables(output, "atari", table(found), report=AgentRunsResult(runs=found))


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
    """Evaluate an agent by whole episodes: unclipped scores, a stated protocol, the mean with its interval.

    Parameters
    ----------
    agent
        A run, a checkpoint, the name of a saved agent, or chance (random play, with --game).
    game
        The game for chance; an agent has its own game.
    episodes
        Number of episodes.
    epsilon
        Probability of a random action, 0 to 1.
    protocol
        sticky or classic. Default: the protocol of the training.
    seed
        Random seed of the episodes.
    """
    from agp_tui.atari.agent_files import find_agent
    from agp_tui.jobs.atari import EvalRequest, run_eval

    loaded = settings_of(output)
    check_flag("episodes", episodes, Count)
    check_flag("epsilon", epsilon, Fraction)
    chance = agent == CHANCE
    path = None if chance else find_agent(agent, loaded.folder("models"), loaded.folder("runs"))
    request = EvalRequest(
        checkpoint=path, game=game, games=episodes, epsilon=epsilon, protocol=protocol, seed=seed
    )
    arguments = {"agent": agent, "episodes": episodes, "epsilon": epsilon, "protocol": protocol, "seed": seed}
    return run_live(output, "eval", arguments, lambda job: run_eval(request, job))


@app.command
def watch(
    what: str,
    *,
    by: str | None = None,
    seconds: float | None = None,
    speed: float = 1.0,
    paused: Annotated[bool, Parameter(negative=())] = False,
    plain: Annotated[
        bool, Parameter(negative=(), help="Print lines of progress instead of showing the game.")
    ] = False,
    place: GameFlags = GameSettings(),
    output: OutputFlags = Output(),
) -> int:
    """Watch an agent, a model or a scripted expert play an Atari game; nothing is recorded.

    In a terminal the game is shown live: space pauses, the right arrow steps, + and - set the speed, q
    quits. With --json, programs send the same as commands. An agent sees all 60 frames per second and plays
    under the protocol of its training; a model decides at the rate of its manifest.

    Parameters
    ----------
    what
        An agent (a run, a checkpoint, the name of a saved agent), or a game, such as ALE/Pong-v5.
    by
        The player: expert (a scripted demonstrator), chance, a model or an agent. [default: expert]
    seconds
        Stop after this many seconds of play.
    speed
        Speed relative to real time.
    paused
        Start paused.
    """
    from agp_tui.jobs.watch import WatchGameRequest, run_watch_game

    check_flag("seconds", seconds, Annotated[float, Meta(gt=0)] | None)
    loaded = settings_of(output)
    if in_terminal() and not (plain or output.json):
        from agp_tui.ui.command_app import watch_in_terminal

        return print_result(
            output, watch_in_terminal(loaded, f"{by} plays {what}" if by else what, *sys.argv[1:])
        )
    request = WatchGameRequest(
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
    arguments = {"what": what, "by": by, "seconds": seconds, "speed": speed, **dataclasses.asdict(place)}
    return run_live(output, "watch", arguments, lambda job: run_watch_game(request, job))


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
    """Record episodes of an agent as mp4, at the original speed, with score, value and action preferences.

    Parameters
    ----------
    agent
        A run, a checkpoint, or the name of a saved agent.
    episodes
        Number of episodes, one file per episode.
    target
        Output folder. Default: videos in the run of the agent, or the working directory if it is in no run.
    epsilon
        Probability of a random action, 0 to 1. Default: as in evaluations.
    seed
        Random seed of the episodes.
    """
    from agp_tui.atari.agent_files import find_agent
    from agp_tui.jobs.video import VideoRequest, run_video

    loaded = settings_of(output)
    check_flag("episodes", episodes, Count)
    check_flag("epsilon", epsilon, Fraction)
    path = find_agent(agent, loaded.folder("models"), loaded.folder("runs"))
    request = VideoRequest(checkpoint=path, games=episodes, folder=target, epsilon=epsilon, seed=seed)
    arguments = {"agent": agent, "episodes": episodes, "epsilon": epsilon, "seed": seed}
    return run_live(output, "video", arguments, lambda job: run_video(request, job))
