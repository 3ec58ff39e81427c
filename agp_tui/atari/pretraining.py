"""Pretraining on demonstrations: the first weights of a training are cloned from recordings of the game."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agp_tui.atari.checkpoint import AgentCheckpoint, save_agent
from agp_tui.atari.demonstrations import Demonstrations, load_demonstrations
from agp_tui.atari.hyperparameters import Hyperparameters, resolve_hyperparameters
from agp_tui.atari.networks import AgentNetwork, bf16_is_faster
from agp_tui.atari.trainer import make_network, observation_spec
from agp_tui.config import AtariSettings
from agp_tui.engine.job import Job
from agp_tui.games.atari import minimal_actions
from agp_tui.protocol.events import Progress

BATCH_SIZE = 256
LEARNING_RATE = 5e-4
VALIDATION_SHARE = 0.1
"""The last share of the decisions is held out for validation."""
MARGIN = 0.8
"""Of the large-margin loss (Hester et al. 2018, DQfD)."""
PRETRAINED = "start.pt"
REPORT_SECONDS = 1.0


def behavior_cloning(
    network: AgentNetwork,
    demonstrations: Demonstrations,
    hyperparameters: Hyperparameters,
    *,
    minutes: float,
    bf16: bool,
    seed: int,
    on_progress: Callable[[float, dict[str, float]], bool],
) -> float:
    """Train for `minutes`; returns the share of validation decisions with the demonstrator's action.

    A policy is trained by cross-entropy, its value head on Monte Carlo returns. A Q-network is trained on the
    returns of the demonstrator's actions, with a large-margin loss on the others. `on_progress` gets the
    elapsed share and metrics, and returns whether to go on.
    """
    rng = np.random.default_rng([seed, 5])
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, fused=True)
    returns = demonstrations.returns(hyperparameters.discount, clip=hyperparameters.clip_rewards)
    first = int(np.argmin(demonstrations.excluded))
    # At least one decision to learn from.
    train_size = max(first + 1, round(len(demonstrations) * (1 - VALIDATION_SHARE)))
    used = ~demonstrations.excluded[:train_size]
    probabilities = _sampling_probabilities(demonstrations.actions[:train_size], used)
    started, progress = time.monotonic(), 0.0
    while progress < 1.0:
        indices = rng.choice(train_size, BATCH_SIZE, p=probabilities)
        loss, agreement = _loss_and_agreement(network, demonstrations, returns, indices, bf16)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        progress = min(1.0, (time.monotonic() - started) / 60 / minutes)
        if not on_progress(progress, {"loss": loss.item(), "agreement": agreement}):
            break
    validation = train_size + np.flatnonzero(~demonstrations.excluded[train_size:])
    with torch.no_grad():
        batches = np.array_split(validation, max(1, len(validation) // BATCH_SIZE))
        agreements = [
            _loss_and_agreement(network, demonstrations, returns, batch, bf16)[1]
            for batch in batches
            if len(batch)
        ]
    return float(np.mean(agreements)) if agreements else 0.0


def _sampling_probabilities(actions: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Probability of each decision: proportional to `1 / sqrt(frequency of its action)`; 0 unless `used`."""
    weights = used / np.sqrt(np.maximum(np.bincount(actions[used], minlength=actions.max() + 1), 1))[actions]
    return np.asarray(weights / weights.sum())


def _loss_and_agreement(
    network: AgentNetwork,
    demonstrations: Demonstrations,
    returns: np.ndarray,
    indices: np.ndarray,
    bf16: bool,
) -> tuple[Tensor, float]:
    """The loss of these decisions, and the share with the demonstrator's action as the greedy one."""
    device = next(network.parameters()).device
    stacks = torch.from_numpy(demonstrations.stacks(indices, network.spec.frames)).to(device)
    actions = torch.from_numpy(demonstrations.actions[indices]).to(device)
    targets = torch.from_numpy(returns[indices]).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        scores, values = network(stacks)
    agreement = float((scores.argmax(1) == actions).float().mean())
    if network.spec.head == "policy":
        loss = functional.cross_entropy(scores, actions) + 0.5 * functional.mse_loss(values, targets)
        return loss, agreement
    chosen = scores.gather(1, actions[:, None])[:, 0]
    with_margin = scores + MARGIN * (1 - functional.one_hot(actions, scores.shape[1]))
    return functional.mse_loss(chosen, targets) + (with_margin.max(1).values - chosen).mean(), agreement


def pretrain(settings: AtariSettings, recordings: Sequence[Path], folder: Path, job: Job) -> Path:
    """Clone the player of these recordings; returns the checkpoint in `folder`. Raises `RecordingError`."""
    torch.manual_seed(settings.seed)
    hyperparameters, actions = resolve_hyperparameters(settings), minimal_actions(settings.game)
    obs_spec = observation_spec(settings)
    job.note(f"Reading {len(recordings)} recordings.")
    demonstrations = load_demonstrations(recordings, settings.game, obs_spec, actions)
    network = make_network(settings, hyperparameters, obs_spec, len(actions))
    if torch.cuda.is_available():
        network.to("cuda")
    reported = 0.0

    def report(progress: float, metrics: dict[str, float]) -> bool:
        nonlocal reported
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            rounded = {name: round(value, 4) for name, value in metrics.items()}
            job.emit(Progress(done=round(100 * progress, 1), total=100, unit="%", metrics=rounded))
        return not job.stopping

    agreement = behavior_cloning(
        network,
        demonstrations,
        hyperparameters,
        minutes=settings.clone_minutes,
        bf16=bf16_is_faster(network),
        seed=settings.seed,
        on_progress=report,
    )
    job.note(
        f"Trained on 9 in 10 of the {len(demonstrations)} recorded decisions; {agreement:.0%} of the others"
        " are predicted correctly."
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_agent(
        folder / PRETRAINED,
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
    return folder / PRETRAINED
