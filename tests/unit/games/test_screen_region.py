"""Tests of the screen region of a game."""

import pytest

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError, SettingError
from agp_tui.games.screen_region import ScreenRegion

SCREEN = ScreenRegion(0, 0, 1024, 768)


def test_center_and_size() -> None:
    assert ScreenRegion.of(GameSettings(center=(300, 200), size=100)) == ScreenRegion(250, 150, 100, 100)


def test_region_overrides_center() -> None:
    assert ScreenRegion.of(GameSettings(center=(1, 1), region=(5, 6, 70, 80))) == ScreenRegion(5, 6, 70, 80)


def test_missing_region_and_center_is_refused() -> None:
    with pytest.raises(SettingError, match="Expected --center or --region"):
        ScreenRegion.of(GameSettings())


def test_empty_region_is_refused() -> None:
    with pytest.raises(SettingError, match="found 0x5"):
        ScreenRegion.of(GameSettings(region=(1, 2, 0, 5)))


def test_visible_part_of_a_region() -> None:
    assert ScreenRegion(10, 20, 30, 40).on(SCREEN, ":0") == ScreenRegion(10, 20, 30, 40)
    assert ScreenRegion(-10, 760, 30, 40).on(SCREEN, ":0") == ScreenRegion(0, 760, 20, 8)
    assert ScreenRegion(-5, -5, 2000, 2000).on(SCREEN, ":0") == SCREEN
    # A monitor to the left of the main one has negative coordinates on some systems.
    assert ScreenRegion(-100, 0, 50, 50).on(ScreenRegion(-1920, 0, 3840, 1080), "") == ScreenRegion(
        -100, 0, 50, 50
    )


def test_region_off_the_screen_is_refused() -> None:
    for box in (ScreenRegion(1024, 0, 10, 10), ScreenRegion(0, -10, 10, 10)):
        with pytest.raises(DisplayError, match="1024x768"):
            box.on(SCREEN, ":0")
