"""What the algorithms share that learn from a rollout of every console, several times, and then forget it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.algorithms.learner import Actions, Learner
from agp_tui.atari.consoles import Moved, Stacks
from agp_tui.atari.returns import lambda_returns
from agp_tui.atari.rollout import Rollout


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
