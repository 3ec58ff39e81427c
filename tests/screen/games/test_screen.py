"""Tests of ScreenGame on a real X server: pixels, scaling, display changes, keys, click to choose."""

import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from support.arena_window import Arena, keys_in_picture
from support.xserver import BLUE_RGB, ORANGE, ORANGE_RGB, Observer, XServer, observe, painted_blue

from agp_tui.config import GameSettings
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, JobFailed, SettingError
from agp_tui.games.click_to_choose import choose_center
from agp_tui.games.screen import ScreenGame
from agp_tui.keys.state import NO_KEYS

pytestmark = pytest.mark.display


@pytest.fixture
def painted(server: XServer) -> Iterator[Observer]:
    """A blue screen with an orange square from 300,200 to 400,300."""
    with painted_blue(server.name, 300, 200, 100, 100) as observer:
        yield observer


def game(server: XServer, **settings: object) -> ScreenGame:
    return ScreenGame("square", GameSettings(display=server.name, **settings))  # type: ignore[arg-type]


def test_pixels_are_rgb_and_from_the_region(server: XServer, painted: Observer) -> None:
    square = game(server, center=(350, 250), size=120, frame_size=120)
    before_ns = time.monotonic_ns()
    frame = square.grab()
    assert before_ns <= frame.before_ns < frame.after_ns <= time.monotonic_ns()
    assert frame.pixels.dtype == np.uint8 and frame.pixels.shape == (120, 120, 3) == (*square.frame_shape, 3)
    assert frame.pixels[9, 9].tolist() == BLUE_RGB and frame.pixels[10, 10].tolist() == ORANGE_RGB
    assert frame.pixels[109, 109].tolist() == ORANGE_RGB and frame.pixels[110, 110].tolist() == BLUE_RGB
    square.close()
    square.close()


def test_frames_are_scaled_by_area(server: XServer, painted: Observer) -> None:
    native = game(server, region=(290, 190, 128, 64), native_size=True)
    scaled = game(server, region=(290, 190, 128, 64), frame_size=32)
    whole = native.grab().pixels
    assert whole.shape == (64, 128, 3) and native.frame_shape == (64, 128)
    expected = cv2.resize(whole, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.array_equal(scaled.grab().pixels, expected)
    native.close()
    scaled.close()


def test_pixels_outside_the_screen_are_black(server: XServer, painted: Observer) -> None:
    corner = game(server, region=(-20, 748, 60, 40), native_size=True)
    pixels = corner.grab().pixels
    assert not pixels[:, :20].any() and not pixels[20:].any()
    assert (pixels[:20, 20:] == BLUE_RGB).all()
    corner.close()


def test_region_outside_the_screen_raises_error_with_the_screen_size(server: XServer) -> None:
    with pytest.raises(DisplayError, match="1024x768"):
        game(server, center=(5000, 5000))


def test_missing_region_raises_error(server: XServer) -> None:
    with pytest.raises(SettingError, match="--center"):
        game(server)


def test_resolution_change_is_followed(server: XServer, painted: Observer) -> None:
    edge = game(server, region=(600, 400, 100, 100), native_size=True)
    assert (edge.grab().pixels == BLUE_RGB).all()
    painted.resize(640, 480)
    painted.fill(ORANGE)
    pixels = edge.grab().pixels
    assert (pixels[:80, :40] == ORANGE_RGB).all()
    assert not pixels[80:].any() and not pixels[:, 40:].any()
    painted.resize(400, 300)
    with pytest.raises(JobFailed, match="400x300"):
        edge.grab()
    edge.close()


def test_lost_server_raises_error(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    screen_game = game(server, center=(350, 250))
    screen_game.grab()
    server.kill()
    with pytest.raises(JobFailed, match="can no longer be grabbed"):
        screen_game.grab()
    with pytest.raises(JobFailed):
        screen_game.grab()
    screen_game.close()


def test_restarted_server_is_grabbed_again(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    screen_game = game(server, center=(350, 250), size=32, frame_size=32)
    server.kill()
    restarted = XServer.start(number=int(server.name[1:]))
    try:
        with observe(restarted.name) as observer:
            observer.fill(ORANGE)
            assert (screen_game.grab().pixels == ORANGE_RGB).all()
        screen_game.close()
    finally:
        restarted.stop()


def test_window_is_captured_and_receives_keys(x_server: XServer, arena: Arena) -> None:
    window = game(x_server, center=arena.center, size=arena.size, keys=("up", "right"))
    assert keys_in_picture(window.grab().pixels) == frozenset()
    window.hold(frozenset({"right"}))
    assert [(report.key, report.down) for report in arena.wait_for(1)] == [("right", True)]
    time.sleep(0.3)
    assert keys_in_picture(window.grab().pixels) == {"right"}, "the window shows the pressed key"
    window.hold(NO_KEYS)
    arena.wait_for(2)
    assert window.status() is None
    with pytest.raises(SettingError):
        window.hold(frozenset({"left"}))
    window.hold(frozenset({"up"}))
    window.close()
    assert [(report.key, report.down) for report in arena.wait_for(4)[2:]] == [
        ("up", True),
        ("up", False),
    ]


def test_capture_without_keys_starts_no_key_guard(server: XServer) -> None:
    watched = game(server, center=(100, 100))
    watched.grab()
    assert watched._guard is None
    watched.close()


def test_click_selects_the_center(x_server: XServer) -> None:
    chosen: list[tuple[int, int] | None] = []
    job = Job()
    thread = threading.Thread(target=lambda: chosen.append(choose_center(x_server.name, job)))
    thread.start()
    time.sleep(0.5)
    x_server.xdotool("mousemove", "321", "234", "click", "3", "click", "1")
    thread.join(5)
    assert chosen == [(321, 234)]


def test_wait_for_a_click_ends_when_the_job_stops(x_server: XServer) -> None:
    job = Job()
    threading.Timer(0.2, job.stop).start()
    assert choose_center(x_server.name, job) is None


def test_wait_for_a_click_on_a_lost_server_raises_error(start_x_server: Callable[..., XServer]) -> None:
    server = start_x_server()
    threading.Timer(0.3, server.kill).start()
    with pytest.raises(JobFailed, match="is gone"):
        choose_center(server.name, Job())
