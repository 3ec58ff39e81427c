"""Every game that the list shows starts, runs and is seen."""

from contextlib import closing

import numpy as np
import pytest

from agp_tui.atari.vector_env import PROTOCOLS, Consoles, View
from agp_tui.games.atari import atari_ids, minimal_actions

FRAMES = 1_000
SKIP = 4


@pytest.mark.parametrize("game", atari_ids())
def test_a_game_starts_runs_and_is_seen(game: str) -> None:
    """A thousand frames by chance. What is seen is never black throughout, and it moves."""
    drawing = np.random.default_rng(0)
    with closing(Consoles(game, 1, protocol=PROTOCOLS["sticky"], view=View(4, SKIP))) as consoles:
        assert consoles.actions == minimal_actions(game)
        pictures = set()
        for _ in range(FRAMES // SKIP):
            moved = consoles.step(drawing.integers(0, len(consoles.actions), 1))
            pictures.add(moved.stacks[0, -1].tobytes())
            assert np.isfinite(moved.rewards).all()
        assert consoles.frames == FRAMES
    assert moved.stacks.shape == (1, 4, 84, 84) and moved.stacks.any()
    assert len(pictures) > 1, "nothing moves"
