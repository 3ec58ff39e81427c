"""The training benchmark: our trainer against Stable-Baselines3 with its standard Atari settings, and Monte
Carlo against a plain loop. All in turn in one process: with one thread, in seconds of processor time, or with
a graphics card and all cores, in seconds by the clock.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from agp_tui.atari.trainer import STAGES, AgentTrainer
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped, MissingPart, SettingError
from agp_tui.protocol.events import Table
from benchmarks.plain_monte_carlo import PlainMonteCarlo

OURS: tuple[Algorithm, ...] = ("pqn", "ppo", "monte_carlo")
Turn = Callable[[float], int]
"""Train for so many seconds; the decisions taken."""


@dataclass(frozen=True)
class Hardware:
    """What trains, and by which clock it is measured."""

    device: str
    threads: int
    clock: Callable[[], float]
    name: str
    second: str


ONE_CORE = Hardware("cpu", 1, time.process_time, "one thread", "CPU second")


def graphics_card() -> Hardware:
    """A graphics card with all cores. Raises `SettingError` where torch finds none."""
    if not torch.cuda.is_available():
        raise SettingError("Expected a graphics card, found none that torch can use.", "Use --device cpu.")
    name = f"{torch.cuda.get_device_name()} and {available_cpus()} threads"
    return Hardware("cuda", available_cpus(), time.perf_counter, name, "second")


@dataclass(frozen=True)
class Way:
    """One way to train."""

    name: str
    against: str
    """The way that it is compared with."""
    turn: Turn


def bench_atari(
    game: str,
    job: Job,
    *,
    rounds: int,
    seconds: float,
    hardware: Hardware = ONE_CORE,
    environments: int | None = None,
    batch_size: int | None = None,
) -> dict[str, float]:
    """Decisions for each second, every way in turn. Tells two tables.

    Monte Carlo and its plain loop play one console at a time and have no use for a graphics card.
    Raises `MissingPart` without Stable-Baselines3, `JobFailed` where it is stopped before the first round.
    """
    torch.set_num_threads(hardware.threads)
    on_processor = hardware.device == "cpu"
    ours = {
        name: AgentTrainer(
            AtariSettings(
                game=game,
                workers=1,
                algorithm=name,
                environments=None if name == "monte_carlo" else environments,
                batch_size=batch_size,
            ),
            device=hardware.device,
            threads=hardware.threads,
            clock=hardware.clock,
        )
        for name in OURS
        if on_processor or name != "monte_carlo"
    }
    ways = [
        Way("agp pqn", "sb3 PPO", _turn_of(ours["pqn"])),
        Way("agp ppo", "sb3 PPO", _turn_of(ours["ppo"])),
        Way("sb3 PPO", "sb3 PPO", _turn_of_theirs("PPO", game, hardware)),
        Way("sb3 DQN", "sb3 PPO", _turn_of_theirs("DQN", game, hardware)),
    ]
    if on_processor:
        ways += [
            Way("agp monte_carlo", "plain loop", _turn_of(ours["monte_carlo"])),
            Way("plain loop", "plain loop", PlainMonteCarlo(game).turn),
        ]
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds + 1):
        for way in ways:
            if job.stopping:
                break
            begun = hardware.clock()
            steps = way.turn(seconds if number else min(seconds, 2.0))
            if number:
                rates[way.name].append(steps / (hardware.clock() - begun))
    if not all(rates.values()):
        raise JobStopped("Stopped before every way had its turn.", "Start it again.")
    middle = {name: float(np.median(found)) for name, found in rates.items()}
    rows: list[list[str | float | int | None]] = [
        [way.name, round(middle[way.name]), way.against, round(middle[way.name] / middle[way.against], 2)]
        for way in ways
    ]
    columns = ["way", f"decisions a {hardware.second}", "against", "ratio"]
    job.emit(Table(title=f"Training on {game}, {hardware.name}", columns=columns, rows=rows))
    job.emit(_split(ours))
    for trainer in ours.values():
        trainer.close()
    found: dict[str, float] = {}
    for way in ways:
        if (name := way.name.removeprefix("agp ")) in OURS:
            found |= {
                f"atari_{name}": middle[way.name],
                f"atari_{name}_ratio": middle[way.name] / middle[way.against],
            }
    return found


def _split(trainers: dict[Algorithm, AgentTrainer]) -> Table:
    rows: list[list[str | float | int | None]] = []
    for name, trainer in trainers.items():
        spent = trainer.counters.stages
        whole = sum(spent.values())
        rows.append([name, *(f"{part / whole:.0%}" for part in spent.values())])
    return Table(title="Where the time goes", columns=["algorithm", *STAGES], rows=rows)


def _turn_of(trainer: AgentTrainer) -> Turn:
    def turn(seconds: float) -> int:
        counters = trainer.counters
        steps, end = counters.steps, counters.seconds + seconds
        while counters.seconds < end:
            trainer.round(0.0)
        return counters.steps - steps

    return turn


def stable_baselines(
    name: str, game: str, device: str, *, seed: int = 0, falling: bool = False
) -> tuple[Any, int]:
    """A model with the settings recommended for Atari (rl-baselines3-zoo), and its number of consoles.

    With `falling` the learning rate and the clipping of PPO fall to 0 over a training, as they recommend.
    Raises `MissingPart` without Stable-Baselines3.
    """
    try:
        import ale_py
        import gymnasium
        import stable_baselines3
        from stable_baselines3.common.env_util import make_atari_env
        from stable_baselines3.common.vec_env import VecFrameStack
    except ImportError as error:
        raise MissingPart(
            f"Expected Stable-Baselines3 for this benchmark, found that it is not installed ({error}).",
            "pip install 'agp-tui[bench]'",
        ) from error
    with suppress(AttributeError):
        gymnasium.register_envs(ale_py)
    consoles = 8 if name == "PPO" else 1
    envs = VecFrameStack(
        make_atari_env(game.replace("ALE/", "").replace("-v5", "NoFrameskip-v4"), consoles, seed=seed), 4
    )
    settings: dict[str, Any] = (
        {"n_steps": 128, "n_epochs": 4, "batch_size": 256, "learning_rate": 2.5e-4, "clip_range": 0.1,
         "vf_coef": 0.5, "ent_coef": 0.01}
        if name == "PPO"
        else {"buffer_size": 20_000, "learning_rate": 1e-4, "batch_size": 32, "learning_starts": 1_000,
              "target_update_interval": 1_000, "train_freq": 4, "gradient_steps": 1}
    )  # fmt: skip
    if falling:
        settings |= {one: _falling(settings[one]) for one in ("learning_rate", "clip_range")}
    return getattr(stable_baselines3, name)("CnnPolicy", envs, device=device, seed=seed, **settings), consoles


def _falling(first: float) -> Callable[[float], float]:
    """A schedule of theirs: of `first`, the share of the training that is left."""
    return lambda left: first * left


def _turn_of_theirs(name: str, game: str, hardware: Hardware) -> Turn:
    model, consoles = stable_baselines(name, game, hardware.device)
    chunk = consoles * 128

    def turn(seconds: float) -> int:
        begun, before = hardware.clock(), model.num_timesteps
        while hardware.clock() - begun < seconds:
            model.learn(chunk, reset_num_timesteps=False)
        return int(model.num_timesteps - before)

    return turn
