"""The loop of playing and learning: consoles, a learner, a clock. Knows nothing of files.

Runs the same in each process of a team; only rank 0 hears what happened.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from agp_tui.atari.agent import compact
from agp_tui.atari.algorithms.base import Learner
from agp_tui.atari.algorithms.dqn import Dqn
from agp_tui.atari.algorithms.monte_carlo import MonteCarlo
from agp_tui.atari.algorithms.ppo import Ppo
from agp_tui.atari.algorithms.pqn import Pqn
from agp_tui.atari.hyperparameters import Knobs, decide_knobs
from agp_tui.atari.networks import AgentNetwork, AgentSpec, Body, Head, bf16_is_faster
from agp_tui.atari.process_group import Alone, Team
from agp_tui.atari.vector_env import PROTOCOLS, Consoles, Ended, Protocol, View
from agp_tui.config import AtariSettings

ALGORITHMS: dict[str, type[Learner]] = {"ppo": Ppo, "pqn": Pqn, "dqn": Dqn, "monte_carlo": MonteCarlo}
STAGES = ("environment", "inference", "learning")


@dataclass
class Counters:
    """How far a training is, over all its processes."""

    steps: int = 0
    """Decisions."""
    frames: int = 0
    """Of the console."""
    games: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Seconds of this process by stage."""


@dataclass(frozen=True)
class Round:
    """What one round of play and learning brought."""

    counters: Counters
    ended: tuple[Ended, ...]
    """Games of all processes."""
    figures: dict[str, float]
    """Of the newest learning; empty where there was none."""
    epsilon: float


def view_of(settings: AtariSettings, size: tuple[int, int] | None = None) -> View:
    """How the agent sees: whole pictures for Monte Carlo, 84x84 as usual otherwise, if no size is given."""
    height, width = size or ((210, 160) if settings.algorithm == "monte_carlo" else (84, 84))
    return View(settings.frame_count, settings.skip_frames, height, width)


def make_network(settings: AtariSettings, knobs: Knobs, view: View, actions: int) -> AgentNetwork:
    """A fresh network of the algorithm that is asked for."""
    body: Body = "residual" if settings.algorithm == "monte_carlo" else "compact"
    head: Head = "policy" if settings.algorithm == "ppo" else "values"
    spec = AgentSpec(body, head, view.frames, view.height, view.width, actions, knobs.hidden_layers)
    return compact(AgentNetwork(spec))


class AgentTrainer:
    """Plays and learns, round by round. Raises `SettingError` where the settings do not fit together."""

    def __init__(
        self,
        settings: AtariSettings,
        team: Team | None = None,
        *,
        device: str = "cpu",
        threads: int = 1,
        clock: Callable[[], float] = time.perf_counter,
        protocol: Protocol | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """`clock` tells the seconds that the counters count; `protocol` and `size`, height and width of
        what is seen, stand in for those that the settings mean.
        """
        self._clock = clock
        self.team = team or Alone()
        self.settings, self.knobs = settings, decide_knobs(settings)
        torch.set_num_threads(threads)
        torch.manual_seed(settings.seed)
        view = view_of(settings, size)
        self.consoles = Consoles(
            settings.game,
            self.knobs.environments,
            protocol=protocol or PROTOCOLS[settings.protocol],
            view=view,
            seed=settings.seed + 1_000_003 * self.team.rank,
            threads=threads,
        )
        network = make_network(settings, self.knobs, view, len(self.consoles.actions)).to(device)
        half = self._half(network)
        self.learner = ALGORITHMS[settings.algorithm](
            network, self.knobs, self.knobs.environments, self.team, half=half, seed=settings.seed
        )
        self.counters = Counters()

    def _half(self, network: AgentNetwork) -> bool:
        if self.settings.precision == "auto":
            return self.team.same(bf16_is_faster(network))
        return self.settings.precision == "bfloat16"

    def round(self, progress: float, watch: Callable[[Consoles, Counters, int], None] | None = None) -> Round:
        """Play on for a while, learning on the way; `watch` is called after each step.

        `progress` is the share of the run that is over.
        """
        learner, consoles, begun = self.learner, self.consoles, self._clock()
        ended: list[Ended] = []
        figures: dict[str, float] = {}
        frames = consoles.frames
        for _ in range(self.knobs.horizon):
            with self._timed("inference"):
                actions = learner.act(consoles.stacks)
            with self._timed("environment"):
                moved = consoles.step(actions)
            learner.observe(actions, moved)
            learner.game_over(len(moved.ended))
            ended.extend(moved.ended)
            if watch is not None:
                watch(consoles, self.counters, self.team.size)
            if learner.ready:
                with self._timed("learning"):
                    figures = learner.learn(consoles.stacks, progress)
        size = self.team.size
        together = [game for part in self.team.gather(tuple(ended)) for game in part]
        counters = self.counters
        counters.steps += self.knobs.horizon * consoles.count * size
        counters.frames += (consoles.frames - frames) * size
        counters.games += len(together)
        counters.seconds += self._clock() - begun
        return Round(counters, tuple(together), figures, learner.epsilon)

    def state(self) -> dict[str, Any]:
        """All that this process needs to go on exactly, as plain data and tensors."""
        return {
            "learner": self.learner.state(),
            "consoles": self.consoles.state(),
            "counters": asdict(self.counters),
            "half": self.learner.half,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from such a state."""
        self.learner.restore(state["learner"])
        self.learner.half = bool(state["half"])
        self.consoles.restore(state["consoles"], self.learner.remember)
        self.counters = Counters(**state["counters"])

    def close(self) -> None:
        """Let the emulators and the team go."""
        self.consoles.close()
        self.team.close()

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = self._clock()
        yield
        self.counters.stages[stage] += self._clock() - begun
