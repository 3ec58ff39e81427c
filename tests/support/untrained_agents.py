"""Untrained agents with varied actions, for tests that do not need a good agent."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agp_tui.atari.checkpoint import AgentCheckpoint, save_agent
from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import EvalProtocol, ObservationSpec, VectorEnv
from agp_tui.config import AtariSettings
from agp_tui.games.atari import minimal_actions

RANDOM_STEPS = 100
VIEW = ObservationSpec()


def untrained_agent(
    game: str = "ALE/Pong-v5",
    *,
    obs_spec: ObservationSpec = VIEW,
    seed: int = 0,
    always: int | None = None,
    **others: Any,
) -> AgentCheckpoint:
    """A compact agent whose preferences vary with the observation, or that `always` takes one action."""
    torch.manual_seed(seed)
    actions = minimal_actions(game)
    spec = AgentSpec("compact", "policy", obs_spec.frames, obs_spec.height, obs_spec.width, len(actions))
    network = AgentNetwork(spec)
    if always is None:
        _normalize_scores(network, game, obs_spec)
    else:
        torch.nn.init.constant_(network.scores.bias[always : always + 1], 10.0)
    fields: dict[str, Any] = {
        "spec": spec,
        "game": game,
        "actions": actions,
        "algorithm": "ppo",
        "skip": obs_spec.skip,
        "protocol": "sticky",
        "weights": network.state_dict(),
        "counters": {"steps": 12_288},
        "settings": asdict(AtariSettings(game=game)),
    }
    return AgentCheckpoint(**{**fields, **others})


def write_agent(path: Path, checkpoint: AgentCheckpoint) -> Path:
    """Save the agent to `path` and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_agent(path, checkpoint)
    return path


def _normalize_scores(network: AgentNetwork, game: str, obs_spec: ObservationSpec) -> None:
    """Normalize the score of each action over observations of random play."""
    envs = VectorEnv(game, 1, protocol=EvalProtocol(0.0), obs_spec=obs_spec)
    random, seen = np.random.default_rng(0), []
    for _ in range(RANDOM_STEPS):
        seen.append(envs.stacks)
        envs.step(random.integers(0, len(envs.actions), 1))
    envs.close()
    with torch.no_grad():
        scores, _ = network(torch.from_numpy(np.concatenate(seen)))
        spread = scores.std(0).clamp(min=1e-4)
        network.scores.weight /= spread[:, None]
        network.scores.bias.copy_((network.scores.bias - scores.mean(0)) / spread)
