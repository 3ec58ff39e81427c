"""What is written down of the games is what the console says."""

import pytest

from agp_tui.games.atari import atari_ids, default_keys, minimal_actions
from agp_tui.games.atari_actions import ACTIONS, known_actions, known_keys

pytest.importorskip("ale_py")


@pytest.mark.parametrize("actions", ACTIONS)
def test_a_game_of_each_kind_has_the_actions_that_the_console_says(actions: str) -> None:
    game = f"ALE/{ACTIONS[actions].split()[-1]}-v5"
    assert known_actions(game) == minimal_actions(game) == tuple(actions.split())
    assert known_keys(game) == default_keys(game)


def test_every_game_there_is_is_written_down_once() -> None:
    written = " ".join(ACTIONS.values()).split()
    assert sorted(f"ALE/{name}-v5" for name in written) == atari_ids()
