"""Tests of views: matching windows, placing the region, warnings about sizes."""

import pytest

from agp_tui.errors import DisplayError
from agp_tui.games.view import (
    View,
    Window,
    WindowInfo,
    differing_views,
    find_window,
    matching_windows,
    placed,
    resize_warning,
    size_warning,
)

RACER = WindowInfo(title="Racer - Browser", class_name="Browser", instance="browser", box=(100, 80, 640, 480))
VIEW = View(region=(140, 100, 320, 240), display_size=(1920, 1080), window=RACER)


def window(
    number: int, title: str = RACER.title, class_name: str = "Browser", visible: bool = True
) -> Window:
    info = WindowInfo(title=title, class_name=class_name, instance="browser", box=(10 * number, 0, 640, 480))
    return Window(number, info, visible)


def test_region_moves_and_scales_with_the_window() -> None:
    assert placed(VIEW, (100, 80, 640, 480)) == (140, 100, 320, 240)
    assert placed(VIEW, (-50, 300, 640, 480)) == (-10, 320, 320, 240)
    assert placed(VIEW, (0, 0, 1280, 960)) == (80, 40, 640, 480)
    assert placed(VIEW, (0, 0, 1, 1)) == (0, 0, 1, 1), "never empty"
    assert placed(View(region=(1, 2, 3, 4)), (9, 9, 9, 9)) == (1, 2, 3, 4), "without a window it stays"


def test_window_is_found_by_class_and_then_by_title() -> None:
    assert find_window(VIEW, [window(1, "Editor", "Editor"), window(2)], "it").id == 2
    assert find_window(VIEW, [window(1, "Racer, level 2", "Browser")], "it").id == 1, "the class decides"
    assert find_window(VIEW, [window(1, "Mail - Browser"), window(2)], "it").id == 2
    found = [window(1, "Racer 2 - Browser"), window(2, "A quite different page")]
    assert find_window(VIEW, found, "it").id == 1, "the closest title"
    assert find_window(VIEW, [window(1, visible=False), window(2)], "it").id == 2


def test_instance_decides_between_programs_of_one_class() -> None:
    other = Window(1, WindowInfo(title=RACER.title, class_name="Browser", instance="mail", box=RACER.box))
    assert find_window(VIEW, [other, window(2, "Racer")], "it").id == 2


def test_window_without_a_class_needs_its_title() -> None:
    nameless = WindowInfo(title="Racer", box=(0, 0, 50, 50))
    assert matching_windows(nameless, [window(1, "Mail", ""), window(2, "Racer", "")])[0].id == 2
    assert matching_windows(nameless, [window(1, "Mail", "")]) == []


@pytest.mark.parametrize(
    ("windows", "message", "hint"),
    [
        ([], "no window", "Start the game"),
        ([window(1, "Editor", "Editor")], "'Editor' (Editor) 640x480 at 10,0", "Start the game"),
        ([window(1), window(2)], "found 2: .*10,0.*20,0", "--region 50,20,320,240 or --region 60,20,320,240"),
        ([window(1, "Racer 1 - Browser"), window(2, "Racer 2 - Browser")], "found 2", "--region"),
        ([window(1, visible=False)], "minimised", "front"),
    ],
)
def test_missing_or_ambiguous_window_raises_error(windows: list[Window], message: str, hint: str) -> None:
    with pytest.raises(DisplayError, match=message.replace("(", r"\(").replace(")", r"\)")) as error:
        find_window(VIEW, windows, "the last recording")
    assert "Racer - Browser" in error.value.message and "the last recording" in error.value.message
    assert hint in error.value.hint


def test_resized_window_is_reported() -> None:
    def now(width: int, height: int) -> WindowInfo:
        return WindowInfo(title="Racer", class_name="Browser", box=(0, 0, width, height))

    assert resize_warning(VIEW, now(640, 480), "it") == ""
    larger = resize_warning(VIEW, now(1280, 960), "it")
    assert "1280x960 now, 640x480 in it" in larger and "640x480." in larger and "proportions" not in larger
    assert "proportions differ" in resize_warning(VIEW, now(800, 480), "it")


def test_region_of_another_scale_or_proportions_is_reported() -> None:
    same, large = RACER, WindowInfo(class_name="Browser", box=(0, 0, 1280, 960))
    assert size_warning(VIEW, (0, 0, 320, 240), same, "it", "this") == ""
    assert size_warning(VIEW, (0, 0, 322, 241), same, "it", "this") == "", "a pixel more is the same scale"
    assert size_warning(VIEW, (0, 0, 640, 480), large, "it", "this") == "", "as large as the window"
    scale = size_warning(VIEW, (0, 0, 256, 192), same, "the model M", "the chosen region")
    assert scale == (
        "The chosen region is 256x192 pixels, that of the model M 320x240: frames have another scale."
    )
    assert "now 640x480: frames have another scale" in size_warning(
        VIEW, (0, 0, 320, 240), large, "it", "this"
    )
    assert "other proportions" in size_warning(VIEW, (0, 0, 320, 320), None, "it", "this")


def test_recordings_of_different_views_are_reported() -> None:
    moved = View(
        region=(500, 500, 320, 240), window=WindowInfo(class_name="Browser", box=(460, 480, 640, 480))
    )
    assert differing_views([]) == differing_views([VIEW, moved]) == ""
    small = View(region=(0, 0, 128, 96))
    assert "320x240 in the window" in differing_views([VIEW, moved, small])
    assert "128x96 of the screen" in differing_views([VIEW, small])
