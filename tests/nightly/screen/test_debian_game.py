"""Tests with a game from Debian: it is recorded, then played by a model that detects its paddle."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.bright_model import BrightModel
from support.commands import Result, running_command
from support.lbreakout import (
    FIELD,
    HEIGHT,
    PACKAGE,
    PADDLE_ROWS,
    WIDTH,
    LBreakout,
    find_game,
    paddle_in,
    running_lbreakout,
)
from support.requirements import skip_or_fail
from support.xserver import XServer, observe

from agp_tui.recording.store import Recording

pytestmark = [pytest.mark.display, pytest.mark.debian_game]

RIGHT = 0xFF53
"""Keysym of the right arrow."""


@pytest.fixture
def breakout(start_x_server: Callable[..., XServer], tmp_path: Path) -> Iterator[LBreakout]:
    program = find_game()
    if program is None:
        skip_or_fail(f"needs {PACKAGE} (apt-get install {PACKAGE})", "AGP_REQUIRE_GAMES")
    with running_lbreakout(start_x_server(), program, tmp_path) as game:
        yield game


def record(game: LBreakout, home: Path) -> Result:
    """Record ten seconds in which the paddle moves left, right, left, and the ball is released."""
    region_flags = ("--region", f"0,0,{WIDTH},{HEIGHT}", "--native-size")
    words = ("record", "--game", "breakout", *region_flags, "--keys", "left,right,space", "--seconds", "10")
    with running_command(*words, home=home, display=game.server.name) as command:
        command.wait_for_live(frames=10)
        for key, seconds in (("Left", 0.6), ("Right", 1.0), ("Left", 0.6)):
            game.server.xdotool("keydown", key)
            time.sleep(seconds)
            game.server.xdotool("keyup", key)
            time.sleep(0.4)
        game.server.xdotool("key", "--delay", "100", "space")
        return command.result()


def test_recording_fills_its_slots_and_shows_the_paddle_follow_the_keys(
    breakout: LBreakout, home: Path
) -> None:
    """Three attempts for the frame slots, as the machine may be busy."""
    for _ in range(3):
        result = record(breakout, home)
        assert result.code == 0, result.summary()
        frames, missed = result.finished["frames"], result.finished["missed"]
        if frames >= 0.995 * (frames + missed):
            break
    assert frames >= 0.995 * (frames + missed)
    recording = Recording.open(Path(result.finished["recording"]))
    pictures = list(recording.frames())
    assert pictures[0].shape == (HEIGHT, WIDTH, 3)
    assert min(picture.mean() for picture in pictures) > 30
    changed = sum(not np.array_equal(one, other) for one, other in pairwise(pictures))
    assert changed > len(pictures) / 4
    pressed = [(edge.key, edge.down) for edge in recording.timeline.edges]
    assert pressed == [(key, down) for key in ("left", "right", "left", "space") for down in (True, False)]
    states = recording.key_states()
    for column, sign in ((0, -1), (1, 1)):
        held = np.flatnonzero(states[:, column])
        positions = [paddle_in(pictures[number]) for number in held]
        steps = np.diff([position for position in positions if position is not None])
        # The paddle stops at the wall, and returns to the middle with a new ball.
        assert np.median(steps[np.abs(steps) > 0.5]) * sign > 0


def test_model_moves_the_paddle_to_the_middle(
    breakout: LBreakout, home: Path, bright_model: BrightModel
) -> None:
    """The model presses right while the bright paddle is in the left half, and left otherwise."""
    breakout.server.xdotool("keydown", "Left")
    time.sleep(1.5)
    breakout.server.xdotool("keyup", "Left")
    left, width = FIELD
    middle = left + width / 2
    assert breakout.paddle() < middle - 100
    region = f"{left},{PADDLE_ROWS.start},{width},{PADDLE_ROWS.stop - PADDLE_ROWS.start}"
    words = ("play", str(bright_model.folder), "--game", "breakout", "--region", region, "--seconds", "60")
    with observe(breakout.server.name) as server:
        with running_command(*words, home=home, display=breakout.server.name) as command:
            down = server.keycode(RIGHT)
            deadline = time.monotonic() + 30
            while down not in server.down():
                assert time.monotonic() < deadline, command.events[-1]
                time.sleep(0.002)
            while breakout.paddle() < middle - 40:
                assert time.monotonic() < deadline, f"the paddle is at {breakout.paddle()}"
            breakout.server.xdotool("key", "F12")
            result = command.result()
        assert server.down() == frozenset()
    assert result.code == 0 and result.finished["report"]["panic"] is True
    assert middle - 60 < breakout.paddle() < middle + 60
