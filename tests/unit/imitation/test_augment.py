import pytest

from agp_tui.errors import SettingError
from agp_tui.imitation.augmentation import mirrored_key_order


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (("up", "left", "right", "down"), [0, 2, 1, 3]),
        (("d", "space", "a"), [2, 1, 0]),
        (("a", "d", "left", "right"), [1, 0, 3, 2]),
    ],
)
def test_mirroring_swaps_key_pairs(keys: tuple[str, ...], order: list[int]) -> None:
    assert mirrored_key_order(keys).tolist() == order


@pytest.mark.parametrize("keys", [("left", "up"), ("up", "right"), ("left", "right", "a"), ("up", "space")])
def test_incomplete_key_pairs_are_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(SettingError, match="to mirror windows") as error:
        mirrored_key_order(keys)
    assert "--flip" in error.value.hint
