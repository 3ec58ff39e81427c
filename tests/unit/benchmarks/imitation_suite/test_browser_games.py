"""The demonstrators of the games in a browser, each against a simulation of its game."""

import math
import random

import pytest

from agp_tui.games.human_like import TYPICAL_DELAY, HumanLike
from benchmarks.imitation_suite.brickout import BrickoutDemonstrator, BrickoutState
from benchmarks.imitation_suite.trex import TrexDemonstrator, TrexState

STEP = 1 / 60


def trex_state(time: float, *obstacles: tuple[float, float, float, float], **values: float) -> TrexState:
    """A dinosaur that runs, or with `height` and `rise`, in the air."""
    height = values.get("height", 0.0)
    return TrexState(
        time=time, game=1, playing=True, score=0, speed=values.get("speed", 6.0), left=50, height=height,
        rise=values.get("rise", 0.0), jumping=height > 0, obstacles=list(obstacles),
    )  # fmt: skip


@pytest.mark.parametrize("speed", [6.0, 9.0, 12.0])
def test_the_runner_clears_cacti_with_human_delays(speed: float) -> None:
    player = HumanLike(TrexDemonstrator(), ("up", "down"), seed=4)
    distance, height, rise, held = 0.0, 0.0, 0.0, False
    gaps = random.Random(5)
    cacti = [600.0]
    while len(cacti) < 40:
        cacti.append(cacti[-1] + 35 + gaps.uniform(1.0, 1.5) * (35 * speed + 72))
    hit: set[float] = set()
    for frame in range(round((cacti[-1] + 100) / speed)):
        now = frame * STEP
        visible = [(x - distance, 34.0, 105.0, 0.0) for x in cacti if -34 < x - distance < 600]
        player.see(trex_state(now, *visible, speed=speed, height=height, rise=rise))
        pressed = "up" in player.keys(now)
        if pressed and not held and height == 0:
            rise = 10 + speed / 10
        held = pressed
        if height > 0 or rise > 0:
            height, rise = max(0.0, height + rise), rise - 0.6
            rise = rise if height > 0 else 0.0
        distance += speed
        # The feet are narrower than the dinosaur, and cacti are as high as 35 pixels.
        hit |= {x for x in cacti if x - distance < 74 and x + 34 - distance > 60 and height < 30}
    assert len(hit) <= 4, "four of forty may be lost to slips and late presses"


def test_the_runner_ducks_under_middle_and_ignores_high_pterodactyls() -> None:
    near, fast = 200.0, 0.8
    assert TrexDemonstrator().decide(trex_state(0.0, (near, 46, 75, fast), speed=9)) == {"down"}
    assert TrexDemonstrator().decide(trex_state(0.0, (near, 46, 50, fast), speed=9)) == frozenset()


def test_the_runner_does_not_jump_before_it_lands() -> None:
    cactus = (150.0, 34.0, 105.0, 0.0)
    assert TrexDemonstrator().decide(trex_state(0.0, cactus)) == {"up"}
    assert TrexDemonstrator().decide(trex_state(0.0, cactus, height=60, rise=5)) == frozenset()


def test_the_paddle_meets_balls_with_human_delays() -> None:
    player = HumanLike(BrickoutDemonstrator(), ("left", "right"), seed=7)
    angles = random.Random(8)
    paddle, x, y = 0.0, 0.0, -5.0
    vx, vy = 4.0, 8.0
    met = missed = 0
    for frame in range(120 * 60):
        now = frame * STEP
        player.see(
            BrickoutState(
                time=now, game=0, playing=True, score=0, paddle=paddle, reach=1.8, balls=[(x, y, vx, vy)]
            )
        )
        keys = player.keys(now)
        paddle += 18.0 * STEP * (("right" in keys) - ("left" in keys))
        paddle = max(-7.2, min(7.2, paddle))
        x, y = x + vx * STEP, y + vy * STEP
        if abs(x) > 8.5:
            x, vx = math.copysign(17.0, x) - x, -vx
        if y > 6:
            y, vy = 12 - y, -vy
        if y < -9.4 and vy < 0:
            met, missed = (met + 1, missed) if abs(paddle - x) < 2.3 else (met, missed + 1)
            angle = angles.uniform(-1.0, 1.0)
            vx, vy, y = 9.0 * math.sin(angle), 9.0 * math.cos(angle), -9.4
    assert met > 25
    assert missed <= met // 10


def test_the_paddle_knows_of_moves_that_are_not_visible_yet() -> None:
    player = BrickoutDemonstrator()
    ball = (0.0, 0.0, 0.0, -8.0)
    wanted = [
        player.decide(
            BrickoutState(
                time=number * STEP, game=0, playing=True, score=0, paddle=-2.6, reach=1.8, balls=[ball]
            )
        )
        for number in range(round(TYPICAL_DELAY / STEP))
    ]
    assert wanted[0] == {"right"}
    assert wanted[-1] == frozenset(), "the paddle will have arrived by then"
