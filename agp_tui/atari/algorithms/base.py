"""What all algorithms share: a network, its optimizer, and how rewards and actions are treated."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from agp_tui.atari.hyperparameters import Knobs
from agp_tui.atari.networks import AgentNetwork
from agp_tui.atari.process_group import Team
from agp_tui.atari.returns import lambda_returns
from agp_tui.atari.rollout_buffer import Rollout
from agp_tui.atari.vector_env import Moved, Stacks

Actions = NDArray[np.int64]

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "huber": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
}


def make_optimizer(network: nn.Module, name: str, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer of that name, with the constants that are usual for learning from games."""
    parameters = network.parameters()
    match name:
        case "adam":
            return torch.optim.Adam(parameters, learning_rate, eps=1e-5, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, learning_rate, eps=1e-5, fused=True)
        case "radam":
            return torch.optim.RAdam(parameters, learning_rate)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, learning_rate, alpha=0.95, eps=1e-5)
        case "sgd":
            return torch.optim.SGD(parameters, learning_rate, momentum=0.9)
    raise ValueError(f"Expected a known optimizer, found {name!r}.")


def mean(figures: Sequence[Tensor]) -> float:
    """Of numbers that are still where they were made: asking for each would wait for each."""
    return torch.stack(list(figures)).mean().item()


class Learner(ABC):
    """Acts and learns. Every random draw comes from `drawing`, so its state is all that chance needs to go
    on exactly.
    """

    max_gradient = 10.0
    """Gradients are scaled down to this norm."""

    def __init__(
        self, network: AgentNetwork, knobs: Knobs, consoles: int, team: Team, *, half: bool, seed: int
    ) -> None:
        self.network, self.knobs, self.consoles, self.team, self.half = network, knobs, consoles, team, half
        self.device = next(network.parameters()).device
        self.optimizer = make_optimizer(network, knobs.optimizer, knobs.learning_rate)
        self.loss = LOSSES[knobs.loss_function]
        self.drawing = np.random.default_rng([seed, team.rank])
        self.epsilon = knobs.choose_random
        self.updates = 0

    @abstractmethod
    def act(self, stacks: Stacks) -> Actions:
        """One action for each console that shows these stacks."""

    @abstractmethod
    def observe(self, actions: Actions, moved: Moved) -> None:
        """What came of the actions."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether it is time to learn."""

    @abstractmethod
    def learn(self, stacks: Stacks, progress: float) -> dict[str, float]:
        """Learn from what was seen; figures of it.

        The consoles show `stacks` now; `progress` is the share of the run that is over.
        """

    def remember(self, stacks: Stacks) -> None:  # noqa: B027
        """What the consoles showed before each action on the way back to where they were."""

    def state(self) -> dict[str, Any]:
        """All but the weights' shape, the knobs and what the consoles showed, as plain data and tensors.

        Asked for between two rounds of `horizon` steps.
        """
        return {
            "weights": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "drawing": dict(self.drawing.bit_generator.state),
            "epsilon": self.epsilon,
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from such a state."""
        self.network.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.drawing.bit_generator.state = state["drawing"]
        self.epsilon, self.updates = float(state["epsilon"]), int(state["updates"])

    def rewards(self, moved: Moved) -> NDArray[np.float32]:
        """What the steps count for learning: clipped, and less where they brought no score."""
        rewards = np.clip(moved.rewards, -1.0, 1.0) if self.knobs.clip_rewards else moved.rewards
        if self.knobs.no_score_penalty:
            rewards = rewards - np.float32(self.knobs.no_score_penalty) * (moved.rewards == 0)
        return rewards.astype(np.float32)

    def ends(self, moved: Moved) -> NDArray[np.bool_]:
        """After which steps nothing more can come."""
        return moved.over | moved.lost_life if self.knobs.life_is_a_game else moved.over

    def game_over(self, games: int) -> None:
        """So many games ended: less is left to chance from now on."""
        for _ in range(games):
            self.epsilon = max(self.knobs.choose_random_min, self.epsilon * self.knobs.choose_random_decay)

    def forward(self, stacks: Stacks | Tensor, *, half: bool | None = None) -> tuple[Tensor, Tensor]:
        """The network's scores and values, in the arithmetic that was chosen, if no other is asked for."""
        pictures = torch.as_tensor(stacks, device=self.device)
        half = self.half if half is None else half
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            scores, values = self.network(pictures)
        return scores, values

    def values(self, stacks: Stacks) -> NDArray[np.float32]:
        """What the states that show these stacks are worth."""
        with torch.no_grad():
            return np.asarray(self.forward(stacks)[1].cpu().numpy())

    def values_where_cut(self, moved: Moved) -> NDArray[np.float32]:
        """What was left in the games that were cut; 0 elsewhere."""
        found = np.zeros(self.consoles, np.float32)
        if moved.cut.any():
            found[moved.cut] = self.values(moved.stacks[moved.cut])
        return found

    def explore(self, best: Actions) -> Actions:
        """These actions, but by chance others."""
        chance = self.drawing.random(len(best)) < self.epsilon
        others = self.drawing.integers(0, self.network.spec.actions, len(best))
        return np.where(chance, others, best)

    @property
    def batch_size(self) -> int:
        """This process's part of a batch, so that a team's updates are of as many steps as a lone one's."""
        return max(1, self.knobs.batch_size // self.team.size)

    def batches(self, count: int) -> Iterator[NDArray[np.int64]]:
        """The places 0 to `count - 1` in batches, shuffled unless the settings say otherwise."""
        order = self.drawing.permutation(count) if self.knobs.randomize_episode_batches else np.arange(count)
        for start in range(0, count, self.batch_size):
            yield order[start : start + self.batch_size]

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """On the device that learns."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def descend(self, loss: Tensor) -> None:
        """One step of the optimizer, down the team's mean gradient."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.team.average(part.grad for part in self.network.parameters() if part.grad is not None)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient)
        self.optimizer.step()
        self.updates += 1

    def set_learning_rate(self, factor: float) -> None:
        """So many times the one that was asked for."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.knobs.learning_rate * factor


class RolloutLearner(Learner):
    """Fills its rollout with `horizon` steps; `act` and `learn` are the algorithm's own."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.rollout = Rollout(self.knobs.horizon, self.consoles, self.network.spec.stack, self.device)

    def observe(self, actions: Actions, moved: Moved) -> None:
        """Keep it."""
        cut_values = self.values_where_cut(moved)
        self.rollout.add(actions, self.rewards(moved), self.ends(moved), moved, cut_values)

    @property
    def ready(self) -> bool:
        return self.rollout.full

    def returns(self, stacks: Stacks) -> NDArray[np.float32]:
        """Lambda returns of the rollout, (steps, consoles), where the consoles show `stacks` after it."""
        seen = self.rollout
        following = seen.following(self.values(stacks))
        return lambda_returns(
            seen.rewards, following, seen.over, seen.cut, discount=self.knobs.discount, decay=self.knobs.decay
        )
