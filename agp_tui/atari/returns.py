"""What is expected from each step on: returns and advantages, all as arrays (steps, games).

`over` marks steps after which nothing more can come of the game (its end, or a life lost where that
counts as an end): the value behind them is 0. `cut` marks steps after which a game goes on elsewhere
(the frame cap): the value there is not 0, so it is given as `cut_values`.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


def monte_carlo_returns(rewards: Floats, discount: float) -> Floats:
    """`G = r + discount * G'` of one whole game, shape (steps,): every visit (Sutton and Barto 5.1)."""
    returns = np.empty_like(rewards, dtype=np.float32)
    following = 0.0
    for step in reversed(range(len(rewards))):
        following = float(rewards[step]) + discount * following
        returns[step] = following
    return returns


def lambda_returns(
    rewards: Floats, following: Floats, over: Flags, cut: Flags, *, discount: float, decay: float
) -> Floats:
    """Lambda returns (Sutton and Barto 12.1) of a rollout, (steps, games).

    `following` are the values of the states that follow each step, the last state of a game that was
    cut included.
    """
    returns = np.empty_like(rewards, dtype=np.float32)
    later = following[-1]
    for step in reversed(range(len(rewards))):
        mixed = np.where(cut[step], following[step], (1 - decay) * following[step] + decay * later)
        returns[step] = rewards[step] + discount * np.where(over[step], 0.0, mixed)
        later = returns[step]
    return returns


def n_step_returns(
    rewards: Floats, over: Flags, cut: Flags, *, discount: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Returns of up to n steps, from arrays (n, batch): what each batch entry gathers from its first step on.

    Gives (returns, discounts, steps), each (batch,): the sum of discounted rewards, what the value behind
    it is worth (0 where the game was over), and how many steps it spans. A game that was cut ends the
    sum, but keeps its value.
    """
    steps, batch = rewards.shape
    returns = np.zeros(batch, np.float32)
    worth = np.ones(batch, np.float32)
    spans = np.zeros(batch, np.int64)
    going = np.ones(batch, np.bool_)
    for step in range(steps):
        returns += np.where(going, worth * rewards[step], 0.0).astype(np.float32)
        spans += going
        worth = np.where(going, worth * discount, worth).astype(np.float32)
        worth = np.where(going & over[step], 0.0, worth).astype(np.float32)
        going &= ~(over[step] | cut[step])
    return returns, worth, spans
