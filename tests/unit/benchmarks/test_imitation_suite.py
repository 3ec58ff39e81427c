"""The scores of the imitation suite, and the demonstrator of its race."""

import math

import pytest

from benchmarks.imitation_suite.pyracerz import CENTRE_LINE, CarState, Odometer, Racer, Track
from benchmarks.imitation_suite.suite import (
    GAMES,
    ImitationEntry,
    ImitationResult,
    Training,
    TrainingOutcome,
    imitation_table,
    normalised,
    pieces,
)


def test_scores_are_relative_to_constant_keys_and_demonstrator() -> None:
    assert normalised((2.0, 4.0, 8.0), (1.0, 3.0), (5.0, 7.0)) == (0.0, 0.5, 1.5)
    assert all(math.isnan(score) for score in normalised((2.0,), (1.0,), (1.0,)))


def test_longer_demonstrations_contain_the_shorter_ones() -> None:
    assert [(piece.start, piece.end) for piece in pieces("pyracerz", 10)] == [(0, 1), (1, 2), (2, 5), (5, 10)]
    assert pieces("pyracerz", 2) == pieces("pyracerz", 10)[:2]
    assert [(piece.start, piece.end) for piece in pieces("pyracerz", 0.3)] == [(0, 0.3)]
    nudged = pieces("pyracerz", 2, record_options="--nudge")
    assert [piece.record_options for piece in nudged] == ["--nudge"] * 2
    assert not set(nudged) & set(pieces("pyracerz", 2)), "other recordings"


def result(minutes: float, seed: int, *clone: float, options: str = "") -> ImitationResult:
    training = Training(
        game="pyracerz", minutes=minutes, seed=seed, label="1.0", frame_size=128, train_options=options
    )
    return ImitationResult(
        entry=ImitationEntry(training=training, drives=2, drive_seconds=60.0),
        machine="",
        clone=clone,
        demonstrator=(5.0, 5.0),
        constant=(1.0, 1.0),
        outcome=TrainingOutcome(entry=training, model="", seconds=1.0, why="epochs", validation={}),
    )


def test_table_has_a_row_per_training_and_a_column_per_length() -> None:
    results = [
        result(1, 0, 1.0, 1.0),
        result(2, 0, 5.0, 5.0),
        result(2, 1, 3.0, 3.0),
        result(2, 0, 2.0, 2.0, options="--flip"),
    ]
    table = imitation_table(results)
    assert table.columns[-2:] == ["1 min", "2 min"]
    default, flipped = table.rows
    assert default[:5] == ["pyracerz", "1.0, 128 px", 2, "1", "5"]
    assert default[5] == "0.00 (0.00 to 0.00)" and str(default[6]).startswith("0.75 (0.5")
    assert flipped[1] == "1.0, 128 px --flip" and flipped[5] is None
    assert str(flipped[6]).startswith("0.25")


def test_models_of_different_trainings_have_different_names() -> None:
    found = [result(2, seed, 1.0, options=options) for seed in (0, 1) for options in ("", "--flip")]
    assert len({one.entry.training.model_name for one in found}) == 4


def test_games_have_distinct_names_and_hold_their_constant_keys() -> None:
    for name, game in GAMES.items():
        assert game.name == name and game.constant <= set(game.keys)


def car(position: float, steps: int = 0, *, speed: float = 3.0, turned: float = 0.0) -> CarState:
    """A car on the centre line, which points along it if not `turned`, in radians clockwise."""
    track = Track(CENTRE_LINE)
    (x, y), (ahead_x, ahead_y) = track.point(position), track.point(position + 5)
    angle = math.atan2(ahead_y - y, ahead_x - x) - math.pi + turned
    return CarState(time=steps / 100, x=x, y=y, angle=angle, speed=speed, steps=steps)


def test_odometer_counts_laps_in_the_direction_of_the_race() -> None:
    length = Track(CENTRE_LINE).length
    forwards, backwards = Odometer(Track(CENTRE_LINE)), Odometer(Track(CENTRE_LINE))
    assert forwards.laps_per_minute == 0
    for number in range(61):
        forwards.observe(car(number * length / 20, 100 * number))
        backwards.observe(car(-number * length / 20, 100 * number))
    assert forwards.laps_per_minute == pytest.approx(3)
    assert backwards.laps_per_minute == pytest.approx(-3)


def test_racer_steers_back_to_the_line_and_accelerates_on_a_straight() -> None:
    straight = 2600.0
    assert Racer(0).decide(car(straight)) == {"up"}
    assert "right" in Racer(0).decide(car(straight, turned=-0.6))
    assert "left" in Racer(0).decide(car(straight, turned=0.6))


def test_racer_backs_off_from_what_stops_it() -> None:
    racer = Racer(0)
    keys = [racer.decide(car(2600.0, steps, speed=0.0)) for steps in range(0, 200, 2)]
    assert "up" in keys[0]
    assert any("down" in one for one in keys[50:60]) and "up" in keys[-1]


def test_racer_brakes_before_a_bend() -> None:
    track = Track(CENTRE_LINE)
    bend = track.position(918, 622)
    assert "up" not in Racer(0).decide(car(bend - 80, speed=3.5))
