"""A training that begins where recordings of the game end: its first weights are a clone of their player."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.atari.checkpoint import AgentCheckpoint, save_agent
from agp_tui.atari.demonstrations import Demonstrations, demonstrations
from agp_tui.atari.hyperparameters import Knobs, decide_knobs
from agp_tui.atari.networks import AgentNetwork, bf16_is_faster
from agp_tui.atari.trainer import make_network, view_of
from agp_tui.config import AtariSettings
from agp_tui.engine.job import Job
from agp_tui.games.atari import minimal_actions
from agp_tui.protocol.events import Progress

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


START = "start.pt"
TELL_SECONDS = 1.0


def clone_start(settings: AtariSettings, recordings: Sequence[Path], folder: Path, job: Job) -> Path:
    """Clone the player of these recordings; the checkpoint in `folder`. Raises `RecordingError`."""
    torch.manual_seed(settings.seed)
    view, knobs, actions = view_of(settings), decide_knobs(settings), minimal_actions(settings.game)
    job.note(f"Reading {len(recordings)} recordings.")
    shown = demonstrations(recordings, settings.game, view, actions)
    network = make_network(settings, knobs, view, len(actions))
    if torch.cuda.is_available():
        network.to("cuda")
    told = 0.0

    def tell(progress: float, figures: dict[str, float]) -> bool:
        nonlocal told
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            rounded = {name: round(value, 4) for name, value in figures.items()}
            job.emit(Progress(done=round(100 * progress, 1), total=100, unit="%", metrics=rounded))
        return not job.stopping

    agreement = clone(
        network,
        shown,
        knobs,
        minutes=settings.clone_minutes,
        half=bf16_is_faster(network),
        seed=settings.seed,
        told=tell,
    )
    job.note(
        f"Of {len(shown)} decisions in the recordings it was shown 9 in 10; of the others it would take"
        f" {agreement:.0%} alike."
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_agent(
        folder / START,
        AgentCheckpoint(
            spec=network.spec,
            game=settings.game,
            actions=actions,
            algorithm=settings.algorithm,
            skip=settings.skip_frames,
            protocol=settings.protocol,
            weights=network.state_dict(),
            settings=asdict(settings),
        ),
    )
    return folder / START
