"""Decisions of the pilot of SolarWolf, from states made by hand."""

import pytest

from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.solarwolf import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Mover,
    Pilot,
    Point,
    WolfState,
    moved,
)

CENTER = Point(350, 295)
STILL = Point(0, 0)
TO_THE_RIGHT = Point(1, 0)


def state(
    *boxes: tuple[float, float],
    ship: Point = CENTER,
    heading: Point = STILL,
    dangers: tuple[Mover, ...] = (),
    playing: bool = True,
) -> WolfState:
    """A state with boxes at offsets from the ship."""
    return WolfState(
        time=0.0, playing=playing, score=0, ship=ship, heading=heading, dangers=list(dangers),
        boxes=[Point(ship.x + x, ship.y + y) for x, y in boxes],
    )  # fmt: skip


def decided(one: WolfState) -> Keys:
    return Pilot().decide(one)


@pytest.mark.parametrize(
    ("box", "key"), [((150, 0), "right"), ((-150, 0), "left"), ((0, 150), "down"), ((0, -150), "up")]
)
def test_pilot_flies_to_the_only_box(box: tuple[float, float], key: str) -> None:
    assert decided(state(box)) == {key}


def test_nearest_box_comes_first() -> None:
    assert decided(state((150, 0), (0, -60))) == {"up"}


def test_box_that_is_missed_a_little_counts_as_straight_ahead() -> None:
    assert decided(state((150, 20), (0, -220))) == {"right"}


def test_ship_turns_in_time_for_the_row_of_a_box() -> None:
    """The ship flies 35 pixels during the delay of a person."""
    pilot = Pilot()
    pilot.decide(state((200, 0)))
    assert pilot.decide(state((120, -100), heading=TO_THE_RIGHT)) == {"right"}
    assert pilot.decide(state((40, -100), heading=TO_THE_RIGHT)) == {"up"}


def test_direction_is_kept_unless_another_box_is_much_nearer() -> None:
    pilot = Pilot()
    assert pilot.decide(state((100, 0))) == {"right"}
    assert pilot.decide(state((100, 0), (0, 90))) == {"right"}
    assert decided(state((100, 0), (0, 90))) == {"down"}
    assert pilot.decide(state((250, 0), (0, 50))) == {"down"}


def test_shot_in_the_way_is_avoided() -> None:
    boxes = (150, 0), (0, -220)
    assert decided(state(*boxes)) == {"right"}
    crossing = Mover(CENTER.x + 100, CENTER.y + 60, 0, -3)
    assert decided(state(*boxes, dangers=(crossing,))) != {"right"}
    passing = Mover(CENTER.x + 100, CENTER.y + 60, 0, 3)
    assert decided(state(*boxes, dangers=(passing,))) == {"right"}


def test_nothing_is_pressed_between_lives_and_levels() -> None:
    assert decided(state((150, 0), playing=False)) == frozenset()
    assert decided(state()) == frozenset()


def test_ship_stops_at_the_walls() -> None:
    for direction, end in (
        (Point(1, 0), Point(RIGHT, 295)),
        (Point(-1, 0), Point(LEFT, 295)),
        (Point(0, 1), Point(350, BOTTOM)),
        (Point(0, -1), Point(350, TOP)),
    ):
        assert moved(CENTER, direction, 10) == end
