"""The whole loop on a screen: watch somebody play, learn from it, take the keyboard and play as well."""

import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.arena_window import Arena, PaintedPicture
from support.commands import agp, running_command
from support.xserver import XServer

pytestmark = pytest.mark.display

FPS = 30
KEY = {"left": "Left", "right": "Right"}


def targets(seconds: float) -> Iterator[str]:
    """A side, then another after half a second or so, for that long. It may stay the same side.

    Of four each is there twice, so that neither is seen much less than the other.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for side in random.sample(("left", "left", "right", "right"), 4):
            yield side
            time.sleep(random.uniform(0.35, 0.65))


def play_perfectly(server: XServer, arena: Arena, seconds: float) -> None:
    """Hold the key of the side that the target is on, as soon as it is there."""
    held = ""
    for side in targets(seconds):
        arena.show(side)
        if side != held:
            let_go = ["keyup", KEY[held]] if held else []
            server.xdotool(*let_go, "keydown", KEY[side])
            held = side
    server.xdotool("keyup", KEY[held])
    arena.show("none")


def test_a_game_on_the_screen_is_learned_and_played(x_server: XServer, arena: Arena, home: Path) -> None:
    """The recorded field shows no keys: what the model knows, it knows from the target."""
    recording = ("record", "--game", "window", *arena.field, "--keys", "left,right", "--fps", str(FPS))
    with running_command(*recording, "--frame-size", "64", home=home, display=x_server.name) as command:
        command.wait_for_live(frames=3)
        play_perfectly(x_server, arena, 20)
        x_server.xdotool("key", "Escape")
        recorded = command.result().finished
    assert recorded["frames"] > 12 * FPS
    words = ("train", "--game", "window", "--frame-size", "64", "--segment", "4", "--minutes", "0.4")
    trained = agp(*words, home=home)
    assert trained.code == 0, trained.story()
    arena.reports.clear()
    before = len(arena.pictures)
    with running_command("play", "window", *arena.field, home=home, display=x_server.name) as command:
        command.wait_for_live(decisions=3)
        for side in targets(6):
            arena.show(side)
        x_server.xdotool("key", "F12")
        played = command.result()
    assert played.code == 0
    right, wrong = judged(arena.pictures[before:])
    assert right + wrong > 100
    # One key held all the time, or chance, is right half of the time at most.
    assert right / (right + wrong) > 0.65, (right, wrong, trained.finished["metrics"])


def judged(pictures: list[PaintedPicture]) -> tuple[int, int]:
    """How many pictures show the right key held alone, and how many something else.

    A target must have been there for a quarter of a second: seven decisions.
    """
    right = wrong = 0
    since = 0
    for before, after in pairwise(pictures):
        if before.side != after.side:
            since = after.time_ns
        if since and after.side != "none" and after.time_ns - since > 250_000_000:
            good = after.held == frozenset({after.side})
            right, wrong = right + good, wrong + (not good)
    return right, wrong
