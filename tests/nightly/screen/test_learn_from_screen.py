"""Test of the complete loop on a screen: record, train, play."""

import random
import time
import uuid
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
    """Random sides for `seconds`, a new one every 0.35 to 0.65 s; each side twice in every four."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for side in random.sample(("left", "left", "right", "right"), 4):
            yield side
            time.sleep(random.uniform(0.35, 0.65))


def play_script(server: XServer, arena: Arena, seconds: float) -> None:
    """Hold the key of the target's side for `seconds`."""
    held = ""
    for side in targets(seconds):
        arena.show(side)
        if side != held:
            release = ["keyup", KEY[held]] if held else []
            server.xdotool(*release, "keydown", KEY[side])
            held = side
    server.xdotool("keyup", KEY[held])
    arena.show("none")


@pytest.fixture
def arena(x_server: XServer) -> Iterator[Arena]:
    """A window that no other test has, on whatever display."""
    window = Arena(x_server, name=f"agp-{uuid.uuid4().hex[:8]}")
    yield window
    window.close()


def test_model_trained_on_a_screen_recording_plays_better_than_chance(
    x_server: XServer, arena: Arena, home: Path
) -> None:
    """The recorded region does not show the keys, so the model must use the target.

    It plays after the window has moved, over SSH, without a click or a flag for the region.
    """
    recording = ("record", "--game", "window", *arena.field, "--keys", "left,right", "--fps", str(FPS))
    with running_command(*recording, "--frame-size", "64", home=home, display=x_server.name) as command:
        command.wait_for_live(frames=3)
        play_script(x_server, arena, 20)
        x_server.xdotool("key", "Escape")
        recorded = command.result().finished
    assert recorded["frames"] > 12 * FPS
    words = ("train", "--game", "window", "--frame-size", "64", "--segment", "4", "--minutes", "0.4")
    trained = agp(*words, home=home)
    assert trained.code == 0, trained.summary()
    arena.move(600, 420)
    arena.reports.clear()
    before = len(arena.pictures)
    with running_command("play", "window", home=home, SSH_CONNECTION="10.0.0.2 50000 10.0.0.1 22") as command:
        command.wait_for_live(decisions=3)
        for side in targets(6):
            arena.show(side)
        x_server.xdotool("key", "F12")
        played = command.result()
    assert played.code == 0
    correct, wrong = count_correct(arena.pictures[before:])
    assert correct + wrong > 100
    # A constant key, or chance, is correct at most half of the time.
    assert correct / (correct + wrong) > 0.65, (correct, wrong, trained.finished["metrics"])


def count_correct(pictures: list[PaintedPicture]) -> tuple[int, int]:
    """Number of pictures with exactly the correct key held, and of all others.

    Only targets shown for more than a quarter of a second (seven decisions) count.
    """
    correct = wrong = 0
    since = 0
    for before, after in pairwise(pictures):
        if before.side != after.side:
            since = after.time_ns
        if since and after.side != "none" and after.time_ns - since > 250_000_000:
            is_correct = after.held == frozenset({after.side})
            correct, wrong = correct + is_correct, wrong + (not is_correct)
    return correct, wrong
