"""Weights to start from, learned from recordings: what their player did, and what came of it."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.atari.demonstrations import Demonstrations
from agp_tui.atari.knobs import Knobs
from agp_tui.atari.networks import AgentNetwork

BATCH = 256
LEARNING_RATE = 5e-4
HELD_OUT = 0.1
"""The last share of the decisions is not learned from, but told how well it is met."""
MARGIN = 0.8
"""What the player's action must be worth more than any other (Hester et al. 2018)."""


def clone(
    network: AgentNetwork,
    demonstrations: Demonstrations,
    knobs: Knobs,
    *,
    minutes: float,
    half: bool,
    seed: int,
    told: Callable[[float, dict[str, float]], bool],
) -> float:
    """Learn for so many minutes; the share of held-out decisions in which it prefers the player's action.

    A policy learns to prefer the player's actions and what their states led to; values learn what the
    player's actions led to, and that others are worth less. `told` hears the share that is over and
    figures, and says whether to go on.
    """
    drawing = np.random.default_rng([seed, 5])
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, fused=True)
    returns = demonstrations.returns(knobs.discount, clip=knobs.clip_rewards)
    learned = max(1, round(len(demonstrations) * (1 - HELD_OUT)))
    chances = _chances(demonstrations.actions[:learned])
    begun, progress = time.monotonic(), 0.0
    while progress < 1.0:
        places = drawing.choice(learned, BATCH, p=chances)
        loss, agreed = _judged(network, demonstrations, returns, places, half)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        progress = min(1.0, (time.monotonic() - begun) / 60 / minutes)
        if not told(progress, {"loss": loss.item(), "agreement": agreed}):
            break
    held_out = np.arange(learned, len(demonstrations))
    with torch.no_grad():
        parts = np.array_split(held_out, max(1, len(held_out) // BATCH))
        agreements = [_judged(network, demonstrations, returns, part, half)[1] for part in parts if len(part)]
    return float(np.mean(agreements)) if agreements else 0.0


def _chances(actions: np.ndarray) -> np.ndarray:
    """How likely each decision is drawn: rare actions more often than they were taken, but not as often as
    usual ones.
    """
    weights = 1 / np.sqrt(np.bincount(actions))[actions]
    return np.asarray(weights / weights.sum())


def _judged(
    network: AgentNetwork, shown: Demonstrations, returns: np.ndarray, places: np.ndarray, half: bool
) -> tuple[Tensor, float]:
    """The loss of these decisions, and the share in which the network prefers what was done."""
    device = next(network.parameters()).device
    stacks = torch.from_numpy(shown.stacks(places, network.spec.frames)).to(device)
    actions = torch.from_numpy(shown.actions[places]).to(device)
    aims = torch.from_numpy(returns[places]).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        scores, values = network(stacks)
    agreed = float((scores.argmax(1) == actions).float().mean())
    if network.spec.head == "policy":
        return functional.cross_entropy(scores, actions) + 0.5 * functional.mse_loss(values, aims), agreed
    chosen = scores.gather(1, actions[:, None])[:, 0]
    others = scores + MARGIN * (1 - functional.one_hot(actions, scores.shape[1]))
    return functional.mse_loss(chosen, aims) + (others.max(1).values - chosen).mean(), agreed
