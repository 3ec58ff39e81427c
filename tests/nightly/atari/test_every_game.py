"""Tests of every listed Atari game: it starts, runs and produces frames."""

from contextlib import closing

import numpy as np
import pytest

from agp_tui.atari.vector_env import PROTOCOLS, ObservationSpec, VectorEnv
from agp_tui.games.atari import atari_ids, minimal_actions

FRAMES = 1_000
SKIP = 4


@pytest.mark.parametrize("game", atari_ids())
def test_game_starts_and_produces_changing_frames(game: str) -> None:
    """A thousand frames of random actions: frames are not black, and they change."""
    rng = np.random.default_rng(0)
    with closing(VectorEnv(game, 1, protocol=PROTOCOLS["sticky"], obs_spec=ObservationSpec(4, SKIP))) as env:
        assert env.actions == minimal_actions(game)
        pictures = set()
        for _ in range(FRAMES // SKIP):
            result = env.step(rng.integers(0, len(env.actions), 1))
            pictures.add(result.stacks[0, -1].tobytes())
            assert np.isfinite(result.rewards).all()
        assert env.frames == FRAMES
    assert result.stacks.shape == (1, 4, 84, 84) and result.stacks.any()
    assert len(pictures) > 1, "all frames are equal"
