"""Training rate of agents, compared with Stable-Baselines3 and with a simple Monte Carlo loop.

The methods take turns in one process, with one thread in CPU time or with a GPU and all cores in wall time.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from agp_tui.atari.trainer import STAGES, AgentTrainer
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.engine.cpu import available_cpus
from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped, MissingPart, SettingError
from agp_tui.protocol.events import Table

ALGORITHMS: tuple[Algorithm, ...] = ("pqn", "ppo", "monte_carlo")
Turn = Callable[[float], int]
"""Trains for a number of seconds; returns the number of decisions."""


@dataclass(frozen=True)
class Hardware:
    """Device, threads and clock of a measurement."""

    device: str
    threads: int
    clock: Callable[[], float]
    name: str
    second: str
    """The unit of time in the table."""


ONE_CORE = Hardware("cpu", 1, time.process_time, "one thread", "CPU second")


def gpu() -> Hardware:
    """A GPU with all cores. Raises `SettingError` if torch finds none."""
    if not torch.cuda.is_available():
        raise SettingError("Expected a GPU, found none that torch can use.", "Use --device cpu.")
    name = f"{torch.cuda.get_device_name()} and {available_cpus()} threads"
    return Hardware("cuda", available_cpus(), time.perf_counter, name, "second")


@dataclass(frozen=True)
class Method:
    """An implementation of training."""

    name: str
    baseline: str
    """The name of the method that it is compared with."""
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
    """Measure the decisions per second; the methods take turns. Emits two tables.

    Monte Carlo and the simple loop have one environment at a time and are not measured on a GPU.
    Raises `MissingPart` without Stable-Baselines3, `JobStopped` if it is stopped before the first round.
    """
    torch.set_num_threads(hardware.threads)
    on_cpu = hardware.device == "cpu"
    trainers = {
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
        for name in ALGORITHMS
        if on_cpu or name != "monte_carlo"
    }
    methods = [
        Method("agp pqn", "sb3 PPO", _trainer_turn(trainers["pqn"])),
        Method("agp ppo", "sb3 PPO", _trainer_turn(trainers["ppo"])),
        Method("sb3 PPO", "sb3 PPO", _sb3_turn("PPO", game, hardware)),
        Method("sb3 DQN", "sb3 PPO", _sb3_turn("DQN", game, hardware)),
    ]
    if on_cpu:
        methods += [
            Method("agp monte_carlo", "simple loop", _trainer_turn(trainers["monte_carlo"])),
            Method("simple loop", "simple loop", SimpleMonteCarlo(game).turn),
        ]
    rates: dict[str, list[float]] = {method.name: [] for method in methods}
    for number in range(rounds + 1):
        for method in methods:
            if job.stopping:
                break
            start = hardware.clock()
            steps = method.turn(seconds if number else min(seconds, 2.0))
            if number:
                rates[method.name].append(steps / (hardware.clock() - start))
    if not all(rates.values()):
        raise JobStopped("Stopped before every method had a turn.", "Run agp bench atari again.")
    median = {name: float(np.median(values)) for name, values in rates.items()}
    rows: list[list[str | float | int | None]] = [
        [
            method.name,
            round(median[method.name]),
            method.baseline,
            round(median[method.name] / median[method.baseline], 2),
        ]
        for method in methods
    ]
    columns = ["method", f"decisions per {hardware.second}", "baseline", "ratio"]
    job.emit(Table(title=f"Training on {game}, {hardware.name}", columns=columns, rows=rows))
    job.emit(_time_split(trainers))
    for trainer in trainers.values():
        trainer.close()
    metrics: dict[str, float] = {}
    for method in methods:
        if (name := method.name.removeprefix("agp ")) in ALGORITHMS:
            metrics |= {
                f"atari_{name}": median[method.name],
                f"atari_{name}_ratio": median[method.name] / median[method.baseline],
            }
    return metrics


def _time_split(trainers: dict[Algorithm, AgentTrainer]) -> Table:
    rows: list[list[str | float | int | None]] = []
    for name, trainer in trainers.items():
        seconds = trainer.counters.stages
        total = sum(seconds.values())
        rows.append([name, *(f"{stage / total:.0%}" for stage in seconds.values())])
    return Table(title="Share of the time per stage", columns=["algorithm", *STAGES], rows=rows)


def _trainer_turn(trainer: AgentTrainer) -> Turn:
    def turn(seconds: float) -> int:
        counters = trainer.counters
        steps, end = counters.steps, counters.seconds + seconds
        while counters.seconds < end:
            trainer.iterate(0.0)
        return counters.steps - steps

    return turn


def stable_baselines(
    name: str, game: str, device: str, *, seed: int = 0, anneal: bool = False
) -> tuple[Any, int]:
    """A model with the Atari settings of rl-baselines3-zoo, and its number of environments.

    With `anneal`, learning rate and clip range of PPO decay to 0 during the training, as recommended there.
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
    num_envs = 8 if name == "PPO" else 1
    envs = VecFrameStack(
        make_atari_env(game.replace("ALE/", "").replace("-v5", "NoFrameskip-v4"), num_envs, seed=seed), 4
    )
    settings: dict[str, Any] = (
        {"n_steps": 128, "n_epochs": 4, "batch_size": 256, "learning_rate": 2.5e-4, "clip_range": 0.1,
         "vf_coef": 0.5, "ent_coef": 0.01}
        if name == "PPO"
        else {"buffer_size": 20_000, "learning_rate": 1e-4, "batch_size": 32, "learning_starts": 1_000,
              "target_update_interval": 1_000, "train_freq": 4, "gradient_steps": 1}
    )  # fmt: skip
    if anneal:
        settings |= {name: _linear_decay(settings[name]) for name in ("learning_rate", "clip_range")}
    return getattr(stable_baselines3, name)("CnnPolicy", envs, device=device, seed=seed, **settings), num_envs


def _linear_decay(initial: float) -> Callable[[float], float]:
    """A schedule of Stable-Baselines3, called with the remaining share of the training."""
    return lambda remaining: initial * remaining


def _sb3_turn(name: str, game: str, hardware: Hardware) -> Turn:
    model, num_envs = stable_baselines(name, game, hardware.device)
    chunk = num_envs * 128

    def turn(seconds: float) -> int:
        start, before = hardware.clock(), model.num_timesteps
        while hardware.clock() - start < seconds:
            model.learn(chunk, reset_num_timesteps=False)
        return int(model.num_timesteps - before)

    return turn


EPSILON = 0.5
BATCH = 64


class SimpleMonteCarlo:
    """A simple Monte Carlo implementation, as the baseline.

    One environment of Gymnasium, greyscale frames stored as stacks of floats, a residual network with batch
    normalisation, one pass over the episode at its end.
    """

    def __init__(self, game: str) -> None:
        import ale_py
        import gymnasium

        gymnasium.register_envs(ale_py)
        make: Any = gymnasium.make
        options = {"obs_type": "grayscale", "frameskip": 4, "repeat_action_probability": 0.25}
        self._env = make(game, **options)
        self._actions = int(self._env.action_space.n)
        self._network = _network(self._actions)
        self._optimizer = torch.optim.Adam(self._network.parameters(), 2.5e-4)
        self._rng = np.random.default_rng(0)
        self._start_episode()

    def turn(self, seconds: float) -> int:
        """Train for a number of CPU seconds; returns the number of decisions."""
        start, steps = time.process_time(), 0
        while time.process_time() - start < seconds:
            self._step()
            steps += 1
        return steps

    def _start_episode(self) -> None:
        frame, _ = self._env.reset()
        self._stack = np.zeros((4, 210, 160), np.float32)
        self._push(frame)
        self._observations: list[np.ndarray] = []
        self._taken: list[int] = []
        self._rewards: list[float] = []

    def _push(self, frame: np.ndarray) -> None:
        self._stack = np.concatenate([self._stack[1:], frame[None].astype(np.float32) / 255])

    def _step(self) -> None:
        if self._rng.random() < EPSILON:
            action = int(self._rng.integers(self._actions))
        else:
            with torch.no_grad():
                action = int(self._network(torch.from_numpy(self._stack[None])).argmax())
        self._observations.append(self._stack)
        frame, reward, terminated, truncated, _ = self._env.step(action)
        self._taken.append(action)
        self._rewards.append(float(reward))
        self._push(frame)
        if terminated or truncated:
            self._train()
            self._start_episode()

    def _train(self) -> None:
        returns: list[float] = []
        value = 0.0
        for reward in reversed(self._rewards):
            value = reward + 0.99 * value
            returns.insert(0, value)
        order = self._rng.permutation(len(returns))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            stacks = torch.from_numpy(np.stack([self._observations[index] for index in batch]))
            actions = torch.tensor([self._taken[index] for index in batch])
            targets = torch.tensor([returns[index] for index in batch])
            values = self._network(stacks).gather(1, actions[:, None])[:, 0]
            self._optimizer.zero_grad()
            torch.autograd.backward(functional.smooth_l1_loss(values, targets))
            self._optimizer.step()


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels * 4, 4, stride=4)
        self.norm = nn.BatchNorm2d(channels * 4)

    def forward(self, frames: Tensor) -> Tensor:
        padded = functional.pad(frames, (0, -frames.shape[3] % 4, 0, -frames.shape[2] % 4))
        shortcut = functional.avg_pool2d(padded, 4).repeat_interleave(4, 1)
        return functional.relu(shortcut + self.norm(self.conv(padded)))


def _network(actions: int) -> nn.Module:
    blocks = [_Block(4), _Block(16), _Block(64), _Block(256)]
    return nn.Sequential(
        *blocks, nn.Flatten(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, actions)
    ).eval()
