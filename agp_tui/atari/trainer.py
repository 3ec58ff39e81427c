"""The training loop: a vector environment, a learner, and counters. It reads and writes no files.

Runs in every process of a group; only rank 0 gets all episodes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from agp_tui.atari.agent import to_channels_last
from agp_tui.atari.algorithms.base import Learner
from agp_tui.atari.algorithms.dqn import Dqn
from agp_tui.atari.algorithms.monte_carlo import MonteCarlo
from agp_tui.atari.algorithms.ppo import Ppo
from agp_tui.atari.algorithms.pqn import Pqn
from agp_tui.atari.hyperparameters import Hyperparameters, resolve_hyperparameters
from agp_tui.atari.networks import AgentNetwork, AgentSpec, Body, Head, bf16_is_faster
from agp_tui.atari.process_group import ProcessGroup, SingleProcess
from agp_tui.atari.vector_env import PROTOCOLS, EpisodeResult, EvalProtocol, ObservationSpec, VectorEnv
from agp_tui.config import AtariSettings

ALGORITHMS: dict[str, type[Learner]] = {"ppo": Ppo, "pqn": Pqn, "dqn": Dqn, "monte_carlo": MonteCarlo}
STAGES = ("environment", "inference", "learning")


@dataclass
class TrainCounters:
    """Progress of a training, summed over its processes."""

    steps: int = 0
    """Decisions."""
    frames: int = 0
    """Emulator frames."""
    games: int = 0
    """Episodes."""
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Seconds of this process by stage."""


@dataclass(frozen=True)
class IterationResult:
    """The result of one iteration of acting and learning."""

    counters: TrainCounters
    episodes: tuple[EpisodeResult, ...]
    """Finished episodes of all processes."""
    metrics: dict[str, float]
    """Of the last `train_step`; empty without one."""
    epsilon: float


def observation_spec(settings: AtariSettings, size: tuple[int, int] | None = None) -> ObservationSpec:
    """The preprocessing: frames of `size`; by default 84x84, for Monte Carlo the whole screen."""
    height, width = size or ((210, 160) if settings.algorithm == "monte_carlo" else (84, 84))
    return ObservationSpec(settings.frame_count, settings.skip_frames, height, width)


def make_network(
    settings: AtariSettings, hyperparameters: Hyperparameters, obs_spec: ObservationSpec, actions: int
) -> AgentNetwork:
    """A new network for the algorithm."""
    body: Body = "residual" if settings.algorithm == "monte_carlo" else "compact"
    head: Head = "policy" if settings.algorithm == "ppo" else "values"
    spec = AgentSpec(
        body, head, obs_spec.frames, obs_spec.height, obs_spec.width, actions, hyperparameters.hidden_layers
    )
    return to_channels_last(AgentNetwork(spec))


class AgentTrainer:
    """Trains an agent, iteration by iteration. Raises `SettingError` for conflicting settings."""

    def __init__(
        self,
        settings: AtariSettings,
        group: ProcessGroup | None = None,
        *,
        device: str = "cpu",
        threads: int = 1,
        clock: Callable[[], float] = time.perf_counter,
        protocol: EvalProtocol | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """`protocol` and `size` (height, width) override those of the settings."""
        self._clock = clock
        self.group = group or SingleProcess()
        self.settings, self.hyperparameters = settings, resolve_hyperparameters(settings)
        torch.set_num_threads(threads)
        torch.manual_seed(settings.seed)
        obs_spec = observation_spec(settings, size)
        self.env = VectorEnv(
            settings.game,
            self.hyperparameters.num_envs,
            protocol=protocol or PROTOCOLS[settings.protocol],
            obs_spec=obs_spec,
            seed=settings.seed + 1_000_003 * self.group.rank,
            threads=threads,
        )
        network = make_network(settings, self.hyperparameters, obs_spec, len(self.env.actions)).to(device)
        self.learner = ALGORITHMS[settings.algorithm](
            network,
            self.hyperparameters,
            self.hyperparameters.num_envs,
            self.group,
            bf16=self._use_bf16(network),
            seed=settings.seed,
        )
        self.counters = TrainCounters()

    def _use_bf16(self, network: AgentNetwork) -> bool:
        if self.settings.precision == "auto":
            return self.group.broadcast(bf16_is_faster(network))
        return self.settings.precision == "bfloat16"

    def iterate(
        self, progress: float, on_step: Callable[[VectorEnv, TrainCounters, int], None] | None = None
    ) -> IterationResult:
        """One iteration: `num_steps` steps of each environment, with training whenever the learner is ready.

        `progress` is the elapsed share of the training; `on_step` gets the environment, the counters and the
        number of processes after each step.
        """
        learner, env, started = self.learner, self.env, self._clock()
        episodes: list[EpisodeResult] = []
        metrics: dict[str, float] = {}
        frames = env.frames
        for _ in range(self.hyperparameters.num_steps):
            with self._timed("inference"):
                actions = learner.act(env.stacks)
            with self._timed("environment"):
                result = env.step(actions)
            learner.observe(actions, result)
            learner.decay_epsilon(len(result.episodes))
            episodes.extend(result.episodes)
            if on_step is not None:
                on_step(env, self.counters, self.group.size)
            if learner.ready:
                with self._timed("learning"):
                    metrics = learner.train_step(env.stacks, progress)
        size = self.group.size
        gathered = [one for rank in self.group.gather(tuple(episodes)) for one in rank]
        counters = self.counters
        counters.steps += self.hyperparameters.num_steps * env.num_envs * size
        counters.frames += (env.frames - frames) * size
        counters.games += len(gathered)
        counters.seconds += self._clock() - started
        return IterationResult(counters, tuple(gathered), metrics, learner.epsilon)

    def state(self) -> dict[str, Any]:
        """Plain data and tensors of this process for an exact resume."""
        return {
            "learner": self.learner.state(),
            "consoles": self.env.state(),
            "counters": asdict(self.counters),
            "half": self.learner.bf16,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.learner.restore(state["learner"])
        self.learner.bf16 = bool(state["half"])
        self.env.restore(state["consoles"], self.learner.restore_observation)
        self.counters = TrainCounters(**state["counters"])

    def close(self) -> None:
        """Close the emulators and leave the group."""
        self.env.close()
        self.group.close()

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = self._clock()
        yield
        self.counters.stages[stage] += self._clock() - started
