"""How good an agent is: whole games, unclipped scores, a protocol that is said; apart from training."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Shape

import numpy as np
from numpy.typing import NDArray

from agp_tui.atari.consoles import Consoles, Ended, Protocol, Stacks, View
from agp_tui.atari.reference import TABLE_NAME, human_normalised
from agp_tui.atari.statistics import Interval, bootstrap
from agp_tui.engine.events import Table

EPSILON = 0.01
"""Share of actions by chance in an evaluation, the same for every algorithm."""
CONSOLES = 8
"""Games that are played at once."""


class Player(Shape):
    """Who plays."""

    def act(self, stacks: Stacks, epsilon: float, drawing: np.random.Generator) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class Chance:
    """Plays at random."""

    actions: int

    def act(self, stacks: Stacks, epsilon: float, drawing: np.random.Generator) -> NDArray[np.int64]:
        """Any action, all equally likely."""
        return drawing.integers(0, self.actions, len(stacks))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of whole games and what they were played under."""

    game: str
    cartridge: str
    protocol: str
    epsilon: float
    scores: tuple[float, ...]
    frames: tuple[int, ...]
    """Length of each game in frames of the console."""
    cut: int
    """Games that the frame cap ended; they count with the score they had."""
    seconds: float

    @property
    def mean(self) -> Interval:
        return bootstrap(self.scores)

    @property
    def median(self) -> float:
        return float(np.median(self.scores))

    @property
    def normalised(self) -> float | None:
        """The mean where 0 is random play and 1 a person."""
        return human_normalised(self.cartridge, float(np.mean(self.scores)))

    def figures(self) -> dict[str, Any]:
        """Plain data, for checkpoints and programs."""
        mean = self.mean
        return {
            "game": self.game,
            "protocol": self.protocol,
            "epsilon": self.epsilon,
            "games": len(self.scores),
            "scores": list(self.scores),
            "score_mean": round(mean.value, 3),
            "score_low": round(mean.low, 3),
            "score_high": round(mean.high, 3),
            "score_median": round(self.median, 3),
            "human_normalised": None if self.normalised is None else round(self.normalised, 4),
            "cut": self.cut,
            "frames_mean": round(float(np.mean(self.frames)), 1),
            "seconds": round(self.seconds, 2),
        }

    def table(self) -> Table:
        """For people."""
        mean, person = self.mean, self.normalised
        rows: list[list[str | float | int | None]] = [
            ["mean", round(mean.value, 2)],
            ["95 % interval", f"{mean.low:.2f} to {mean.high:.2f}"],
            ["median", round(self.median, 2)],
            ["best and worst", f"{max(self.scores):g}, {min(self.scores):g}"],
            ["human-normalised", None if person is None else round(person, 3)],
            ["games", f"{len(self.scores)}, of which {self.cut} cut"],
            ["minutes of a game", round(float(np.mean(self.frames)) / 3600, 2)],
        ]
        title = f"{self.game}: {self.protocol}; {self.epsilon:g} of the actions by chance"
        if person is not None:
            title += f"; person and random play: {TABLE_NAME}"
        return Table(title=title, columns=["", "score"], rows=rows)


def evaluate(
    player: Player,
    game: str,
    view: View,
    *,
    protocol: Protocol,
    games: int,
    epsilon: float = EPSILON,
    seed: int = 0,
    told: Callable[[int], bool] | None = None,
) -> Evaluation:
    """Play so many whole games. `told` hears how many have ended, and says whether to go on.

    Each console plays its share of the games, so that short ones do not count more often than long ones.
    Raises `SettingError`, `MissingPart`; `ValueError` where nothing was played to its end.
    """
    begun = time.perf_counter()
    drawing = np.random.default_rng([seed, 77])
    consoles = Consoles(game, min(CONSOLES, games), protocol=protocol, view=view, seed=seed)
    left = [games // consoles.count + (at < games % consoles.count) for at in range(consoles.count)]
    ended: list[Ended] = []
    try:
        while any(left):
            moved = consoles.step(player.act(consoles.stacks, epsilon, drawing))
            for one in moved.ended:
                if left[one.console]:
                    left[one.console] -= 1
                    ended.append(one)
            if told is not None and not told(len(ended)):
                break
    finally:
        consoles.close()
    if not ended:
        raise ValueError("Expected one whole game at least.")
    return Evaluation(
        game=game,
        cartridge=consoles.cartridge,
        protocol=str(protocol),
        epsilon=epsilon,
        scores=tuple(one.score for one in ended),
        frames=tuple(one.frames for one in ended),
        cut=sum(one.cut for one in ended),
        seconds=time.perf_counter() - begun,
    )
