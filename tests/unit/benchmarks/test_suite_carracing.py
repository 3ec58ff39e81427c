"""Decisions of the driver of CarRacing, from states made by hand."""

import math

from agp_tui.keys.state import Keys
from benchmarks.imitation_suite.carracing import Driver, DriveState, RoadPoint

TILE = 3.5


def bend(turn: float, *, straight: int = 0, tiles: int = 12) -> list[RoadPoint]:
    """A road that begins at the car; after `straight` tiles each turns right by `turn` radians."""
    side, ahead, direction = 0.0, 0.0, 0.0
    road = []
    for number in range(tiles):
        direction += turn if number >= straight else 0.0
        side, ahead = side + TILE * math.sin(direction), ahead + TILE * math.cos(direction)
        road.append(RoadPoint(side, ahead))
    return road


def state(
    road: list[RoadPoint], *, time: float = 0.0, speed: float = 25.0, drift: float = 0.0, turn: float = 0.0
) -> DriveState:
    return DriveState(time=time, steps=0, score=0.0, speed=speed, drift=drift, turn=turn, road=road)


def decided(one: DriveState) -> Keys:
    return Driver().decide(one)


def test_straight_road_is_driven_with_gas_alone() -> None:
    assert decided(state(bend(0.0))) == {"up"}


def test_bends_are_steered_into() -> None:
    assert "right" in decided(state(bend(0.25)))
    assert "left" in decided(state(bend(-0.25)))


def test_driver_steers_back_to_the_road() -> None:
    left_of_it = [RoadPoint(point.side + 8, point.ahead) for point in bend(0.0)]
    assert "right" in decided(state(left_of_it))


def test_speed_is_chosen_by_the_sharpest_bend_in_view() -> None:
    assert "up" in decided(state(bend(0.3, straight=8), speed=15))
    assert "up" not in decided(state(bend(0.3, straight=8), speed=32))
    assert "up" in decided(state(bend(0.0), speed=30))
    assert "up" not in decided(state(bend(0.0), speed=35))


def test_turn_of_the_car_is_anticipated() -> None:
    """The car turns into the bend fast enough to point past it when a key has an effect."""
    assert "right" in decided(state(bend(0.1)))
    assert decided(state(bend(0.1), turn=-2.5)) & {"left", "right"} != {"right"}


def test_steering_that_has_no_effect_yet_is_anticipated() -> None:
    """The pictures do not change, but the key will have turned the car enough."""
    driver = Driver()
    aside = [RoadPoint(point.side + 7, point.ahead) for point in bend(0.0)]
    pressed = ["right" in driver.decide(state(aside, time=number / 50, speed=38)) for number in range(12)]
    assert pressed[0] and not pressed[-1]
    assert "right" in decided(state(aside, time=11 / 50, speed=38))


def test_small_errors_are_not_corrected() -> None:
    aside = [RoadPoint(point.side + 2, point.ahead) for point in bend(0.0)]
    assert decided(state(aside)) == {"up"}
