"""Tests of the listed actions of each game against the emulator."""

import pytest

from agp_tui.games.atari import atari_ids, default_keys, minimal_actions
from agp_tui.games.atari_actions import ACTIONS, known_actions, known_keys

pytest.importorskip("ale_py")


@pytest.mark.parametrize("actions", ACTIONS)
def test_listed_actions_equal_the_emulators(actions: str) -> None:
    game = f"ALE/{ACTIONS[actions].split()[-1]}-v5"
    assert known_actions(game) == minimal_actions(game) == tuple(actions.split())
    assert known_keys(game) == default_keys(game)


def test_every_game_is_listed_once() -> None:
    written = " ".join(ACTIONS.values()).split()
    assert sorted(f"ALE/{name}-v5" for name in written) == atari_ids()
