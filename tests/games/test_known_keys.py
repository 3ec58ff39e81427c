"""What is written down of the games is what the console says."""

import pytest

from agp_tui.games.atari import atari_ids, default_keys
from agp_tui.games.known_keys import KEYS, known_keys

pytest.importorskip("ale_py")


@pytest.mark.parametrize("keys", KEYS)
def test_a_game_of_each_kind_has_the_keys_that_the_console_says(keys: str) -> None:
    game = f"ALE/{KEYS[keys].split()[-1]}-v5"
    assert known_keys(game) == default_keys(game) == tuple(keys.split())


def test_every_game_there_is_is_written_down_once() -> None:
    written = " ".join(KEYS.values()).split()
    assert sorted(f"ALE/{name}-v5" for name in written) == atari_ids()
