"""Returns of rewards: Monte Carlo, lambda and n-step, as float32 arrays (steps, num_envs).

`terminated` marks steps after which the value is 0: the end of the episode, or a lost life if that counts as
one. `truncated` marks steps at which the frame cap ended the episode: the value after them is bootstrapped.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


def monte_carlo_returns(rewards: Floats, discount: float) -> Floats:
    """`G_t = r_t + discount * G_{t+1}` of one whole episode, shape (steps,) (Sutton and Barto 2018, 5.1)."""
    returns = np.empty_like(rewards, dtype=np.float32)
    next_return = 0.0
    for step in reversed(range(len(rewards))):
        next_return = float(rewards[step]) + discount * next_return
        returns[step] = next_return
    return returns


def lambda_returns(
    rewards: Floats,
    next_values: Floats,
    terminated: Flags,
    truncated: Flags,
    *,
    discount: float,
    gae_lambda: float,
) -> Floats:
    """Lambda returns of a rollout, (steps, num_envs) (Sutton and Barto 2018, 12.1).

    `G_t = r_t + discount * ((1 - lambda) * V(s_{t+1}) + lambda * G_{t+1})`. Minus `V(s_t)` they are the
    generalised advantage estimates of Schulman et al. 2016. `next_values` are the values of the states after
    each step; for truncated steps, of the last state of the episode.
    """
    returns = np.empty_like(rewards, dtype=np.float32)
    next_return = next_values[-1]
    for step in reversed(range(len(rewards))):
        mixed = (1 - gae_lambda) * next_values[step] + gae_lambda * next_return
        mixed = np.where(truncated[step], next_values[step], mixed)
        returns[step] = rewards[step] + discount * np.where(terminated[step], 0.0, mixed)
        next_return = returns[step]
    return returns


def n_step_returns(
    rewards: Floats, terminated: Flags, truncated: Flags, *, discount: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Returns of up to n steps, from arrays (n, batch) (Sutton and Barto 2018, 7.1).

    Gives (returns, bootstrap_discounts, num_steps), each (batch,): the discounted sum of rewards, the factor
    of the value after it (0 for a terminated episode), and the number of steps summed. A truncated episode
    ends the sum, but keeps its value.
    """
    n, batch = rewards.shape
    returns = np.zeros(batch, np.float32)
    discounts = np.ones(batch, np.float32)
    num_steps = np.zeros(batch, np.int64)
    running = np.ones(batch, np.bool_)
    for step in range(n):
        returns += np.where(running, discounts * rewards[step], 0.0).astype(np.float32)
        num_steps += running
        discounts = np.where(running, discounts * discount, discounts).astype(np.float32)
        discounts = np.where(running & terminated[step], 0.0, discounts).astype(np.float32)
        running &= ~(terminated[step] | truncated[step])
    return returns, discounts, num_steps
